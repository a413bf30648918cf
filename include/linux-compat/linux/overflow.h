/* SPDX-License-Identifier: MIT */
/* Arithmetic that notices overflow, and sizes that saturate. As in Linux. */
#ifndef LINUX_COMPAT_OVERFLOW_H
#define LINUX_COMPAT_OVERFLOW_H

#include <linux/limits.h>
#include <linux/stddef.h>

#define check_add_overflow(a, b, ret) __builtin_add_overflow(a, b, ret)
#define check_sub_overflow(a, b, ret) __builtin_sub_overflow(a, b, ret)
#define check_mul_overflow(a, b, ret) __builtin_mul_overflow(a, b, ret)

static inline size_t __must_check size_add(size_t a, size_t b)
{
	size_t sum;

	return check_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static inline size_t __must_check size_sub(size_t a, size_t b)
{
	size_t difference;

	if (a == SIZE_MAX || b == SIZE_MAX || check_sub_overflow(a, b, &difference))
		return SIZE_MAX;
	return difference;
}

static inline size_t __must_check size_mul(size_t a, size_t b)
{
	size_t product;

	return check_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

#define array_size(a, b) size_mul(a, b)
#define array3_size(a, b, c) size_mul(size_mul(a, b), c)
#define flex_array_size(p, member, count) \
	size_mul(count, sizeof(*(p)->member) + __must_be_array((p)->member))
#define struct_size(p, member, count) size_add(sizeof(*(p)), flex_array_size(p, member, count))
#define struct_size_t(type, member, count) struct_size((type *)NULL, member, count)

#endif
