/* SPDX-License-Identifier: MIT */
/* Threads that do something over and over, for a while. */
#ifndef WINDOW_H
#define WINDOW_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "frame.h"

#define WINDOW_NS 100000000
#define WINDOW_MOST 16

struct window {
	pthread_barrier_t barrier;
	bool is_over; /* atomic */
};

static inline double clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline bool window_is_over(const struct window *window)
{
	return __atomic_load_n(&window->is_over, __ATOMIC_RELAXED);
}

/* Runs func(arg[i]), each of which waits at the barrier first; how long the window was. */
static inline double window_run(struct window *window, unsigned int n, void *(*func[])(void *arg),
				void *arg[])
{
	const struct timespec length = { .tv_nsec = WINDOW_NS };
	pthread_t threads[WINDOW_MOST];
	double ns;

	MUST(n <= WINDOW_MOST);
	window->is_over = false;
	MUST(!pthread_barrier_init(&window->barrier, NULL, n + 1));
	for (unsigned int i = 0; i < n; i++)
		MUST(!pthread_create(&threads[i], NULL, func[i], arg[i]));
	pthread_barrier_wait(&window->barrier);
	ns = clock_ns(CLOCK_MONOTONIC);
	nanosleep(&length, NULL);
	__atomic_store_n(&window->is_over, true, __ATOMIC_RELAXED);
	ns = clock_ns(CLOCK_MONOTONIC) - ns;
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&window->barrier);
	return ns;
}

#endif
