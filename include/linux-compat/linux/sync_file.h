/* SPDX-License-Identifier: MIT */
/*
 * linux/sync_file.h - fences as descriptors
 *
 * sync_file->file goes to fd_install() or fput() (linux/file.h). A plain close() ends the
 * descriptor; its fence is put by close_fd() (linux/fdtable.h), rcu_barrier(), or the next call
 * for a sync_file.
 */
#ifndef LINUX_COMPAT_SYNC_FILE_H
#define LINUX_COMPAT_SYNC_FILE_H

#include <linux/dma-fence.h>
#include <linux/dma-fence-array.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <dmabuf/sync-file.h>
#include <uapi/linux/sync_file.h>

#endif
