/* SPDX-License-Identifier: MIT */
/*
 * Every expectation and assertion of KUnit: each passes and fails once. What fails is run as
 * a suite of its own, whose results main() looks at.
 */
#define LINUX_COMPAT_KUNIT_NO_MAIN

#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <kunit/visibility.h>

#define UNARY(F, form, good, bad) \
	F(KUNIT_EXPECT_##form, (test, good), (test, bad)) \
	F(KUNIT_ASSERT_##form, (test, good), (test, bad)) \
	F(KUNIT_EXPECT_##form##_MSG, (test, good, "not said"), (test, bad, "said %d", 7)) \
	F(KUNIT_ASSERT_##form##_MSG, (test, good, "not said"), (test, bad, "said %d", 7))
#define BINARY(F, form, left, good, bad) \
	F(KUNIT_EXPECT_##form, (test, left, good), (test, left, bad)) \
	F(KUNIT_ASSERT_##form, (test, left, good), (test, left, bad)) \
	F(KUNIT_EXPECT_##form##_MSG, (test, left, good, "not said"), (test, left, bad, "said %d", 7)) \
	F(KUNIT_ASSERT_##form##_MSG, (test, left, good, "not said"), (test, left, bad, "said %d", 7))
#define MEMORY(F, form, good, bad) \
	F(KUNIT_EXPECT_##form, (test, "abc", good, 2), (test, "abc", bad, 2)) \
	F(KUNIT_ASSERT_##form, (test, "abc", good, 2), (test, "abc", bad, 2)) \
	F(KUNIT_EXPECT_##form##_MSG, (test, "abc", good, 2, "not"), (test, "abc", bad, 2, "said %d", 7)) \
	F(KUNIT_ASSERT_##form##_MSG, (test, "abc", good, 2, "not"), (test, "abc", bad, 2, "said %d", 7))
#define FORMS(F) \
	UNARY(F, TRUE, 1, 0) \
	UNARY(F, FALSE, 0, 1) \
	UNARY(F, NULL, NULL, test) \
	UNARY(F, NOT_NULL, test, NULL) \
	UNARY(F, NOT_ERR_OR_NULL, test, NULL) \
	BINARY(F, EQ, 1, 1, 2) \
	BINARY(F, NE, 1, 2, 1) \
	BINARY(F, LT, 1, 2, 1) \
	BINARY(F, LE, 1, 1, 0) \
	BINARY(F, GT, 1, 0, 1) \
	BINARY(F, GE, 1, 1, 2) \
	BINARY(F, PTR_EQ, test, test, (struct kunit *)NULL) \
	BINARY(F, PTR_NE, test, (struct kunit *)NULL, test) \
	BINARY(F, STREQ, "a", "a", "b") \
	BINARY(F, STRNEQ, "a", "b", "a") \
	MEMORY(F, MEMEQ, "abd", "acc") \
	MEMORY(F, MEMNEQ, "acc", "abd")

static int progress; /* 0: nothing passed, 1: the good one did, 2: the bad one went on */
static int good, bad; /* tests that did what they must, and others */

#define TRY(form, good_arguments, bad_arguments) \
	static void form##_once(struct kunit *test) \
	{ \
		progress = 0; \
		form good_arguments; \
		progress = 1; \
		form bad_arguments; \
		progress = 2; \
	}
FORMS(TRY)

static void KUNIT_EXPECT_nothing(struct kunit *test)
{
	progress = 1;
	KUNIT_FAIL(test, "said %d", 7);
	progress = 2;
}

static void KUNIT_ASSERT_nothing(struct kunit *test)
{
	progress = 1;
	KUNIT_FAIL_AND_ABORT(test, "said %d", 7);
	progress = 2;
}

static void KUNIT_EXPECT_logs(struct kunit *test)
{
	kunit_log(KERN_INFO, test, "said %d", 7);
	kunit_warn(test, "said %d", 7);
	kunit_err(test, "said %d", 7);
	progress = 2;
	kunit_fail_current_test("not said");
}

static void check(bool cond, const char *what)
{
	good += cond;
	bad += !cond;
	if (!cond)
		fprintf(stderr, "not true: %s\n", what);
}

/* Behind each test: it has failed, and gone on unless it asserted. */
static void look(struct kunit *test)
{
	check(test->status == KUNIT_FAILURE, test->name);
	check(progress == (strstarts(test->name, "KUNIT_ASSERT") ? 1 : 2), test->name);
}

#define CASE(form, good_arguments, bad_arguments) KUNIT_CASE(form##_once),

static struct kunit_case failing[] = {
	FORMS(CASE)
	KUNIT_CASE(KUNIT_EXPECT_nothing),
	KUNIT_CASE(KUNIT_ASSERT_nothing),
	KUNIT_CASE(KUNIT_EXPECT_logs),
	{}
};

static struct kunit_suite failing_suite = {
	.name = "failing", .exit = look, .test_cases = failing,
};
kunit_test_init_section_suite(failing_suite);

static int described, closed; /* arguments of parameters, and of an action */

VISIBLE_IF_KUNIT void describe(const int *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%d", *param);
	described += *param;
}
EXPORT_SYMBOL_IF_KUNIT(describe);

static const int params[] = { 3, 4 };
KUNIT_ARRAY_PARAM(described, params, describe);
KUNIT_ARRAY_PARAM(nameless, params, NULL);

static void close_number(int *number)
{
	closed += *number;
}

KUNIT_DEFINE_ACTION_WRAPPER(close_action, close_number, int *);

static void takes_a_parameter(struct kunit *test)
{
	int *number = kunit_kzalloc(test, sizeof(*number), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, number);
	*number += *(const int *)test->param_value;
	KUNIT_EXPECT_EQ(test, kunit_add_action_or_reset(test, close_action, number), 0);
}

static void passes(struct kunit *test)
{
	KUNIT_SUCCEED(test);
}

static struct kunit_case passing[] = {
	KUNIT_CASE_PARAM(takes_a_parameter, described_gen_params),
	KUNIT_CASE_PARAM_ATTR(takes_a_parameter, nameless_gen_params, { KUNIT_SPEED_NORMAL }),
	KUNIT_CASE_ATTR(passes, { KUNIT_SPEED_VERY_SLOW }),
	{}
};

static struct kunit_suite first = { .name = "first", .test_cases = passing };
static struct kunit_suite second = { .name = "second", .test_cases = passing };
kunit_test_init_section_suites(&first, &second);

/* Lines of the report that have @text. */
static int lines_with(FILE *report, const char *text)
{
	char line[512];
	int n = 0;

	rewind(report);
	while (fgets(line, sizeof(line), report))
		n += strstr(line, text) != NULL;
	return n;
}

int main(void)
{
	FILE *report = tmpfile();
	const int terminal = dup(1);

	dup2(fileno(report), 1);
	check(linux_compat_kunit_run() == 1, "failures show in the exit status");
	fflush(stdout);
	dup2(terminal, 1);
	close(terminal);
	/* 17 forms, expected and asserted, with a text; two that fail; three that only say it */
	check(lines_with(report, ": said 7") == 2 * 17 + 2 + 3, "what the test says is said");
	check(lines_with(report, "not said") == 1, "and no more");
	check(lines_with(report, "FAILED at") == 4 * 17 + 3, "each failure has its place");
	check(lines_with(report, "    not ok") == 4 * 17 + 3, "each failure is reported");
	check(lines_with(report, "        ok 1 3") == 2, "a parameter is described");
	check(lines_with(report, "        ok 2 param-1") == 2, "or numbered");
	check(lines_with(report, "    ok 3 passes") == 2, "what passes passes in each suite");
	check(described == 2 * 7 && closed == 2 * 2 * 7, "each parameter is tested once in each suite");
	fclose(report);
	printf("# Totals: pass:%d fail:%d skip:0 total:%d\n", good, bad, good + bad);
	return bad != 0;
}
