/* SPDX-License-Identifier: MIT */
/*
 * Threads of the kernel, which are POSIX threads with all signals blocked. As in Linux:
 * they begin when they are first woken, and one that was stopped before never does.
 */
#ifndef LINUX_COMPAT_KTHREAD_H
#define LINUX_COMPAT_KTHREAD_H

#include <compat/kthread-worker.h>
#include <compat/kthread.h>
#include <linux/err.h>

#include <compat/common.h>

#endif
