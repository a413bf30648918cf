/* SPDX-License-Identifier: MIT */
/* Signals: libc's header, since the UAPI's of this name cannot stand beside it. */
#ifndef LINUX_COMPAT_SIGNAL_H
#define LINUX_COMPAT_SIGNAL_H

#include <linux/sched/signal.h>

#include <signal.h>

#endif
