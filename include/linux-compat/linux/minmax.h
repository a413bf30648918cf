/* SPDX-License-Identifier: MIT */
/* Smaller, larger, between. As in Linux; what may not be compared there is not found here. */
#ifndef LINUX_COMPAT_MINMAX_H
#define LINUX_COMPAT_MINMAX_H

#include <linux/types.h>

#define LC_CHOOSE(op, type_a, type_b, a, b, x, y) \
	({ \
		const type_a x = (type_a)(a); \
		const type_b y = (type_b)(b); \
		x op y ? x : y; \
	})
#define LC_UNIQUE_CHOOSE(op, type_a, type_b, a, b) \
	LC_CHOOSE(op, type_a, type_b, a, b, __UNIQUE_ID(lc_a), __UNIQUE_ID(lc_b))

#undef min
#undef max
#define min(a, b) LC_UNIQUE_CHOOSE(<, __typeof__(a), __typeof__(b), a, b)
#define max(a, b) LC_UNIQUE_CHOOSE(>, __typeof__(a), __typeof__(b), a, b)
#define min_t(type, a, b) LC_UNIQUE_CHOOSE(<, type, type, a, b)
#define max_t(type, a, b) LC_UNIQUE_CHOOSE(>, type, type, a, b)
#define umin(a, b) min_t(u64, a, b)
#define umax(a, b) max_t(u64, a, b)
#define min3(a, b, c) min(min(a, b), c)
#define max3(a, b, c) max(max(a, b), c)
#define clamp(value, low, high) min(max(value, low), high)
#define clamp_t(type, value, low, high) min_t(type, max_t(type, value, low), high)
#define clamp_val(value, low, high) clamp_t(__typeof__(value), value, low, high)
#define in_range(value, start, length) ((u64)(value) - (u64)(start) < (u64)(length))

/* Where a constant expression is needed. */
#undef MIN
#undef MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define min_not_zero(a, b) \
	({ \
		const __typeof__(a) lc_x = (a); \
		const __typeof__(b) lc_y = (b); \
		lc_x == 0 ? lc_y : lc_y == 0 ? lc_x : min(lc_x, lc_y); \
	})

#define swap(a, b) \
	do { \
		__typeof__(a) lc_swapped = (a); \
		(a) = (b); \
		(b) = lc_swapped; \
	} while (0)

#endif
