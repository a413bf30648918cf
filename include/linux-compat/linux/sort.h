/* SPDX-License-Identifier: MIT */
/* Sorting in place, by heap sort, with no memory and no recursion. As in Linux; not stable. */
#ifndef LINUX_COMPAT_SORT_H
#define LINUX_COMPAT_SORT_H

#include <linux/types.h>

static inline void lc_sort_swap(char *a, char *b, size_t size, swap_func_t swap_func)
{
	if (swap_func) {
		swap_func(a, b, (int)size);
		return;
	}
	for (; size--; a++, b++) {
		const char byte = *a;

		*a = *b;
		*b = byte;
	}
}

/* The element at @root sinks until its children are not larger. */
static inline void lc_sort_sink(char *base, size_t root, size_t num, size_t size, cmp_r_func_t cmp,
				swap_func_t swap_func, const void *priv)
{
	for (size_t child; (child = 2 * root + 1) < num; root = child) {
		if (child + 1 < num &&
		    cmp(base + child * size, base + (child + 1) * size, priv) < 0)
			child++;
		if (cmp(base + root * size, base + child * size, priv) >= 0)
			return;
		lc_sort_swap(base + root * size, base + child * size, size, swap_func);
	}
}

static inline void sort_r(void *base, size_t num, size_t size, cmp_r_func_t cmp,
			  swap_func_t swap_func, const void *priv)
{
	char *first = (char *)base;

	for (size_t root = num / 2; root--;)
		lc_sort_sink(first, root, num, size, cmp, swap_func, priv);
	while (num > 1) {
		num--;
		lc_sort_swap(first, first + num * size, size, swap_func);
		lc_sort_sink(first, 0, num, size, cmp, swap_func, priv);
	}
}

struct lc_sort_cmp {
	cmp_func_t cmp;
};

static inline int lc_sort_cmp(const void *a, const void *b, const void *priv)
{
	return ((const struct lc_sort_cmp *)priv)->cmp(a, b);
}

static inline void sort(void *base, size_t num, size_t size, cmp_func_t cmp, swap_func_t swap_func)
{
	const struct lc_sort_cmp priv = { cmp };

	sort_r(base, num, size, lc_sort_cmp, swap_func, &priv);
}

#endif
