/* SPDX-License-Identifier: MIT */
/* Ways to spin: see linux/processor.h. */
#ifndef LINUX_COMPAT_ASM_PROCESSOR_H
#define LINUX_COMPAT_ASM_PROCESSOR_H

#include <linux/processor.h>

#endif
