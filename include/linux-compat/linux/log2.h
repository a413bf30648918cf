/* SPDX-License-Identifier: MIT */
/* Powers of two. As in Linux; never a constant expression. */
#ifndef LINUX_COMPAT_LOG2_H
#define LINUX_COMPAT_LOG2_H

#include <linux/bitops.h>

static inline int ilog2(u64 n)
{
	return fls64(n) - 1;
}

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n <= 1 ? 1 : 1ul << fls64(n - 1);
}

static inline unsigned long rounddown_pow_of_two(unsigned long n)
{
	return 1ul << ilog2(n);
}

/* The smallest power of two that is no less, as an exponent. */
static inline int order_base_2(unsigned long n)
{
	return n > 1 ? fls64(n - 1) : 0;
}

#endif
