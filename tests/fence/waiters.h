/* SPDX-License-Identifier: MIT */
/* Waiters in threads of their own, and who disturbs them. */
#ifndef TESTS_WAITERS_H
#define TESTS_WAITERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <pthread.h>
#include <signal.h>

#include "fences.h"

#define LONG_TIME INT64_C(3600000000000)

/*
 * The moment before sleep, when others still act. The hook acts once.
 */

static struct dma_fence *hooked_fence;
static unsigned int hooked;

static inline void signal_before_sleep(const char *label)
{
	count_syscall(label);
	if (!strcmp(label, "futex: before sleep") && !hooked++)
		dma_fence_signal(hooked_fence);
}

static inline void signal_before_spin(const char *label)
{
	count_syscall(label);
	if (!strcmp(label, "wait: before it spins") && !hooked++)
		dma_fence_signal(hooked_fence);
}

/* A handler has just ended the sleep. */
static inline void signal_when_interrupted(const char *label)
{
	count_syscall(label);
	if (!strcmp(label, "futex: interrupted") && !hooked++)
		dma_fence_signal(hooked_fence);
}

static inline void hook(struct dma_fence *fence, void (*func)(const char *label))
{
	count_syscalls();
	hooked_fence = fence;
	hooked = 0;
	os_race_hook(func);
}

/*
 * A waiter in another thread. It is asleep, or as good as: it has passed the
 * point where any change of the word keeps it awake.
 */

struct waiter {
	struct dma_fence *fence;
	bool intr;
	int64_t timeout;
	int64_t ret;
	pthread_t thread; /* set before started */
	bool started;	  /* atomic */
	bool returned;	  /* atomic */
};

static inline void wait_in_thread(void *arg)
{
	struct waiter *waiter = arg;

	waiter->thread = pthread_self();
	store_release(&waiter->started, true);
	waiter->ret = dma_fence_wait_timeout(waiter->fence, waiter->intr, waiter->timeout);
	store_release(&waiter->returned, true);
}

/* It need not be asleep yet. */
static inline struct test_thread *start_waiting(struct waiter *waiter)
{
	struct test_thread *thread = test_thread_start(wait_in_thread, waiter);

	WAIT_UNTIL(load_acquire(&waiter->started));
	return thread;
}

/*
 * Signals of the other kind.
 */

static unsigned int handled; /* atomic */

static inline void handle(int signo)
{
	(void)signo;
	__atomic_fetch_add(&handled, 1, __ATOMIC_ACQ_REL);
}

static inline void catch_signals(int flags)
{
	const struct sigaction action = { .sa_handler = handle, .sa_flags = flags };

	store_relaxed(&handled, 0);
	sigaction(SIGUSR1, &action, NULL);
}

/* A handler that runs before the sleep is not seen: so again and again. */
#define DISTURB_UNTIL(waiter, cond)                             \
	while (!(cond)) {                                       \
		pthread_kill((waiter)->thread, SIGUSR1);        \
		test_yield();                                   \
	}

#endif
