/* SPDX-License-Identifier: MIT */
/* Who keeps a lock, and keeps sending signals. */
#ifndef PEST_H
#define PEST_H

#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <pthread.h>
#include <signal.h>

/* Somebody who holds a reservation, and interrupts the test until it has had enough. */
struct pest {
	struct dma_resv *resv;
	pthread_t victim;
	bool holds, stop; /* atomic */
};

static inline void hold_and_interrupt(void *arg)
{
	struct pest *pest = arg;

	if (dma_resv_lock(pest->resv, NULL))
		abort();
	store_release(&pest->holds, true);
	while (!load_acquire(&pest->stop)) {
		pthread_kill(pest->victim, SIGUSR1);
		test_yield();
	}
	dma_resv_unlock(pest->resv);
}

static inline void on_signal(int signo)
{
	(void)signo;
}

static inline struct test_thread *pest_start(struct pest *pest, struct dma_resv *resv)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct test_thread *thread;

	ASSERT_INT(sigaction(SIGUSR1, &action, NULL), ==, 0);
	*pest = (struct pest){ .resv = resv, .victim = pthread_self() };
	thread = test_thread_start(hold_and_interrupt, pest);
	WAIT_UNTIL(load_acquire(&pest->holds));
	return thread;
}

static inline void pest_stop(struct pest *pest, struct test_thread *thread)
{
	store_release(&pest->stop, true);
	test_thread_join(thread);
}

#endif
