/* SPDX-License-Identifier: MIT */
/*
 * KUnit: tests in Linux's form, for a program. kunit_test_suites() also defines a weak
 * main() that runs every suite of the program, prints KTAP and ends with 1 if anything
 * failed; a file with a main() of its own defines LINUX_COMPAT_KUNIT_NO_MAIN first, and
 * calls linux_compat_kunit_run(). There are no time limits.
 */
#ifndef LINUX_COMPAT_KUNIT_TEST_H
#define LINUX_COMPAT_KUNIT_TEST_H

#include <compat/kunit.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/module.h>

#define KUNIT_CASE(test_name) { .run_case = test_name, .name = #test_name }
#define KUNIT_CASE_ATTR(test_name, attributes) \
	{ .run_case = test_name, .name = #test_name, .attr = attributes }
#define KUNIT_CASE_SLOW(test_name) \
	{ .run_case = test_name, .name = #test_name, .attr.speed = KUNIT_SPEED_SLOW }
#define KUNIT_CASE_PARAM(test_name, gen_params) \
	{ .run_case = test_name, .name = #test_name, .generate_params = gen_params }
#define KUNIT_CASE_PARAM_ATTR(test_name, gen_params, attributes) \
	{ \
		.run_case = test_name, \
		.name = #test_name, \
		.generate_params = gen_params, \
		.attr = attributes, \
	}

#ifdef LINUX_COMPAT_KUNIT_NO_MAIN
#define LC_KUNIT_MAIN
#else
#define LC_KUNIT_MAIN _Pragma("weak main = lc_kunit_main")
#endif

#define LC_KUNIT_SUITES(id, suite_list...) \
	__attribute__((__constructor__)) static void __PASTE(lc_kunit_constructor_, id)(void) \
	{ \
		static struct kunit_suite *suites[] = { suite_list }; \
		static struct lc_kunit_suites registered = { NULL, suites, ARRAY_SIZE(suites) }; \
\
		lc_kunit_register(&registered); \
	} \
	LC_KUNIT_MAIN
#define kunit_test_suites(suite_list...) LC_KUNIT_SUITES(__COUNTER__, suite_list) struct kunit
#define kunit_test_suite(suite) kunit_test_suites(&suite)
#define kunit_test_init_section_suites(suite_list...) kunit_test_suites(suite_list)
#define kunit_test_init_section_suite(suite) kunit_test_suite(suite)

/* A generator of parameters, which are the elements of @array. */
#define LC_KUNIT_ARRAY_PARAM(name, array, describe) \
	static LC_KUNIT_GENERATOR(name##_gen_params) \
	{ \
		__typeof__((array)[0]) *lc_next = \
			prev ? (__typeof__(lc_next))(uintptr_t)prev + 1 : (array); \
\
		if ((size_t)(lc_next - (array)) >= ARRAY_SIZE(array)) \
			return NULL; \
		describe; \
		return lc_next; \
	}
#define KUNIT_ARRAY_PARAM(name, array, get_desc) \
	LC_KUNIT_ARRAY_PARAM(name, array, \
			     void (*lc_describe)(__typeof__(lc_next), char *) = get_desc; \
			     if (lc_describe) lc_describe(lc_next, desc))
#define KUNIT_ARRAY_PARAM_DESC(name, array, desc_member) \
	LC_KUNIT_ARRAY_PARAM(name, array, \
			     snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", lc_next->desc_member))

#define kunit_log(level, test, fmt, ...) lc_kunit_print(test, fmt, ##__VA_ARGS__)
#define kunit_info(test, fmt, ...) lc_kunit_print(test, fmt, ##__VA_ARGS__)
#define kunit_warn(test, fmt, ...) lc_kunit_print(test, fmt, ##__VA_ARGS__)
#define kunit_err(test, fmt, ...) lc_kunit_print(test, fmt, ##__VA_ARGS__)

#define kunit_mark_skipped(test, fmt, ...) \
	do { \
		lc_kunit_set_status(test, KUNIT_SKIPPED); \
		scnprintf((test)->status_comment, sizeof((test)->status_comment), fmt, \
			  ##__VA_ARGS__); \
	} while (0)
#define kunit_skip(test, fmt, ...) \
	do { \
		kunit_mark_skipped(test, fmt, ##__VA_ARGS__); \
		lc_kunit_abort(test); \
	} while (0)

#include <kunit/resource.h>

/*
 * Expectations, which a test goes on after, and assertions, which end it.
 */

#define KUNIT_SUCCEED(test) ((void)(test))
#define LC_KUNIT_FAIL(test, fatal, fmt, ...) \
	do { \
		lc_kunit_failed(test, fatal, __FILE__, __LINE__); \
		lc_kunit_print(test, fmt, ##__VA_ARGS__); \
		if (fatal) \
			lc_kunit_abort(test); \
	} while (0)
#define KUNIT_FAIL(test, fmt, ...) LC_KUNIT_FAIL(test, false, fmt, ##__VA_ARGS__)
#define KUNIT_FAIL_AND_ABORT(test, fmt, ...) LC_KUNIT_FAIL(test, true, fmt, ##__VA_ARGS__)

/* @found prints what was found; @fmt, which may be NULL, what the test says to it. */
#define LC_KUNIT_CHECK(test, fatal, cond, found, fmt, ...) \
	do { \
		if (!(cond)) { \
			lc_kunit_failed(test, fatal, __FILE__, __LINE__); \
			found; \
			lc_kunit_print(test, fmt, ##__VA_ARGS__); \
			if (fatal) \
				lc_kunit_abort(test); \
		} \
	} while (0)
#define LC_KUNIT_UNARY(test, fatal, cond, text, fmt, ...) \
	LC_KUNIT_CHECK(test, fatal, cond, lc_kunit_print(test, "not %s", text), fmt, \
		       ##__VA_ARGS__)
#define LC_KUNIT_BINARY(test, fatal, type, spec, left, op, right, fmt, ...) \
	do { \
		const __typeof__(left) lc_left = (left); \
		const __typeof__(right) lc_right = (right); \
\
		LC_KUNIT_CHECK(test, fatal, lc_left op lc_right, \
			       lc_kunit_print(test, "not %s %s %s: " spec ", " spec, #left, #op, \
					      #right, (type)lc_left, (type)lc_right), \
			       fmt, ##__VA_ARGS__); \
	} while (0)
#define LC_KUNIT_INTEGERS(test, fatal, left, op, right, fmt, ...) \
	LC_KUNIT_BINARY(test, fatal, long long, "%lld", left, op, right, fmt, ##__VA_ARGS__)
#define LC_KUNIT_POINTERS(test, fatal, left, op, right, fmt, ...) \
	LC_KUNIT_BINARY(test, fatal, const volatile void *, "%p", left, op, right, fmt, \
			##__VA_ARGS__)
#define LC_KUNIT_STRINGS(test, fatal, left, op, right, fmt, ...) \
	do { \
		const char *const lc_left = (left), *const lc_right = (right); \
\
		LC_KUNIT_CHECK(test, fatal, lc_left && lc_right && strcmp(lc_left, lc_right) op 0, \
			       lc_kunit_print(test, "not %s %s %s: \"%s\", \"%s\"", #left, #op, \
					      #right, lc_left, lc_right), \
			       fmt, ##__VA_ARGS__); \
	} while (0)
#define LC_KUNIT_MEMORY(test, fatal, left, op, right, size, fmt, ...) \
	do { \
		const void *const lc_left = (left), *const lc_right = (right); \
\
		LC_KUNIT_CHECK(test, fatal, \
			       lc_left && lc_right && memcmp(lc_left, lc_right, size) op 0, \
			       lc_kunit_print(test, "not %s %s %s, %s bytes", #left, #op, #right, \
					      #size), \
			       fmt, ##__VA_ARGS__); \
	} while (0)

#define KUNIT_EXPECT_TRUE_MSG(test, condition, fmt, ...) \
	LC_KUNIT_UNARY(test, false, condition, "true: " #condition, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_TRUE(test, condition) KUNIT_EXPECT_TRUE_MSG(test, condition, NULL)
#define KUNIT_EXPECT_FALSE_MSG(test, condition, fmt, ...) \
	LC_KUNIT_UNARY(test, false, !(condition), "false: " #condition, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_FALSE(test, condition) KUNIT_EXPECT_FALSE_MSG(test, condition, NULL)
#define KUNIT_EXPECT_EQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, false, left, ==, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_EQ(test, left, right) KUNIT_EXPECT_EQ_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_NE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, false, left, !=, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_NE(test, left, right) KUNIT_EXPECT_NE_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_LT_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, false, left, <, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_LT(test, left, right) KUNIT_EXPECT_LT_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_LE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, false, left, <=, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_LE(test, left, right) KUNIT_EXPECT_LE_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_GT_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, false, left, >, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_GT(test, left, right) KUNIT_EXPECT_GT_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_GE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, false, left, >=, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_GE(test, left, right) KUNIT_EXPECT_GE_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_PTR_EQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_POINTERS(test, false, left, ==, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ(test, left, right) KUNIT_EXPECT_PTR_EQ_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_PTR_NE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_POINTERS(test, false, left, !=, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_PTR_NE(test, left, right) KUNIT_EXPECT_PTR_NE_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_STREQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_STRINGS(test, false, left, ==, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_STREQ(test, left, right) KUNIT_EXPECT_STREQ_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_STRNEQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_STRINGS(test, false, left, !=, right, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_STRNEQ(test, left, right) KUNIT_EXPECT_STRNEQ_MSG(test, left, right, NULL)
#define KUNIT_EXPECT_MEMEQ_MSG(test, left, right, size, fmt, ...) \
	LC_KUNIT_MEMORY(test, false, left, ==, right, size, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_MEMEQ(test, left, right, size) \
	KUNIT_EXPECT_MEMEQ_MSG(test, left, right, size, NULL)
#define KUNIT_EXPECT_MEMNEQ_MSG(test, left, right, size, fmt, ...) \
	LC_KUNIT_MEMORY(test, false, left, !=, right, size, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_MEMNEQ(test, left, right, size) \
	KUNIT_EXPECT_MEMNEQ_MSG(test, left, right, size, NULL)
#define KUNIT_EXPECT_NULL_MSG(test, ptr, fmt, ...) \
	LC_KUNIT_UNARY(test, false, !(ptr), "NULL: " #ptr, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_NULL(test, ptr) KUNIT_EXPECT_NULL_MSG(test, ptr, NULL)
#define KUNIT_EXPECT_NOT_NULL_MSG(test, ptr, fmt, ...) \
	LC_KUNIT_UNARY(test, false, !!(ptr), "other than NULL: " #ptr, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL(test, ptr) KUNIT_EXPECT_NOT_NULL_MSG(test, ptr, NULL)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, ptr, fmt, ...) \
	LC_KUNIT_UNARY(test, false, !IS_ERR_OR_NULL(ptr), "a pointer: " #ptr, fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(test, ptr) KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, ptr, NULL)

#define KUNIT_ASSERT_TRUE_MSG(test, condition, fmt, ...) \
	LC_KUNIT_UNARY(test, true, condition, "true: " #condition, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_TRUE(test, condition) KUNIT_ASSERT_TRUE_MSG(test, condition, NULL)
#define KUNIT_ASSERT_FALSE_MSG(test, condition, fmt, ...) \
	LC_KUNIT_UNARY(test, true, !(condition), "false: " #condition, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_FALSE(test, condition) KUNIT_ASSERT_FALSE_MSG(test, condition, NULL)
#define KUNIT_ASSERT_EQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, true, left, ==, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_EQ(test, left, right) KUNIT_ASSERT_EQ_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_NE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, true, left, !=, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_NE(test, left, right) KUNIT_ASSERT_NE_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_LT_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, true, left, <, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_LT(test, left, right) KUNIT_ASSERT_LT_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_LE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, true, left, <=, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_LE(test, left, right) KUNIT_ASSERT_LE_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_GT_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, true, left, >, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_GT(test, left, right) KUNIT_ASSERT_GT_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_GE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_INTEGERS(test, true, left, >=, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_GE(test, left, right) KUNIT_ASSERT_GE_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_PTR_EQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_POINTERS(test, true, left, ==, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_PTR_EQ(test, left, right) KUNIT_ASSERT_PTR_EQ_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_PTR_NE_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_POINTERS(test, true, left, !=, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_PTR_NE(test, left, right) KUNIT_ASSERT_PTR_NE_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_STREQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_STRINGS(test, true, left, ==, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_STREQ(test, left, right) KUNIT_ASSERT_STREQ_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_STRNEQ_MSG(test, left, right, fmt, ...) \
	LC_KUNIT_STRINGS(test, true, left, !=, right, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_STRNEQ(test, left, right) KUNIT_ASSERT_STRNEQ_MSG(test, left, right, NULL)
#define KUNIT_ASSERT_MEMEQ_MSG(test, left, right, size, fmt, ...) \
	LC_KUNIT_MEMORY(test, true, left, ==, right, size, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_MEMEQ(test, left, right, size) \
	KUNIT_ASSERT_MEMEQ_MSG(test, left, right, size, NULL)
#define KUNIT_ASSERT_MEMNEQ_MSG(test, left, right, size, fmt, ...) \
	LC_KUNIT_MEMORY(test, true, left, !=, right, size, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_MEMNEQ(test, left, right, size) \
	KUNIT_ASSERT_MEMNEQ_MSG(test, left, right, size, NULL)
#define KUNIT_ASSERT_NULL_MSG(test, ptr, fmt, ...) \
	LC_KUNIT_UNARY(test, true, !(ptr), "NULL: " #ptr, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_NULL(test, ptr) KUNIT_ASSERT_NULL_MSG(test, ptr, NULL)
#define KUNIT_ASSERT_NOT_NULL_MSG(test, ptr, fmt, ...) \
	LC_KUNIT_UNARY(test, true, !!(ptr), "other than NULL: " #ptr, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_NOT_NULL(test, ptr) KUNIT_ASSERT_NOT_NULL_MSG(test, ptr, NULL)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, ptr, fmt, ...) \
	LC_KUNIT_UNARY(test, true, !IS_ERR_OR_NULL(ptr), "a pointer: " #ptr, fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptr) KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, ptr, NULL)

#endif
