/* SPDX-License-Identifier: MIT */
/*
 * From a member's death to the error of the last who waits for its fence; n: how many wait. Beside
 * it the floor: until a pidfd says that the process has ended. Each is the distribution over many deaths, from
 * the call that kills.
 */
#define _GNU_SOURCE
#include <dmabuf/dmabuf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#include "processes.h"
#include "rows.h"

#define PATIENCE INT64_C(60000000000)
#define DEATHS 60
#define MOST_WAITERS 8

static double now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* A member with a fence that it will never signal; or, without a pool, a process. */
static void wait_for_death(int sock, void *is_member)
{
	struct dma_buf_pool_fence origin;
	struct dma_fence_timeline *tl;
	struct dma_buf_pool *pool;

	if (is_member) {
		MUST(!dma_buf_pool_join(sock, PATIENCE, &pool));
		tl = dma_fence_timeline_create("death");
		MUST(tl && !dma_buf_pool_share_timeline(pool, tl, &origin));
		process_tell(sock, &origin, sizeof(origin));
	}
	for (;;)
		pause();
}

struct waiter {
	struct dma_fence *fence; /* NULL: the pidfd */
	int pidfd;
	pthread_barrier_t *barrier;
	double end_ms;
};

static void *await(void *arg)
{
	struct waiter *waiter = arg;
	struct pollfd entry = { .fd = waiter->pidfd, .events = POLLIN };

	pthread_barrier_wait(waiter->barrier);
	if (waiter->fence) {
		MUST(!dma_fence_wait(waiter->fence, false));
		MUST(dma_fence_get_status(waiter->fence) == -EOWNERDEAD);
	} else {
		MUST(poll(&entry, 1, -1) == 1);
	}
	waiter->end_ms = now_ms();
	return NULL;
}

static double die_once(struct dma_buf_pool *pool, unsigned int waiters)
{
	struct process process = process_begin(wait_for_death, pool);
	const struct timespec a_while = { .tv_nsec = 3000000 };
	struct dma_buf_pool_fence origin;
	struct waiter waiter[MOST_WAITERS];
	pthread_t thread[MOST_WAITERS];
	struct dma_fence *fence = NULL;
	pthread_barrier_t barrier;
	double begin_ms, last_ms = 0;
	const int pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);

	MUST(pidfd >= 0 && !pthread_barrier_init(&barrier, NULL, waiters + 1));
	if (pool) {
		MUST(!dma_buf_pool_serve(pool, process.sock, 0, PATIENCE, NULL));
		process_hear(process.sock, &origin, sizeof(origin));
		origin.seqno++;
		fence = dma_buf_pool_import_fence(pool, &origin);
		MUST(!dmabuf_is_err(fence));
	}
	for (unsigned int i = 0; i < waiters; i++) {
		waiter[i] = (struct waiter){ fence, pidfd, &barrier, 0 };
		MUST(!pthread_create(&thread[i], NULL, await, &waiter[i]));
	}
	pthread_barrier_wait(&barrier);
	nanosleep(&a_while, NULL); /* they sleep */
	begin_ms = now_ms();
	kill(process.pid, SIGKILL);
	for (unsigned int i = 0; i < waiters; i++) {
		pthread_join(thread[i], NULL);
		last_ms = waiter[i].end_ms > last_ms ? waiter[i].end_ms : last_ms;
	}
	if (fence)
		dma_fence_put(fence);
	close(pidfd);
	pthread_barrier_destroy(&barrier);
	process_end(&process);
	return last_ms - begin_ms;
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double die(bool is_ours, unsigned int waiters)
{
	const struct dma_buf_pool_limits limits = { 8, 1, 4, 4 };
	struct dma_buf_pool *pool = NULL;
	double ms[DEATHS];

	if (is_ours)
		MUST(!dma_buf_pool_create(&limits, &pool));
	for (unsigned int i = 0; i < DEATHS; i++)
		ms[i] = die_once(pool, waiters);
	dma_buf_pool_leave(pool);
	qsort(ms, DEATHS, sizeof(ms[0]), by_size);
	frame_report("half of them", ms[DEATHS / 2], "ms");
	frame_report("99 of 100", ms[DEATHS * 99 / 100], "ms");
	frame_report("the worst", ms[DEATHS - 1], "ms");
	return REPORTED;
}

static double ours_die(unsigned int n)
{
	return die(true, n);
}

static double pidfd_die(unsigned int n)
{
	return die(false, n);
}

static const struct row ours_rows[] = {
	{ "until the last of n waiters knows", 1, ours_die, false },
	{ "until the last of n waiters knows", 8, ours_die, false },
};
static const struct row pidfd_rows[] = {
	{ "until the last of n waiters knows", 1, pidfd_die, false },
	{ "until the last of n waiters knows", 8, pidfd_die, false },
};

const struct design ours_death_rows = { "ours", ours_rows, COUNT(ours_rows) };
const struct design pidfd_death_rows = { "pidfd", pidfd_rows, COUNT(pidfd_rows) };
