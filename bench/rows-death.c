/* SPDX-License-Identifier: MIT */
/*
 * From a member's death to the error of the last who waits for its fence; n: how many wait, one of them in
 * another process than the rest, and than the one who kills. Beside it the floor: until a pidfd says that the
 * process has ended. Each is the distribution over many deaths, from the call that kills.
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
#define DEATHS 300 /* three are worse than 99 of 100 */
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

/* Until it is known: when that is, in ms. Without a fence, by the pidfd. */
static double await(struct dma_fence *fence, int pidfd)
{
	struct pollfd entry = { .fd = pidfd, .events = POLLIN };

	if (fence) {
		MUST(!dma_fence_wait(fence, false));
		MUST(dma_fence_get_status(fence) == -EOWNERDEAD);
	} else {
		MUST(poll(&entry, 1, -1) == 1);
	}
	return now_ms();
}

static int open_process(pid_t pid)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	MUST(pidfd >= 0);
	return pidfd;
}

static struct dma_fence *import(struct dma_buf_pool *pool, const struct dma_buf_pool_fence *value)
{
	struct dma_fence *fence = pool ? dma_buf_pool_import_fence(pool, value) : NULL;

	MUST(!dmabuf_is_err(fence));
	return fence;
}

/* Who is about to die, for the waiter in another process. */
struct victim {
	pid_t pid;
	struct dma_buf_pool_fence value;
};

/* Is told, says that it waits, and when it knows; until the socket ends. */
static void wait_elsewhere(int sock, void *is_member)
{
	struct dma_buf_pool *pool = NULL;
	struct victim victim;

	if (is_member)
		MUST(!dma_buf_pool_join(sock, PATIENCE, &pool));
	while (recv(sock, &victim, sizeof(victim), MSG_WAITALL) == sizeof(victim)) {
		struct dma_fence *fence = import(pool, &victim.value);
		const int pidfd = open_process(victim.pid);
		double end_ms;

		process_tell(sock, "w", 1);
		end_ms = await(fence, pidfd);
		process_tell(sock, &end_ms, sizeof(end_ms));
		close(pidfd);
		if (fence)
			dma_fence_put(fence);
	}
	dma_buf_pool_leave(pool);
}

struct waiter {
	pthread_t thread;
	struct dma_fence *fence;
	int pidfd;
	pthread_barrier_t *barrier;
	double end_ms;
};

static void *wait_here(void *arg)
{
	struct waiter *waiter = arg;

	pthread_barrier_wait(waiter->barrier);
	waiter->end_ms = await(waiter->fence, waiter->pidfd);
	return NULL;
}

/* In a pool, or not; with one who waits elsewhere. */
struct world {
	struct dma_buf_pool *pool;
	struct process elsewhere;
	unsigned int threads;
};

/* When the last one knows. */
static double kill_and_await(const struct world *world, pid_t pid, struct waiter *waiter)
{
	double begin_ms, last_ms;

	begin_ms = now_ms();
	kill(pid, SIGKILL);
	process_hear(world->elsewhere.sock, &last_ms, sizeof(last_ms));
	for (unsigned int i = 0; i < world->threads; i++) {
		pthread_join(waiter[i].thread, NULL);
		last_ms = waiter[i].end_ms > last_ms ? waiter[i].end_ms : last_ms;
	}
	return last_ms - begin_ms;
}

static double die_once(const struct world *world)
{
	struct process process = process_begin(wait_for_death, world->pool);
	const struct timespec a_while = { .tv_nsec = 3000000 };
	const int pidfd = open_process(process.pid);
	struct victim victim = { .pid = process.pid };
	struct waiter waiter[MOST_WAITERS];
	struct dma_fence *fence;
	pthread_barrier_t barrier;
	double ms;
	char byte;

	MUST(!pthread_barrier_init(&barrier, NULL, world->threads + 1));
	if (world->pool) {
		MUST(!dma_buf_pool_serve(world->pool, process.sock, 0, PATIENCE, NULL));
		process_hear(process.sock, &victim.value, sizeof(victim.value));
		victim.value.seqno++;
	}
	fence = import(world->pool, &victim.value);
	for (unsigned int i = 0; i < world->threads; i++) {
		waiter[i] = (struct waiter){ .fence = fence, .pidfd = pidfd, .barrier = &barrier };
		MUST(!pthread_create(&waiter[i].thread, NULL, wait_here, &waiter[i]));
	}
	process_tell(world->elsewhere.sock, &victim, sizeof(victim));
	process_hear(world->elsewhere.sock, &byte, 1);
	pthread_barrier_wait(&barrier);
	nanosleep(&a_while, NULL); /* they sleep */
	ms = kill_and_await(world, process.pid, waiter);
	if (fence)
		dma_fence_put(fence);
	close(pidfd);
	pthread_barrier_destroy(&barrier);
	process_end(&process);
	return ms;
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double die(bool is_ours, unsigned int waiters)
{
	const struct dma_buf_pool_limits limits = { 8, 1, 4, 4 };
	struct world world = {
		.elsewhere = process_begin(wait_elsewhere, is_ours ? &world : NULL),
		.threads = waiters - 1,
	};
	static double ms[DEATHS];

	if (is_ours) {
		MUST(!dma_buf_pool_create(&limits, &world.pool));
		MUST(!dma_buf_pool_serve(world.pool, world.elsewhere.sock, 0, PATIENCE, NULL));
	}
	for (unsigned int i = 0; i < DEATHS; i++)
		ms[i] = die_once(&world);
	process_end(&world.elsewhere);
	dma_buf_pool_leave(world.pool);
	qsort(ms, DEATHS, sizeof(ms[0]), by_size);
	frame_report("half of them", ms[DEATHS / 2], "ms");
	frame_report("99 of 100", ms[DEATHS * 99 / 100 - 1], "ms");
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
