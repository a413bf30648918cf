/* SPDX-License-Identifier: MIT */
/*
 * Reports of broken rules, as tests see them: what must be reported, with which number, and
 * whose names its call stacks have. Whatever else is reported ends the program, so a test
 * that reports nothing just does what it does.
 *
 * The rules are on in each program that includes this, whoever starts it.
 */
#ifndef RULES_H
#define RULES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dmabuf/dmabuf-types.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* A function with a frame of its own, like no other. STAYS stands behind its last call. */
#define STEP static __attribute__((noinline))
#define STAYS __asm__ volatile("" ::"i"(__LINE__) : "memory")

/* Before the library's constructors look. */
__attribute__((constructor(101))) static void switch_rules_on(void)
{
	setenv("DMABUF_DEBUG", "1", 1);
}

/*
 * Collecting.
 */

#define REPORTS_KEPT 4

static struct {
	struct dmabuf_spinlock lock;
	dmabuf_warn_handler before;
	unsigned int count;
	char text[REPORTS_KEPT][8192];
} reports;

static inline void collect(const char *message)
{
	unsigned int nth;

	dmabuf_spin_lock(&reports.lock);
	nth = reports.count++;
	if (nth < REPORTS_KEPT)
		snprintf(reports.text[nth], sizeof(reports.text[nth]), "%s", message);
	dmabuf_spin_unlock(&reports.lock);
}

static inline void reports_begin(void)
{
	reports.count = 0;
	reports.text[0][0] = '\0';
	reports.before = dmabuf_set_warn_handler(collect);
}

static inline void reports_end(void)
{
	dmabuf_set_warn_handler(reports.before);
}

/* The words are all in @text, one behind the other. The first that is not, or NULL. */
static inline const char *first_missing(const char *text, const char *const *words)
{
	for (; *words; words++) {
		text = strstr(text, *words);
		if (!text)
			return *words;
		text += strlen(*words);
	}
	return NULL;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* One report: it begins with @rule, has @words in this order, and says in the end what to do. */
static inline void check_report(const char *text, const char *rule, const char *const *words,
				const char *file, int line)
{
	const char *missing = first_missing(text, words);

	if (strncmp(text, rule, strlen(rule)) != 0)
		test_fail(file, line, "not a %s, but: %s", rule, text[0] ? text : "(nothing)");
	if (missing)
		test_fail(file, line, "no '%s', or not in this order, in: %s", missing, text);
	if (!strstr(text, "\n  What to do: "))
		test_fail(file, line, "no advice in: %s", text);
}

/*
 * @statement is reported once, by @rule, with the words that follow, such as the names of the
 * functions in the call stacks.
 */
#define ASSERT_REPORTED(statement, rule, ...)                                               \
	do {                                                                                \
		reports_begin();                                                            \
		statement;                                                                  \
		reports_end();                                                              \
		check_report(reports.text[0], rule, WORDS(__VA_ARGS__), __FILE__, __LINE__); \
		if (reports.count != 1)                                                     \
			FAIL("%u reports, the second: %s", reports.count, reports.text[1]); \
	} while (0)

/* This often it is. */
#define ASSERT_REPORTS(statement, n)                                                        \
	do {                                                                                \
		reports_begin();                                                            \
		statement;                                                                  \
		reports_end();                                                              \
		if (reports.count != (n))                                                   \
			FAIL("%u reports, not %u, the first: %s", reports.count,            \
			     (unsigned int)(n), reports.text[0]);                           \
	} while (0)

/*
 * Children.
 */

/* All that the child says, until it ends. */
static inline void hear(const struct test_child *child, char *said, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while ((got = read(child->stderr_fd, said + length, size - 1 - length)) > 0)
		length += (size_t)got;
	said[length] = '\0';
	close(child->stderr_fd);
}

static inline void check_death(const struct test_child *child, const char *rule,
			       const char *const *words, const char *file, int line)
{
	static const char prefix[] = "libdmabuf: ";
	static char said[16384];
	int status;

	hear(child, said, sizeof(said));
	waitpid(child->pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		test_fail(file, line, "no abort, but status %#x, saying \"%s\"", status, said);
	if (strncmp(said, prefix, strlen(prefix)) != 0)
		test_fail(file, line, "it died of something else: %s", said);
	check_report(said + strlen(prefix), rule, words, file, line);
}

/* @statement, in a child, ends the program, and the report is as ASSERT_REPORTED() has it. */
#define ASSERT_FATAL(statement, rule, ...)                                                  \
	do {                                                                                \
		struct test_child child_;                                                   \
		if (test_child_begins(&child_)) {                                           \
			statement;                                                          \
			test_child_survives();                                              \
		}                                                                           \
		check_death(&child_, rule, WORDS(__VA_ARGS__), __FILE__, __LINE__);         \
	} while (0)

/*
 * @statement runs in a child, which then ends well. What it learns and reports, others do not
 * know: for tables of cases, whose places in the code are the same.
 */
#define IN_CHILD(statement)                                                                 \
	do {                                                                                \
		struct test_child child_;                                                   \
		if (test_child_begins(&child_)) {                                           \
			statement;                                                          \
			test_child_survives();                                              \
		}                                                                           \
		check_survival(&child_, __FILE__, __LINE__);                                \
	} while (0)

static inline void check_survival(const struct test_child *child, const char *file, int line)
{
	static char said[16384];
	int status;

	hear(child, said, sizeof(said));
	waitpid(child->pid, &status, 0);
	if (status)
		test_fail(file, line, "the child ended with status %#x, saying \"%s\"", status, said);
}

/* A program's own locks: to say that they are taken is enough. */
typedef const struct dmabuf_lock_class lock_kind;

static inline void take(lock_kind *kind, const void *lock)
{
	dmabuf_lock_acquire(kind, lock, 0);
}

static inline void drop(const void *lock)
{
	dmabuf_lock_release(lock);
}

/* In another thread, from its beginning to its end. */
static inline void in_thread(void (*func)(void *arg), void *arg)
{
	test_thread_join(test_thread_start(func, arg));
}

#endif
