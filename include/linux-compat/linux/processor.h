/* SPDX-License-Identifier: MIT */
/* Ways to spin: cpu_relax(). As in Linux. */
#ifndef LINUX_COMPAT_PROCESSOR_H
#define LINUX_COMPAT_PROCESSOR_H

#include <asm/barrier.h>

#define spin_begin() ((void)0)
#define spin_cpu_relax() cpu_relax()
#define spin_end() ((void)0)

#endif
