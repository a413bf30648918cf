/* SPDX-License-Identifier: MIT */
/*
 * Sleeping on a word that processes share and on one of this process, where the kernel waits for two,
 * and where it does not.
 */
#define _GNU_SOURCE
#include "forbid.h"
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/futex.h"

#define MOMENT INT64_C(10000000)
#define LONG INT64_C(20000000000)
#define WAITV 449

/* How a kernel waits. */
enum way { FOR_TWO, FOR_ONE };

static const enum way ways[] = { FOR_TWO, FOR_ONE };

/* Shared with children. */
static struct {
	uint32_t word;
	uint32_t done; /* atomic */
} *shared;

static uint32_t own;

static void begin(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_PTR(shared, !=, MAP_FAILED);
	shared->word = 7;
	own = 9;
}

static void end(void)
{
	munmap(shared, sizeof(*shared));
}

static int wait_for(enum way way, uint32_t expected, uint32_t own_expected, int64_t timeout,
		    bool interruptible)
{
	int err;

	os_fault_arm(way == FOR_ONE);
	err = os_futex_wait_shared(&shared->word, expected, &own, own_expected,
				   os_deadline_ns(timeout), interruptible);
	os_fault_disarm();
	return err;
}

TEST(a_shared_wait_ends_in_time)
{
	begin();
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_INT(wait_for(ways[i], 7, 9, 0, false), ==, -ETIMEDOUT);
		ASSERT_INT(wait_for(ways[i], 7, 9, MOMENT, false), ==, -ETIMEDOUT);
		ASSERT_INT(wait_for(ways[i], 7, 9, MOMENT, true), ==, -ETIMEDOUT);
	}
	end();
}

TEST(who_finds_another_value_does_not_sleep)
{
	begin();
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_INT(wait_for(ways[i], 8, 9, INT64_MAX, false), ==, 0);
	ASSERT_INT(wait_for(FOR_TWO, 7, 8, INT64_MAX, false), ==, 0);
	/* Nobody looks at the second one. */
	ASSERT_INT(wait_for(FOR_ONE, 7, 8, MOMENT, false), ==, -ETIMEDOUT);
	ASSERT_INT(wait_for(FOR_TWO, 7, 8, MOMENT, true), ==, -ETIMEDOUT);
	end();
}

/* In another process. */
static void sleep_and_say(enum way way)
{
	const int err = wait_for(way, 7, 9, LONG, false);

	store_release(&shared->done, 1);
	_exit(-err);
}

static void wake_a_process(enum way way, bool all)
{
	int status;
	pid_t pid;

	begin();
	pid = fork();
	if (!pid)
		sleep_and_say(way);
	while (!load_acquire(&shared->done)) {
		os_futex_wake_shared(&shared->word, all);
		usleep(1000);
	}
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_TRUE(WIFEXITED(status));
	ASSERT_INT(WEXITSTATUS(status), ==, 0);
	end();
}

TEST(another_process_wakes_by_the_shared_word)
{
	for (unsigned int i = 0; i < 2; i++) {
		wake_a_process(ways[i], false);
		wake_a_process(ways[i], true);
	}
}

struct sleeper {
	enum way way;
	bool interruptible;
	pthread_t thread; /* set before started */
	uint32_t started; /* atomic */
	uint32_t done;	  /* atomic */
	int err;
};

static void sleep_in_thread(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->thread = pthread_self();
	store_release(&sleeper->started, 1);
	sleeper->err = wait_for(sleeper->way, 7, 9, LONG, sleeper->interruptible);
	store_release(&sleeper->done, 1);
}

TEST(a_thread_wakes_by_its_own_word)
{
	struct sleeper sleeper = { .way = FOR_TWO };
	struct test_thread *thread;

	begin();
	thread = test_thread_start(sleep_in_thread, &sleeper);
	while (!load_acquire(&sleeper.done)) {
		os_futex_wake_all(&own);
		usleep(1000);
	}
	test_thread_join(thread);
	ASSERT_INT(sleeper.err, ==, 0);
	end();
}

static void handled(int signal)
{
	(void)signal;
}

/* By a handler that wants calls to go on, and by one that does not. */
static int interrupt(enum way way, bool interruptible, int flags)
{
	const struct sigaction action = { .sa_handler = handled, .sa_flags = flags };
	struct sleeper sleeper = { .way = way, .interruptible = interruptible };
	struct test_thread *thread;
	struct sigaction before;

	sigaction(SIGUSR1, &action, &before);
	thread = test_thread_start(sleep_in_thread, &sleeper);
	WAIT_UNTIL(load_acquire(&sleeper.started));
	while (!load_acquire(&sleeper.done)) {
		pthread_kill(sleeper.thread, SIGUSR1);
		usleep(1000);
	}
	test_thread_join(thread);
	sigaction(SIGUSR1, &before, NULL);
	return sleeper.err;
}

TEST(a_handler_interrupts_who_can_be)
{
	begin();
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_INT(interrupt(ways[i], true, 0), ==, -EINTR);
		ASSERT_INT(interrupt(ways[i], true, SA_RESTART), ==, -EINTR);
		ASSERT_INT(interrupt(ways[i], false, 0), ==, 0);
	}
	end();
}

TEST(where_it_is_forbidden_to_wait_for_two_one_is_waited_for)
{
	int status;
	pid_t pid;

	begin();
	pid = fork();
	if (!pid) {
		if (!forbid(WAITV, EPERM)) /* as some sandboxes have it */
			_exit(NOTHING_CAN_BE_FORBIDDEN);
		_exit(-wait_for(FOR_TWO, 7, 9, MOMENT, false));
	}
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	end();
	ASSERT_TRUE(WIFEXITED(status));
	skip_if_nothing_can_be_forbidden(WEXITSTATUS(status));
	ASSERT_INT(WEXITSTATUS(status), ==, ETIMEDOUT);
}
