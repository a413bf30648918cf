/* SPDX-License-Identifier: MIT */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "runner.h"

enum {
#define test(name, function) index_##name,
#include "tests.h"
#undef test
};

static struct test {
	bool enabled;
	const char *name;
	int (*func)(void);
} tests[] = {
#define test(n, f) [index_##n] = { .enabled = true, .name = #n, .func = f },
#include "tests.h"
#undef test
};

static char *only;

static int run(const struct test *test, unsigned int count)
{
	int err = 0;

	for (; count-- && !err; test++) {
		if (!test->enabled || (only && strcmp(only, test->name)))
			continue;
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
		pr_info("running %s\n", test->name);
		err = test->func();
	}
	if (WARN(err > 0, "%s returned %d\n", test[-1].name, err))
		err = -EINVAL;
	return err;
}

int __subtests(const char *caller, const struct subtest *tests, unsigned int count, void *data)
{
	int err;

	for (; count--; tests++) {
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
		pr_debug("running %s/%s\n", caller, tests->name);
		err = tests->func(data);
		if (err) {
			pr_err("%s/%s failed: %d\n", caller, tests->name, err);
			return err;
		}
	}
	return 0;
}

static int __init runner_init(void)
{
	return run(tests, ARRAY_SIZE(tests));
}

static void __exit runner_exit(void)
{
}

module_param(only, charp, 0400);
MODULE_PARM_DESC(only, "the test to run; all without it");
#define test(n, f) module_param_named(n, tests[index_##n].enabled, bool, 0400);
#include "tests.h"
#undef test

module_init(runner_init);
module_exit(runner_exit);
MODULE_DESCRIPTION("tests in the manner of the kernel's own");
MODULE_LICENSE("Dual MIT/GPL");
