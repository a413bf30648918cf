/* SPDX-License-Identifier: MIT */
/* A module that tests others: its functions return 0 or a negative errno. */
#ifndef RUNNER_H
#define RUNNER_H

#include <linux/compiler.h>
#include <linux/types.h>

#define test(name, function) int function(void);
#include "tests.h"
#undef test

struct subtest {
	int (*func)(void *data);
	const char *name;
};

#define SUBTEST(function) { function, #function }

int __subtests(const char *caller, const struct subtest *tests, unsigned int count, void *data);
#define subtests(tests, data) __subtests(__func__, tests, ARRAY_SIZE(tests), data)

#endif
