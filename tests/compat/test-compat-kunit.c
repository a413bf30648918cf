/* SPDX-License-Identifier: MIT */
/*
 * KUnit itself, modules, and what two translation units share. The suite below fails in
 * all ways there are; main() runs it and compares its report.
 */
#define LINUX_COMPAT_KUNIT_NO_MAIN

#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/module.h>

#include "test-compat-kunit-unit.h"

static int events; /* what happened, a digit each */

static void event(int digit)
{
	events = events * 10 + digit;
}

static void note(void *context)
{
	event((int)(long)context);
}

static int suite_init(struct kunit_suite *suite)
{
	event(1);
	return 0;
}

static void suite_exit(struct kunit_suite *suite)
{
	event(9);
}

static int init(struct kunit *test)
{
	test->priv = &events;
	return strcmp(test->name, "init_fails") ? 0 : -EIO;
}

static void exit_test(struct kunit *test)
{
	KUNIT_EXPECT_PTR_EQ(test, test->priv, &events);
}

static void passes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, kunit_add_action(test, note, (void *)3), 0);
	KUNIT_EXPECT_EQ(test, kunit_add_action(test, note, (void *)2), 0);
	KUNIT_EXPECT_EQ(test, kunit_add_action_or_reset(test, note, (void *)7), 0);
	kunit_remove_action(test, note, (void *)7);
	kunit_kfree(test, kunit_kstrdup(test, "a", GFP_KERNEL));
	KUNIT_ASSERT_STRNEQ(test, kunit_kstrdup(test, "a", GFP_KERNEL), "b");
	KUNIT_EXPECT_NULL(test, memchr_inv(kunit_kcalloc(test, 9, 9, GFP_KERNEL), 0, 81));
	KUNIT_EXPECT_PTR_EQ(test, kunit_get_current_test(), test);
}

static void expects(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, 1, 2, "is %s", "odd");
	KUNIT_EXPECT_STREQ(test, "a", "b");
	kunit_fail_current_test("from %d", 4);
	kunit_info(test, "goes on");
}

static void asserts(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, kunit_add_action(test, note, (void *)4), 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ERR_PTR(-EIO));
	kunit_info(test, "not reached");
}

static int assert_elsewhere(void *data)
{
	KUNIT_ASSERT_TRUE((struct kunit *)data, false);
	return 0;
}

static void a_thread_asserts(struct kunit *test)
{
	struct task_struct *task = kthread_create(assert_elsewhere, test, "asserter");

	get_task_struct(task);
	wake_up_process(task);
	while (!READ_ONCE(test->status))
		cond_resched();
	kthread_stop_put(task);
}

static void skips(struct kunit *test)
{
	kunit_skip(test, "no %s", "device");
}

static void init_fails(struct kunit *test)
{
	kunit_info(test, "not reached");
}

struct param {
	const char *name;
	int value;
};

static const struct param params[] = { { "zero", 0 }, { "one", 1 } };

KUNIT_ARRAY_PARAM_DESC(params, params, name);

static void is_zero(struct kunit *test)
{
	const struct param *param = test->param_value;

	KUNIT_EXPECT_EQ(test, param->value, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(passes),
	KUNIT_CASE(expects),
	KUNIT_CASE(asserts),
	KUNIT_CASE_SLOW(a_thread_asserts),
	KUNIT_CASE(skips),
	KUNIT_CASE(init_fails),
	KUNIT_CASE_PARAM(is_zero, params_gen_params),
	{}
};

static struct kunit_suite inner = {
	.name = "inner",
	.suite_init = suite_init,
	.suite_exit = suite_exit,
	.init = init,
	.exit = exit_test,
	.test_cases = cases,
};
kunit_test_suite(inner);

static const char *const wanted[] = {
	"KTAP version 1", "1..1", "    KTAP version 1", "    # Subtest: inner", "    1..7",
	"    ok 1 passes",
	"    # expects: EXPECTATION FAILED at ", "    # expects: not 1 == 2: 1, 2",
	"    # expects: is odd",
	"    # expects: EXPECTATION FAILED at ", "    # expects: not \"a\" == \"b\": \"a\", \"b\"",
	"    # expects: EXPECTATION FAILED at ", "    # expects: from 4",
	"    # expects: goes on", "    not ok 2 expects",
	"    # asserts: ASSERTION FAILED at ", "    # asserts: not a pointer: ERR_PTR(-5)",
	"    not ok 3 asserts",
	"    # a_thread_asserts: ASSERTION FAILED at ", "    # a_thread_asserts: not true: ",
	"    not ok 4 a_thread_asserts",
	"    ok 5 skips # SKIP no device",
	"    # init_fails: init failed: -5", "    not ok 6 init_fails",
	"        KTAP version 1", "        # Subtest: is_zero", "        ok 1 zero",
	"    # is_zero: EXPECTATION FAILED at ", "    # is_zero: not param->value == 0: 1, 0",
	"        not ok 2 one", "    not ok 7 is_zero",
	"not ok 1 inner", "# Totals: pass:1 fail:5 skip:1 total:7",
};

static int good, bad;

static void check(bool cond, const char *what)
{
	if (cond) {
		good++;
	} else {
		bad++;
		fprintf(stderr, "not true: %s\n", what);
	}
}

/* Run the suites with their report in a file. */
static FILE *report(int *ret_status)
{
	FILE *file = tmpfile();
	const int terminal = dup(1);

	fflush(stdout);
	dup2(fileno(file), 1);
	*ret_status = linux_compat_kunit_run();
	fflush(stdout);
	dup2(terminal, 1);
	close(terminal);
	rewind(file);
	return file;
}

static void compare_report(FILE *file)
{
	char line[512];
	size_t n = 0;

	for (; fgets(line, sizeof(line), file); n++) {
		if (n < ARRAY_SIZE(wanted) && strstarts(line, wanted[n]))
			continue;
		fprintf(stderr, "line %zu is not \"%s\": %s", n + 1,
			n < ARRAY_SIZE(wanted) ? wanted[n] : "there", line);
		bad++;
	}
	check(n == ARRAY_SIZE(wanted), "every line is there");
	fclose(file);
}

static int __init begin(void)
{
	event(6);
	return 0;
}

static void __exit end(void)
{
	event(7);
}

static bool param_flag;
static unsigned int param_number = 3;
module_param(param_flag, bool, 0444);
module_param_named(number, param_number, uint, 0600);
MODULE_PARM_DESC(number, "how many");
module_init(begin);
module_exit(end);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("a module of a program");

int main(void)
{
	int status;

	compare_report(report(&status));
	check(status == 1, "a failure shows in the exit status");
	check(events == 12349, "actions run in the reverse order, also after an assertion");

	events = 0;
	unit_begin = unit_end = 0;
	check(linux_compat_modules_init() == 0 && events == 6 && unit_begin == 1,
	      "every module begins");
	linux_compat_modules_exit();
	check(events == 67 && unit_end == 1, "every module ends");
	unit_fails = -ENODEV;
	check(linux_compat_modules_init() == -ENODEV, "a module that fails says so");
	check(THIS_MODULE == NULL && try_module_get(THIS_MODULE) && !param_flag,
	      "a program is no module");

	check(unit_current() == current, "a thread has one task");
	check(unit_queues_work(), "units share the work queues");
	check(unit_printk_handler() == linux_compat_set_printk_handler(NULL),
	      "units share the handler");
	printf("# Totals: pass:%d fail:%d skip:0 total:%d\n", good, bad, good + bad);
	return bad != 0;
}
