/* SPDX-License-Identifier: MIT */
/*
 * What the common operations cost where nobody is in the way.
 *
 * A machine's speed drifts, so each round measures everything, the yardstick (a
 * lock and unlock of a pthread mutex) first, and what counts is the ratio to the
 * yardstick of the same round. Shown are medians of 7 rounds, and of the ratios
 * also the smallest and the largest.
 *
 * One thread works, on warm caches: these are lower limits, not what a program will
 * see. A second one sleeps all the time, because glibc's mutex saves its atomic
 * operations in a process that has one thread only.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <dmabuf/dma-fence.h>
#include <dmabuf/ww-mutex.h>

#define ROUNDS 7
#define FENCES 4096	/* fences in a round: 256 KiB, so that the second-level cache holds them */
#define REPEATS 64	/* times that a round goes over them */
#define LOCKS (FENCES * REPEATS)

static struct dma_fence fences[FENCES];
static unsigned long sink; /* so that no result goes unused */

static const char *name(struct dma_fence *fence)
{
	(void)fence;
	return "bench";
}

static void keep(struct dma_fence *fence)
{
	(void)fence;
}

static const struct dma_fence_ops ops = {
	.get_driver_name = name,
	.get_timeline_name = name,
	.release = keep,
};

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* How long @statement takes, in nanoseconds. */
#define TIMED(statement)                       \
	({                                     \
		const double began_ = now_ns(); \
		statement;                     \
		now_ns() - began_;             \
	})

static double pthread_lock_unlock(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	return TIMED(for (unsigned int i = 0; i < LOCKS; i++) {
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
	}) / LOCKS;
}

static DEFINE_WD_CLASS(wait_die);

static double ww_lock_unlock(struct ww_acquire_ctx *ctx)
{
	struct ww_mutex lock;
	double ns;

	ww_mutex_init(&lock, &wait_die);
	ns = TIMED(for (unsigned int i = 0; i < LOCKS; i++) {
		if (ww_mutex_lock(&lock, ctx))
			abort();
		ww_mutex_unlock(&lock);
	});
	ww_mutex_destroy(&lock);
	return ns / LOCKS;
}

static double ww_alone(void)
{
	return ww_lock_unlock(NULL);
}

static double ww_in_a_ticket(void)
{
	struct ww_acquire_ctx ctx;
	double ns;

	ww_acquire_init(&ctx, &wait_die);
	ns = ww_lock_unlock(&ctx);
	ww_acquire_fini(&ctx);
	return ns;
}

static void init_fences(void)
{
	for (unsigned int i = 0; i < FENCES; i++)
		dma_fence_init(&fences[i], &ops, NULL, 1, i + 1);
}

static void signal_fences(void)
{
	for (unsigned int i = 0; i < FENCES; i++)
		sink += (unsigned int)dma_fence_signal(&fences[i]);
}

static void look_at_fences(void)
{
	for (unsigned int i = 0; i < FENCES; i++)
		sink += dma_fence_is_signaled(&fences[i]);
}

static double fence_init(void)
{
	double ns = 0;

	for (unsigned int repeat = 0; repeat < REPEATS; repeat++)
		ns += TIMED(init_fences());
	return ns / LOCKS;
}

static double fence_signal(void)
{
	double ns = 0;

	for (unsigned int repeat = 0; repeat < REPEATS; repeat++) {
		init_fences();
		ns += TIMED(signal_fences());
	}
	return ns / LOCKS;
}

static double fence_is_signaled_no(void)
{
	double ns = 0;

	init_fences();
	for (unsigned int repeat = 0; repeat < REPEATS; repeat++)
		ns += TIMED(look_at_fences());
	return ns / LOCKS;
}

static double fence_is_signaled_yes(void)
{
	double ns = 0;

	init_fences();
	signal_fences();
	for (unsigned int repeat = 0; repeat < REPEATS; repeat++)
		ns += TIMED(look_at_fences());
	return ns / LOCKS;
}

static const struct {
	const char *name;
	double (*measure)(void);
} subjects[] = {
	{ "pthread mutex: lock and unlock", pthread_lock_unlock }, /* the yardstick */
	{ "ww_mutex: lock and unlock", ww_alone },
	{ "ww_mutex: lock and unlock, in a ticket", ww_in_a_ticket },
	{ "dma_fence: init", fence_init },
	{ "dma_fence: signal, nobody waits", fence_signal },
	{ "dma_fence: is_signaled, no", fence_is_signaled_no },
	{ "dma_fence: is_signaled, yes", fence_is_signaled_yes },
};

#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static pthread_mutex_t until_end = PTHREAD_MUTEX_INITIALIZER;

static void *sleep_until_end(void *unused)
{
	pthread_mutex_lock(&until_end);
	pthread_mutex_unlock(&until_end);
	return unused;
}

int main(void)
{
	static double ns[SUBJECTS][ROUNDS], ratios[SUBJECTS][ROUNDS];
	pthread_t sleeper;

	pthread_mutex_lock(&until_end);
	if (pthread_create(&sleeper, NULL, sleep_until_end, NULL))
		return 1;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < SUBJECTS; i++) {
			ns[i][round] = subjects[i].measure();
			ratios[i][round] = ns[i][round] / ns[0][round];
		}
	}
	printf("%-40s %8s %8s %17s\n", "", "ns", "ratio", "smallest, largest");
	for (unsigned int i = 0; i < SUBJECTS; i++) {
		qsort(ns[i], ROUNDS, sizeof(double), compare);
		qsort(ratios[i], ROUNDS, sizeof(double), compare);
		printf("%-40s %8.1f %8.2f %8.2f %8.2f\n", subjects[i].name, ns[i][ROUNDS / 2],
		       ratios[i][ROUNDS / 2], ratios[i][0], ratios[i][ROUNDS - 1]);
	}
	pthread_mutex_unlock(&until_end);
	pthread_join(sleeper, NULL);
	return sink ? 0 : 1;
}
