/* SPDX-License-Identifier: MIT */
/* What a driver's poll operation names. Nobody polls through it, so nobody waits. */
#ifndef LINUX_COMPAT_POLL_H
#define LINUX_COMPAT_POLL_H

#include <linux/fs.h>
#include <linux/wait.h>

#include <poll.h>
#include <sys/epoll.h>

typedef struct poll_table_struct poll_table;

#define poll_wait(file, queue, table) ((void)(file), (void)(queue), (void)(table))

#endif
