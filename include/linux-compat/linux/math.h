/* SPDX-License-Identifier: MIT */
/* Rounding and division of integers. As in Linux; abs() is for any signed type. */
#ifndef LINUX_COMPAT_MATH_H
#define LINUX_COMPAT_MATH_H

#include <linux/types.h>

#include <stdlib.h>

#define round_up(x, power) ((((x) - 1) | ((__typeof__(x))(power) - 1)) + 1)
#define round_down(x, power) ((x) & ~((__typeof__(x))(power) - 1))

#undef roundup
#define roundup(x, y) \
	({ \
		const __typeof__(y) lc_step = (y); \
		(((x) + (lc_step - 1)) / lc_step) * lc_step; \
	})
#define rounddown(x, y) \
	({ \
		const __typeof__(x) lc_value = (x); \
		lc_value - lc_value % (y); \
	})

#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define DIV_ROUND_DOWN_ULL(n, d) ((unsigned long long)(n) / (d))
#define DIV_ROUND_UP_ULL(n, d) (((unsigned long long)(n) + (d) - 1) / (d))
#define DIV_ROUND_CLOSEST(x, divisor) \
	({ \
		const __typeof__(x) lc_value = (x); \
		const __typeof__(divisor) lc_by = (divisor); \
		(lc_value > 0) == (lc_by > 0) ? (lc_value + lc_by / 2) / lc_by : \
						(lc_value - lc_by / 2) / lc_by; \
	})
#define DIV_ROUND_CLOSEST_ULL(x, d) (((unsigned long long)(x) + (d) / 2) / (d))

/* The result has the argument's type. */
#undef abs
#define abs(x) \
	({ \
		const __typeof__(x) lc_value = (x); \
		lc_value < 0 ? (__typeof__(x))-lc_value : lc_value; \
	})
#define abs_diff(a, b) \
	({ \
		const __typeof__(a) lc_a = (a); \
		const __typeof__(b) lc_b = (b); \
		lc_a > lc_b ? lc_a - lc_b : lc_b - lc_a; \
	})

#define mult_frac(x, n, d) \
	({ \
		const __typeof__(x) lc_value = (x); \
		const __typeof__(d) lc_by = (d); \
		lc_value / lc_by * (n) + lc_value % lc_by * (n) / lc_by; \
	})

#define int_sqrt(x) ((unsigned long)lc_int_sqrt(x))
static inline u64 lc_int_sqrt(u64 x)
{
	u64 root = 0;

	for (u64 bit = 1ull << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

#endif
