/* SPDX-License-Identifier: MIT */
/* linux/fdtable.h - close_fd(), for descriptors of buffers and of sync_files */
#ifndef LINUX_COMPAT_FDTABLE_H
#define LINUX_COMPAT_FDTABLE_H

#include <linux/dma-buf.h>
#include <linux/file.h>

#endif
