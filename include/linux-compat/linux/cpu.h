/* SPDX-License-Identifier: MIT */
/* Processors do not come and go here. */
#ifndef LINUX_COMPAT_CPU_H
#define LINUX_COMPAT_CPU_H

#include <linux/cpumask.h>

#define cpus_read_lock() ((void)0)
#define cpus_read_unlock() ((void)0)

#endif
