/* SPDX-License-Identifier: MIT */
/* Atomic integers: see linux/atomic.h. */
#ifndef LINUX_COMPAT_ASM_ATOMIC_H
#define LINUX_COMPAT_ASM_ATOMIC_H

#include <linux/atomic.h>

#endif
