/* SPDX-License-Identifier: MIT */
/* Division of 64 bits. As in Linux. */
#ifndef LINUX_COMPAT_MATH64_H
#define LINUX_COMPAT_MATH64_H

#include <linux/math.h>

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	*remainder = (u32)(dividend % divisor);
	return dividend / divisor;
}

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

static inline s64 div_s64(s64 dividend, s32 divisor)
{
	return dividend / divisor;
}

static inline u64 div64_u64_rem(u64 dividend, u64 divisor, u64 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline s64 div64_s64(s64 dividend, s64 divisor)
{
	return dividend / divisor;
}

#define div64_ul(dividend, divisor) div64_u64(dividend, divisor)
#define div64_long(dividend, divisor) div64_s64(dividend, divisor)
#define DIV64_U64_ROUND_UP(n, d) div64_u64((n) + (d) - 1, d)

/* @n becomes the quotient; the value is the remainder. */
#define do_div(n, base) \
	({ \
		const u32 lc_base = (base), lc_rest = (u32)((n) % lc_base); \
		(n) /= lc_base; \
		lc_rest; \
	})

static inline u64 mul_u32_u32(u32 a, u32 b)
{
	return (u64)a * b;
}

__extension__ typedef unsigned __int128 lc_u128;

static inline u64 mul_u64_u32_div(u64 a, u32 mul, u32 divisor)
{
	return (u64)((lc_u128)a * mul / divisor);
}

static inline u64 mul_u64_u32_shr(u64 a, u32 mul, unsigned int shift)
{
	return (u64)((lc_u128)a * mul >> shift);
}

static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 divisor)
{
	return (u64)((lc_u128)a * b / divisor);
}

#endif
