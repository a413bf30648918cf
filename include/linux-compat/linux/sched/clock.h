/* SPDX-License-Identifier: MIT */
/* The scheduler's clock, which is CLOCK_MONOTONIC. */
#ifndef LINUX_COMPAT_SCHED_CLOCK_H
#define LINUX_COMPAT_SCHED_CLOCK_H

#include <linux/timekeeping.h>

#define sched_clock() ktime_get_ns()
#define local_clock() ktime_get_ns()

#endif
