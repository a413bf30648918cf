/* SPDX-License-Identifier: MIT */
/*
 * Tests written as kernel code, in the manner of the kernel's own: a table of functions
 * that return 0 or a negative errno.
 */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>

#include <stdio.h>

struct subtest {
	const char *name;
	int (*func)(void);
};

#define SUBTEST(function) { #function, function }

/* Ends the subtest. */
#define EXPECT(condition)                                                       \
	do {                                                                    \
		if (!(condition)) {                                             \
			pr_err("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			return -EINVAL;                                         \
		}                                                               \
	} while (0)

static inline int run_subtests(const struct subtest *tests, size_t count)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < count; i++) {
		const int err = tests[i].func();

		if (err) {
			pr_err("%s: %d\n", tests[i].name, err);
			failed++;
		}
	}
	printf("%zu passed, %u failed\n", count - failed, failed);
	return failed ? 1 : 0;
}

#endif
