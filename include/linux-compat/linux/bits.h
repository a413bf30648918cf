/* SPDX-License-Identifier: MIT */
/* Masks of bits. As in Linux. */
#ifndef LINUX_COMPAT_BITS_H
#define LINUX_COMPAT_BITS_H

#include <linux/const.h>
#include <linux/types.h>

#undef BITS_PER_LONG
#define BITS_PER_LONG (__SIZEOF_LONG__ * 8)
#define BITS_PER_LONG_LONG 64
#define BITS_PER_BYTE 8

#define BIT(nr) (1ul << (nr))
#define BIT_ULL(nr) (1ull << (nr))
#define BIT_U8(nr) ((u8)BIT(nr))
#define BIT_U16(nr) ((u16)BIT(nr))
#define BIT_U32(nr) ((u32)BIT(nr))
#define BIT_U64(nr) BIT_ULL(nr)
#define BIT_MASK(nr) (1ul << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)
#define BIT_ULL_MASK(nr) (1ull << ((nr) % 64))
#define BIT_ULL_WORD(nr) ((nr) / 64)

#define GENMASK(high, low) ((~0ul << (low)) & (~0ul >> (BITS_PER_LONG - 1 - (high))))
#define GENMASK_ULL(high, low) ((~0ull << (low)) & (~0ull >> (63 - (high))))

#endif
