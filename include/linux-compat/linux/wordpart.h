/* SPDX-License-Identifier: MIT */
/* Halves of words. As in Linux. */
#ifndef LINUX_COMPAT_WORDPART_H
#define LINUX_COMPAT_WORDPART_H

#include <linux/types.h>

#define upper_32_bits(n) ((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n) ((u32)((n) & 0xffffffff))
#define upper_16_bits(n) ((u16)((n) >> 16))
#define lower_16_bits(n) ((u16)((n) & 0xffff))

#endif
