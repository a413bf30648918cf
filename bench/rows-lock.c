/* SPDX-License-Identifier: MIT */
/*
 * Locks in transactions. Compiled once a design, with -DDESIGN=name: ours and Linux's ww_mutex,
 * which take them in any order and back off; and, as a yardstick, with -DPTHREAD, plain mutexes,
 * which must be sorted first.
 */
#define _GNU_SOURCE
#ifdef PTHREAD
#include <pthread.h>
#else
#include <dmabuf/ww-mutex.h>
#endif
#include <errno.h>
#include <stdlib.h>

#include "rows.h"
#include "window.h"

#define MOST_LOCKS 1024
#define TAKEN 8 /* of them, a transaction */
#define MOST_THREADS 8

struct lock {
#ifdef PTHREAD
	pthread_mutex_t mutex;
#else
	struct ww_mutex mutex;
#endif
	unsigned long count; /* under the lock */
} __attribute__((aligned(64)));

struct worker {
	unsigned int random;
	unsigned long transactions, back_offs;
} __attribute__((aligned(128)));

static struct {
	struct lock lock[MOST_LOCKS];
	unsigned int locks; /* of them, that are used */
	struct window window;
	struct worker worker[MOST_THREADS];
} world;

static unsigned int draw(struct worker *worker, unsigned int limit)
{
	worker->random = worker->random * 1664525 + 1013904223;
	return (worker->random >> 8) % limit;
}

/* Different ones, in any order. */
static void choose(struct worker *worker, struct lock **locks)
{
	for (unsigned int i = 0; i < TAKEN; i++) {
		unsigned int j;

		locks[i] = &world.lock[draw(worker, world.locks)];
		for (j = 0; locks[j] != locks[i]; j++)
			;
		if (j < i)
			i--;
	}
}

#ifdef PTHREAD
static void init(struct lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
}

static void fini(struct lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

static void sort(struct lock **locks)
{
	for (unsigned int i = 1; i < TAKEN; i++) {
		struct lock *const it = locks[i];
		unsigned int j;

		for (j = i; j && locks[j - 1] > it; j--)
			locks[j] = locks[j - 1];
		locks[j] = it;
	}
}

static void transact(struct worker *worker, struct lock **locks)
{
	(void)worker;
	sort(locks);
	for (unsigned int i = 0; i < TAKEN; i++)
		pthread_mutex_lock(&locks[i]->mutex);
	for (unsigned int i = 0; i < TAKEN; i++)
		locks[i]->count++;
	for (unsigned int i = 0; i < TAKEN; i++)
		pthread_mutex_unlock(&locks[i]->mutex);
}
#else
static DEFINE_WD_CLASS(class);

static void init(struct lock *lock)
{
	ww_mutex_init(&lock->mutex, &class);
}

static void fini(struct lock *lock)
{
	ww_mutex_destroy(&lock->mutex);
}

static void take_all(struct worker *worker, struct lock **locks, struct ww_acquire_ctx *ctx)
{
	unsigned int i, held = 0; /* the first is held already, after it was backed off for */

	for (i = 0; i < TAKEN; i++) {
		struct lock *const missing = locks[i];

		if (i < held || !ww_mutex_lock(&missing->mutex, ctx))
			continue;
		worker->back_offs++;
		while (i)
			ww_mutex_unlock(&locks[--i]->mutex);
		ww_mutex_lock_slow(&missing->mutex, ctx);
		while (locks[i] != missing)
			i++;
		locks[i] = locks[0];
		locks[0] = missing;
		held = 1;
		i = 0;
	}
}

static void transact(struct worker *worker, struct lock **locks)
{
	struct ww_acquire_ctx ctx;

	ww_acquire_init(&ctx, &class);
	take_all(worker, locks, &ctx);
	ww_acquire_done(&ctx);
	for (unsigned int i = 0; i < TAKEN; i++)
		locks[i]->count++;
	for (unsigned int i = 0; i < TAKEN; i++)
		ww_mutex_unlock(&locks[i]->mutex);
	ww_acquire_fini(&ctx);
}
#endif

static void *work(void *arg)
{
	struct worker *const worker = arg;
	struct lock *locks[TAKEN];

	pthread_barrier_wait(&world.window.barrier);
	while (!window_is_over(&world.window)) {
		choose(worker, locks);
		transact(worker, locks);
		worker->transactions++;
	}
	return NULL;
}

static void begin(unsigned int locks, unsigned int threads)
{
	world.locks = locks;
	for (unsigned int i = 0; i < locks; i++) {
		world.lock[i].count = 0;
		init(&world.lock[i]);
	}
	for (unsigned int i = 0; i < threads; i++)
		world.worker[i] = (struct worker){ .random = i * 7919 + 1 };
}

static double transactions(unsigned int locks, unsigned int threads)
{
	unsigned long sum = 0, back_offs = 0, counted = 0;
	void *(*func[MOST_THREADS])(void *arg);
	void *arg[MOST_THREADS];
	double ns;

	begin(locks, threads);
	for (unsigned int i = 0; i < threads; i++) {
		func[i] = work;
		arg[i] = &world.worker[i];
	}
	ns = window_run(&world.window, threads, func, arg);
	for (unsigned int i = 0; i < threads; i++) {
		sum += world.worker[i].transactions * TAKEN;
		back_offs += world.worker[i].back_offs;
	}
	for (unsigned int i = 0; i < world.locks; i++) {
		counted += world.lock[i].count;
		fini(&world.lock[i]);
	}
	MUST(counted == sum);
	frame_report("locks", (double)sum / ns * 1e9, "a second");
	frame_report("back-offs a lock", 100.0 * (double)back_offs / (double)sum, "%");
	return REPORTED;
}

/* One thread, without choosing. */
static double transaction(unsigned int n)
{
	struct lock *locks[TAKEN];
	double ns;

	(void)n;
	begin(64, 1);
	for (unsigned int i = 0; i < TAKEN; i++)
		locks[i] = &world.lock[i * 7];
	ns = MEASURED(4000 * TAKEN, for (unsigned int i = 0; i < 4000; i++)
		      transact(&world.worker[0], locks));
	for (unsigned int i = 0; i < world.locks; i++)
		fini(&world.lock[i]);
	return ns;
}

static double of_16(unsigned int threads)
{
	return transactions(16, threads);
}

static double of_64(unsigned int threads)
{
	return transactions(64, threads);
}

static double of_1024(unsigned int threads)
{
	return transactions(1024, threads);
}

#define THREADS(title, measure)                                          \
	{ title, 1, measure, false }, { title, 2, measure, false },      \
	{ title, 4, measure, false }, { title, 8, measure, false }

static const struct row rows[] = {
	{ "8 of 64 by one thread, a lock", 1, transaction, true },
	THREADS("8 of 16 by n threads", of_16),
	THREADS("8 of 64 by n threads", of_64),
	THREADS("8 of 1024 by n threads", of_1024),
};

const struct design DESIGN_NAME(lock_rows) = { DESIGN_TITLE, rows, COUNT(rows) };
