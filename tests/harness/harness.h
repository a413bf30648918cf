/* SPDX-License-Identifier: MIT */
/*
 * The tests' harness, over cmocka.
 *
 * TEST(claim) { ... } is all that a test needs; main() is in the harness. Around
 * each test descriptors and live allocations are counted, and a test that leaves
 * more than it found fails. Warnings of the library are fatal unless a test
 * expects them.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dmabuf/dmabuf-lockdep.h>

#include "os/atomic.h"
#include "os/fault.h"

/* Built with a sanitizer, whose runtime has locks and needs stack of its own? */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

struct test_case {
	const char *name;
	void (*func)(void);
	bool is_torture;
	struct test_case *next;
};

void test_register(struct test_case *test);

/* End the test here, as one that was not run, unless the rules are checked (DMABUF_DEBUG=1). */
#define NEEDS_RULES()                                      \
	do {                                               \
		if (!dmabuf_lockdep_is_on())               \
			test_skip();                       \
	} while (0)
void test_skip(void) __attribute__((noreturn));

/*
 * Skips the test under an emulator: it forks while another thread runs, and qemu's child may wait
 * for ever for a lock that belonged to the emulator's part of that thread.
 */
void test_forks_beside_threads(void);

/* The name is the claim. */
#define TEST(claim) TEST_OF_KIND(claim, false)

/*
 * A test that goes round by chance: ./run torture runs it again and again, with other seeds.
 * Its loops ask test_rounds() how often, and count with test_operation().
 */
#define TORTURE(claim) TEST_OF_KIND(claim, true)

#define TEST_OF_KIND(claim, torture)                                                    \
	static void claim(void);                                                        \
	__attribute__((constructor)) static void claim##_register(void)                 \
	{                                                                               \
		static struct test_case test = {                                        \
			.name = #claim, .func = claim, .is_torture = torture            \
		};                                                                      \
		test_register(&test);                                                   \
	}                                                                               \
	static void claim(void)

/* Says what is wrong and ends the test; in another thread than the test's, the program. */
void test_fail(const char *file, int line, const char *fmt, ...) DMABUF_PRINTF(3, 4)
	__attribute__((noreturn));

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define ASSERT_TRUE(cond)                                          \
	do {                                                       \
		if (!(cond))                                       \
			FAIL("not true: %s", #cond);               \
	} while (0)

#define ASSERT_FALSE(cond)                                         \
	do {                                                       \
		if (cond)                                          \
			FAIL("not false: %s", #cond);              \
	} while (0)

/* Any integers, compared as 64 bits: ASSERT_INT(err, ==, -EINVAL). */
#define ASSERT_INT(a, op, b)                                                              \
	do {                                                                              \
		const int64_t a_ = (int64_t)(a), b_ = (int64_t)(b);                       \
		if (!(a_ op b_))                                                          \
			FAIL("not %s %s %s: %" PRId64 ", %" PRId64, #a, #op, #b, a_, b_); \
	} while (0)

#define ASSERT_PTR(a, op, b)                                                              \
	do {                                                                              \
		const void *const a_ = (a), *const b_ = (b);                              \
		if (!(a_ op b_))                                                          \
			FAIL("not %s %s %s: %p, %p", #a, #op, #b, a_, b_);                \
	} while (0)

#define ASSERT_STR(a, b)                                                                  \
	do {                                                                              \
		const char *const a_ = (a), *const b_ = (b);                              \
		if (strcmp(a_, b_))                                                       \
			FAIL("not the same text: %s is \"%s\", not \"%s\"", #a, a_, b_);  \
	} while (0)

/* What a test may not leave more of. */
struct test_resources {
	long allocations; /* from malloc() and its kin, by the library and by tests */
	long descriptors;
};

/* Counts after all that is deferred has run and the thread's caches are empty. */
struct test_resources test_resources(void);

/* Those that are live now, with what threads keep for the next time. */
long test_allocations(void);

/* Descriptors that are open now, whatever is deferred. */
long test_descriptors(void);

/* What test_resources() says, after a moment for threads of the library, of libc and of sanitizers to put away theirs. */
struct test_resources test_resources_at_rest(struct test_resources before);

/* While @fails, malloc() gives this thread nothing. For what no fault loop can reach. */
void test_malloc_fails(bool fails);

/* Call @func with all that is freed from now on, by any thread, while it is still there; NULL: no more. */
void test_on_free(void (*func)(const void *memory));

#define ASSERT_RESOURCES(before)                                                          \
	do {                                                                              \
		const struct test_resources now_ = test_resources_at_rest(before);        \
		ASSERT_INT(now_.allocations, ==, (before).allocations);                   \
		ASSERT_INT(now_.descriptors, ==, (before).descriptors);                   \
	} while (0)

/*
 * @statement must end the program by abort(), saying @text on stderr. It runs in
 * a forked child.
 */
#define ASSERT_DEATH(statement, text)                                                     \
	do {                                                                              \
		struct test_child child_;                                                 \
		if (test_child_begins(&child_)) {                                         \
			statement;                                                        \
			test_child_survives();                                            \
		}                                                                         \
		test_child_died(&child_, text, __FILE__, __LINE__);                       \
	} while (0)

struct test_child {
	int pid;
	int stderr_fd;
};
bool test_child_begins(struct test_child *child); /* true in the child */
void test_child_survives(void) __attribute__((noreturn));
void test_child_died(const struct test_child *child, const char *text, const char *file, int line);

/*
 * This program once more, by the shell: after the words @setting (variables, env), with the
 * arguments and redirections @args. To be read, and closed with pclose().
 */
FILE *test_popen_self(const char *setting, const char *args);

/* @statement must make the library warn at least once, the last time with @text. */
#define ASSERT_WARNS(statement, text)                                                     \
	do {                                                                              \
		test_warnings_begin();                                                    \
		statement;                                                                \
		test_warnings_end(text, __FILE__, __LINE__);                              \
	} while (0)

void test_warnings_begin(void);
void test_warnings_end(const char *text, const char *file, int line);

/*
 * Threads that begin together. @func gets its index. Returns when all have
 * ended. At most 32.
 */
void test_threads(unsigned int n, void (*func)(unsigned int index, void *arg), void *arg);

/* One thread beside the test's, to be joined. */
struct test_thread;
struct test_thread *test_thread_start(void (*func)(void *arg), void *arg);
void test_thread_join(struct test_thread *thread);

/* Wait without sleeping for what another thread will certainly do. */
#define WAIT_UNTIL(cond)                  \
	do {                              \
		while (!(cond))           \
			test_yield();     \
	} while (0)
void test_yield(void);

/*
 * Race points: widen every window by yielding, now and then, at each point
 * that the library passes, in all threads, until test_race_end(). Where
 * DMABUF_TEST_TORTURE is given, threads moreover sleep at points that the seed chooses.
 */
void test_race_begin(void);
void test_race_end(void);

/* What they do at a point. For hooks that do more. */
void test_race_pause(const char *label);

/* Repeatable pseudo-random numbers: a state a thread, of any seed. */
uint32_t test_random(uint32_t *state);

/* The seed of this run: DMABUF_TEST_SEED, or a constant. Never 0. */
uint32_t test_seed(void);

/* One that differs from thread to thread, in the order in which the test starts them. */
uint32_t test_thread_seed(void);

/* How often a torture loop goes round: @rounds, less under a slow sanitizer, times DMABUF_TEST_TORTURE. */
unsigned int test_rounds(unsigned int rounds);

/* Counts one: what is done over and over in a torture test. Costs no barrier. */
void test_operation(void);

#endif
