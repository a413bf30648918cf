/* SPDX-License-Identifier: MIT */
/* The test that runs in this thread, for code under test. As in Linux. */
#ifndef LINUX_COMPAT_KUNIT_TEST_BUG_H
#define LINUX_COMPAT_KUNIT_TEST_BUG_H

#include <compat/kunit.h>

static inline struct kunit *kunit_get_current_test(void)
{
	return lc_kunit_current;
}

#define kunit_fail_current_test(fmt, ...) \
	do { \
		struct kunit *lc_test = kunit_get_current_test(); \
\
		if (lc_test) { \
			lc_kunit_failed(lc_test, false, __FILE__, __LINE__); \
			lc_kunit_print(lc_test, fmt, ##__VA_ARGS__); \
		} \
	} while (0)

#endif
