/* SPDX-License-Identifier: MIT */
/* Threads of the library, and what it does when others end. */
#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <signal.h>

#include "libc.h"
#include "os/thread.h"

static __thread bool keys_fail;

int pthread_setspecific(pthread_key_t key, const void *value)
{
	return keys_fail ? ENOMEM : NEXT(pthread_setspecific)(key, value);
}

static unsigned int started, unblocked; /* atomic */

static void look_at_the_mask(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int signo = 1; signo <= SIGSYS; signo++) {
		if (signo != SIGKILL && signo != SIGSTOP && !sigismember(&mask, signo))
			fetch_add_relaxed(&unblocked, 1);
	}
	fetch_add_release(&started, 1);
}

TEST(a_thread_of_the_library_handles_no_signals_of_the_application)
{
	sigset_t before, after;

	store_relaxed(&started, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	ASSERT_INT(os_thread_start(look_at_the_mask), ==, 0);
	WAIT_UNTIL(load_acquire(&started));
	ASSERT_INT(load_relaxed(&unblocked), ==, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	ASSERT_INT(sigismember(&after, SIGUSR1), ==, sigismember(&before, SIGUSR1));
}

/* What no address space has room for. */
static int start_with_too_large_a_stack(void)
{
	pthread_attr_t old, large;
	int ret;

	pthread_getattr_default_np(&old);
	pthread_attr_init(&large);
	ASSERT_INT(pthread_attr_setstacksize(&large, SIZE_MAX / 4 * 3 & ~(size_t)0xffff), ==, 0);
	ASSERT_INT(pthread_setattr_default_np(&large), ==, 0);
	ret = os_thread_start(look_at_the_mask);
	pthread_setattr_default_np(&old);
	pthread_attr_destroy(&large);
	pthread_attr_destroy(&old);
	return ret;
}

TEST(a_thread_that_cannot_be_is_said_and_signals_are_as_before)
{
	sigset_t mask;

	ASSERT_INT(start_with_too_large_a_stack(), ==, -EAGAIN);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ASSERT_FALSE(sigismember(&mask, SIGUSR1));
}

static unsigned int ended; /* atomic: threads of the tests whose end was noticed */

static void note_end(void)
{
	fetch_add_release(&ended, 1);
}

static struct os_exit_hook note = { .func = note_end };

static void enrol_at_the_second_try(void *unused)
{
	(void)unused;
	keys_fail = true;
	os_thread_enrol(&note);
	ASSERT_FALSE(os_this_thread.enrolled);
	keys_fail = false;
	os_thread_enrol(&note);
	ASSERT_TRUE(os_this_thread.enrolled);
}

TEST(a_thread_whose_end_could_not_be_watched_is_watched_from_the_next_call)
{
	store_relaxed(&ended, 0);
	test_thread_join(test_thread_start(enrol_at_the_second_try, NULL));
	ASSERT_INT(load_acquire(&ended), ==, 1);
}

static struct os_exit_hook note_once = { .func = note_end };

/* Another thread, as it were, is faster. */
static void enlist_first(const char *label)
{
	os_race_hook(NULL);
	ASSERT_STR(label, "thread: before a hook is enlisted");
	os_thread_enrol(&note_once);
}

TEST(a_hook_that_two_enlist_runs_once)
{
	os_race_hook(enlist_first);
	os_thread_enrol(&note_once);
	os_race_hook(NULL);
	ASSERT_TRUE(note_once.enlisted);
	ASSERT_PTR(note_once.next, !=, &note_once); /* a list without an end */
}
