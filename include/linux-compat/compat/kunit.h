/* SPDX-License-Identifier: MIT */
/*
 * The engine of kunit/test.h: suites that registered before main() are run one after the
 * other, in the calling thread, and reported as KTAP on stdout. An assertion leaves its
 * test by longjmp(); in another thread than the test's it ends that thread.
 */
#ifndef LINUX_COMPAT_KUNIT_H
#define LINUX_COMPAT_KUNIT_H

#include <compat/version.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <pthread.h>
#include <setjmp.h>

#define KUNIT_PARAM_DESC_SIZE 128

enum kunit_status { KUNIT_SUCCESS, KUNIT_FAILURE, KUNIT_SKIPPED };
enum kunit_speed { KUNIT_SPEED_UNSET, KUNIT_SPEED_VERY_SLOW, KUNIT_SPEED_SLOW, KUNIT_SPEED_NORMAL };

struct kunit_attributes {
	enum kunit_speed speed;
};

struct kunit {
	void *priv;
	const char *name;
	const void *param_value;
	int param_index;
	enum kunit_status status; /* atomic: any thread may fail the test */
	char status_comment[256];
	spinlock_t lock;
	struct list_head resources; /* under lock: struct lc_kunit_action, the last one first */
	pthread_t lc_thread;
	jmp_buf lc_end;
};

/* Since 6.18 what makes parameters gets the test. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define LC_KUNIT_GENERATOR(name) const void *name(struct kunit *test, const void *prev, char *desc)
#define LC_KUNIT_GENERATE(func, test, prev, desc) (func)(test, prev, desc)
#else
#define LC_KUNIT_GENERATOR(name) const void *name(const void *prev, char *desc)
#define LC_KUNIT_GENERATE(func, test, prev, desc) (func)(prev, desc)
#endif

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	LC_KUNIT_GENERATOR((*generate_params));
	struct kunit_attributes attr;
};

struct kunit_suite {
	const char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
	struct kunit_attributes attr;
};

typedef void (kunit_action_t)(void *context);

struct lc_kunit_action {
	struct list_head entry;
	kunit_action_t *func;
	void *context;
};

/* What one kunit_test_suites() names. */
struct lc_kunit_suites {
	struct lc_kunit_suites *next;
	struct kunit_suite **suites;
	size_t n;
};
LC_SHARED struct lc_kunit_suites *lc_kunit_first, **lc_kunit_last;
LC_SHARED __thread struct kunit *lc_kunit_current;

struct lc_kunit_counts {
	unsigned int pass, fail, skip;
};

static inline void lc_kunit_register(struct lc_kunit_suites *suites)
{
	if (!lc_kunit_last)
		lc_kunit_last = &lc_kunit_first;
	*lc_kunit_last = suites;
	lc_kunit_last = &suites->next;
}

static inline void lc_kunit_set_status(struct kunit *test, enum kunit_status status)
{
	__atomic_store_n(&test->status, status, __ATOMIC_RELAXED);
}

static inline enum kunit_status lc_kunit_status(struct kunit *test)
{
	return __atomic_load_n(&test->status, __ATOMIC_RELAXED);
}

/* One comment of the report, on a line of its own. */
static inline void lc_kunit_vprint(struct kunit *test, const char *fmt, va_list args)
{
	char text[1024];
	size_t length;

	lc_vsnprintf(text, sizeof(text), fmt, args);
	length = strlen(text);
	while (length && text[length - 1] == '\n')
		text[--length] = '\0';
	printf("    # %s: %s\n", test->name, text);
}

static inline void lc_kunit_print(struct kunit *test, const char *fmt, ...)
{
	va_list args;

	if (!fmt)
		return;
	va_start(args, fmt);
	lc_kunit_vprint(test, fmt, args);
	va_end(args);
}

static inline void __noreturn lc_kunit_abort(struct kunit *test)
{
	if (pthread_equal(pthread_self(), test->lc_thread))
		longjmp(test->lc_end, 1);
	pthread_exit(NULL);
}

void lc_kunit_failed(struct kunit *test, bool fatal, const char *file, int line);

LC_SHARED void lc_kunit_failed(struct kunit *test, bool fatal, const char *file, int line)
{
	lc_kunit_set_status(test, KUNIT_FAILURE);
	lc_kunit_print(test, "%s FAILED at %s:%d", fatal ? "ASSERTION" : "EXPECTATION", file, line);
}

/* Run one function of a test until it returns, or asserts in vain. */
static inline void lc_kunit_try(struct kunit *test, void (*func)(struct kunit *test))
{
	if (!setjmp(test->lc_end))
		func(test);
}

static inline struct lc_kunit_action *lc_kunit_pop(struct kunit *test)
{
	struct lc_kunit_action *action;

	spin_lock(&test->lock);
	action = list_first_entry_or_null(&test->resources, struct lc_kunit_action, entry);
	if (action)
		list_del(&action->entry);
	spin_unlock(&test->lock);
	return action;
}

static inline void lc_kunit_cleanup(struct kunit *test)
{
	struct lc_kunit_action *action;

	while ((action = lc_kunit_pop(test))) {
		action->func(action->context);
		kfree(action);
	}
}

/* The parts of a test, between which a failure may leave it. */
struct lc_kunit_run {
	struct kunit test; /* first */
	struct kunit_suite *suite;
	struct kunit_case *test_case;
};

static inline void lc_kunit_body(struct kunit *test)
{
	struct lc_kunit_run *run = (struct lc_kunit_run *)test;
	const int err = run->suite->init ? run->suite->init(test) : 0;

	if (err) {
		lc_kunit_set_status(test, KUNIT_FAILURE);
		lc_kunit_print(test, "init failed: %d", err);
	} else if (lc_kunit_status(test) != KUNIT_SKIPPED) {
		run->test_case->run_case(test);
	}
}

static inline void lc_kunit_run_once(struct lc_kunit_run *run)
{
	struct kunit *test = &run->test;

	test->status = KUNIT_SUCCESS;
	test->status_comment[0] = '\0';
	test->priv = NULL;
	spin_lock_init(&test->lock);
	INIT_LIST_HEAD(&test->resources);
	test->lc_thread = pthread_self();
	lc_kunit_current = test;
	lc_kunit_try(test, lc_kunit_body);
	if (run->suite->exit)
		lc_kunit_try(test, run->suite->exit);
	lc_kunit_try(test, lc_kunit_cleanup);
	lc_kunit_current = NULL;
}

static inline void lc_kunit_result(const char *indent, unsigned int number, const char *name,
				   enum kunit_status status, const char *comment)
{
	printf("%s%sok %u %s", indent, status == KUNIT_FAILURE ? "not " : "", number, name);
	if (status == KUNIT_SKIPPED)
		printf(" # SKIP %s", comment);
	printf("\n");
	fflush(stdout);
}

/* The worst of what its parameters gave: failed, else passed, unless all were skipped. */
static inline enum kunit_status lc_kunit_run_params(struct lc_kunit_run *run)
{
	struct kunit *test = &run->test;
	struct lc_kunit_counts counts = { 0, 0, 0 };
	char desc[KUNIT_PARAM_DESC_SIZE] = "";

	printf("        KTAP version 1\n        # Subtest: %s\n", test->name);
	test->param_index = 0;
	test->param_value = LC_KUNIT_GENERATE(run->test_case->generate_params, test, NULL, desc);
	while (test->param_value) {
		if (!desc[0])
			snprintf(desc, sizeof(desc), "param-%d", test->param_index);
		lc_kunit_run_once(run);
		counts.fail += test->status == KUNIT_FAILURE;
		counts.skip += test->status == KUNIT_SKIPPED;
		counts.pass += test->status == KUNIT_SUCCESS;
		lc_kunit_result("        ", (unsigned int)++test->param_index, desc, test->status,
				test->status_comment);
		desc[0] = '\0';
		test->param_value = LC_KUNIT_GENERATE(run->test_case->generate_params, test,
						      test->param_value, desc);
	}
	return counts.fail ? KUNIT_FAILURE : counts.pass || !counts.skip ? KUNIT_SUCCESS :
									   KUNIT_SKIPPED;
}

static inline void lc_kunit_run_case(struct kunit_suite *suite, struct kunit_case *test_case,
				     unsigned int number, struct lc_kunit_counts *counts)
{
	struct lc_kunit_run *run = (struct lc_kunit_run *)calloc(1, sizeof(*run));
	enum kunit_status status;

	BUG_ON(!run);
	run->suite = suite;
	run->test_case = test_case;
	run->test.name = test_case->name;
	if (test_case->generate_params) {
		status = lc_kunit_run_params(run);
	} else {
		lc_kunit_run_once(run);
		status = run->test.status;
	}
	counts->fail += status == KUNIT_FAILURE;
	counts->skip += status == KUNIT_SKIPPED;
	counts->pass += status == KUNIT_SUCCESS;
	lc_kunit_result("    ", number, test_case->name, status, run->test.status_comment);
	free(run);
}

/* False: it failed. */
static inline bool lc_kunit_run_suite(struct kunit_suite *suite, struct lc_kunit_counts *counts)
{
	const unsigned int failed_before = counts->fail;
	unsigned int n = 0;
	int err;

	while (suite->test_cases[n].run_case)
		n++;
	printf("    KTAP version 1\n    # Subtest: %s\n    1..%u\n", suite->name, n);
	err = suite->suite_init ? suite->suite_init(suite) : 0;
	if (err) {
		printf("    # suite_init failed: %d\n", err);
		counts->fail += n ? n : 1;
	}
	for (unsigned int i = 0; !err && i < n; i++)
		lc_kunit_run_case(suite, &suite->test_cases[i], i + 1, counts);
	if (!err && suite->suite_exit)
		suite->suite_exit(suite);
	return counts->fail == failed_before;
}

int linux_compat_kunit_run(void);

/* Extension: run all suites of the program. 0, or 1 if anything failed. */
LC_SHARED int linux_compat_kunit_run(void)
{
	struct lc_kunit_counts counts = { 0, 0, 0 };
	unsigned int n = 0, number = 0;

	for (struct lc_kunit_suites *s = lc_kunit_first; s; s = s->next)
		n += (unsigned int)s->n;
	printf("KTAP version 1\n1..%u\n", n);
	for (struct lc_kunit_suites *s = lc_kunit_first; s; s = s->next)
		for (size_t i = 0; i < s->n; i++) {
			const bool good = lc_kunit_run_suite(s->suites[i], &counts);

			lc_kunit_result("", ++number, s->suites[i]->name,
					good ? KUNIT_SUCCESS : KUNIT_FAILURE, "");
		}
	printf("# Totals: pass:%u fail:%u skip:%u total:%u\n", counts.pass, counts.fail,
	       counts.skip, counts.pass + counts.fail + counts.skip);
	fflush(stdout);
	return counts.fail ? 1 : 0;
}

int lc_kunit_main(void);

LC_SHARED int lc_kunit_main(void)
{
	return linux_compat_kunit_run();
}

#endif
