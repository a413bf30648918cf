/* SPDX-License-Identifier: MIT */
/*
 * Reservations, by one thread. Compiled once a design, with -DDESIGN=name; n: how many contexts
 * have a fence there.
 *
 * Fences are made before, and in memory that is used again: what is measured is what a reservation
 * does with them.
 */
#include <dmabuf/dma-resv.h>
#include <pthread.h>
#include <stdlib.h>

#include "fences.h"
#include "rows.h"

#define MOST 4096
#define POOL (1 << 17)

static struct dma_fence pool[POOL];
static unsigned int used;

static void begin(void)
{
	used = 0;
}

static struct dma_fence *fence(uint64_t context, uint64_t seqno)
{
	struct dma_fence *it = &pool[used++];

	MUST(used <= POOL);
	dma_fence_init(it, &bench_ops, NULL, context, seqno);
	return it;
}

static inline void add(struct dma_resv *resv, struct dma_fence *it, enum dma_resv_usage usage)
{
	if (dma_resv_lock(resv, NULL))
		abort();
	if (dma_resv_reserve_fences(resv, 1))
		abort();
	dma_resv_add_fence(resv, it, usage);
	dma_resv_unlock(resv);
}

static struct dma_resv resv;

/* With fences of n contexts, 1 to n; they are the first of the pool. */
static void fill(struct dma_resv *obj, unsigned int n)
{
	dma_resv_init(obj);
	for (unsigned int i = 0; i < n; i++)
		add(obj, fence(i + 1, 1), DMA_RESV_USAGE_READ);
}

/* Of about so many fences that are looked at, and operations of any kind. */
static unsigned int times(unsigned int n, unsigned int limit)
{
	const unsigned int many = limit / (n + 16);

	return many > limit / 64 ? limit / 64 : many ? many : 1;
}

/*
 * Adding.
 */

static double lock_unlock(unsigned int n)
{
	double ns;

	begin();
	fill(&resv, n);
	ns = MEASURED(20000, for (unsigned int i = 0; i < 20000; i++) {
		if (dma_resv_lock(&resv, NULL))
			abort();
		dma_resv_unlock(&resv);
	});
	dma_resv_fini(&resv);
	return ns;
}

static double lock_in_ticket(unsigned int n)
{
	struct ww_acquire_ctx ticket;
	double ns;

	begin();
	fill(&resv, n);
	ww_acquire_init(&ticket, &reservation_ww_class);
	ns = MEASURED(20000, for (unsigned int i = 0; i < 20000; i++) {
		if (dma_resv_lock(&resv, &ticket))
			abort();
		dma_resv_unlock(&resv);
	});
	ww_acquire_fini(&ticket);
	dma_resv_fini(&resv);
	return ns;
}

/* From n contexts to twice as many (from 0 to 1), so that growing is part of it. */
static double add_new(unsigned int n)
{
	const unsigned int more = n ? n : 1, objects = 16384 / (more > 64 ? more : 64);
	struct dma_resv *const obj = calloc(objects, sizeof(*obj));
	struct dma_fence *first;
	double ns;

	MUST(obj);
	begin();
	for (unsigned int i = 0; i < objects; i++)
		fill(&obj[i], n);
	first = &pool[used];
	for (unsigned int i = 0; i < objects * more; i++)
		fence(n + 1 + i % more, 1);
	ns = MEASURED(objects * more, for (unsigned int i = 0; i < objects * more; i++)
		      add(&obj[i / more], &first[i], DMA_RESV_USAGE_READ));
	for (unsigned int i = 0; i < objects; i++)
		dma_resv_fini(&obj[i]);
	free(obj);
	return ns;
}

/* Each of n contexts in turn adds a later fence. */
static double replace(unsigned int n)
{
	const unsigned int many = 16384;
	struct dma_fence *first;
	double ns;

	begin();
	fill(&resv, n);
	first = &pool[used];
	for (unsigned int i = 0; i < many; i++)
		fence(i % n + 1, i / n + 2);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++)
		      add(&resv, &first[i], DMA_RESV_USAGE_READ));
	dma_resv_fini(&resv);
	return ns;
}

/* n contexts are busy; one ends, and a new one comes. */
static double come_and_go(unsigned int n)
{
	const unsigned int many = 16384;
	struct dma_fence *first;
	double ns;

	begin();
	fill(&resv, n);
	first = &pool[used - n];
	for (unsigned int i = 0; i < many; i++)
		fence(n + 1 + i, 1);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++) {
		dma_fence_signal(&first[i]);
		add(&resv, &first[n + i], DMA_RESV_USAGE_READ);
	});
	dma_resv_fini(&resv);
	return ns;
}

/* Two contexts write in turn. */
static double two_writers(unsigned int n)
{
	const unsigned int many = 16384;
	struct dma_fence *first;
	double ns;

	(void)n;
	begin();
	dma_resv_init(&resv);
	first = &pool[used];
	for (unsigned int i = 0; i < many; i++)
		fence(i % 2 + 1, i / 2 + 1);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++)
		      add(&resv, &first[i], DMA_RESV_USAGE_WRITE));
	dma_resv_fini(&resv);
	return ns;
}

/*
 * Many buffers under one ticket.
 */

#define BUFFERS 65536

/* The fence @which of the pool to all @obj, in @order. */
static void submit_one(struct dma_resv *obj, const unsigned int *order, unsigned int n,
		       unsigned int which)
{
	struct ww_acquire_ctx ticket;

	ww_acquire_init(&ticket, &reservation_ww_class);
	for (unsigned int i = 0; i < n; i++) {
		if (dma_resv_lock(&obj[order[i]], &ticket))
			abort();
		if (dma_resv_reserve_fences(&obj[order[i]], 1))
			abort();
	}
	ww_acquire_done(&ticket);
	for (unsigned int i = 0; i < n; i++) {
		dma_resv_add_fence(&obj[order[i]], &pool[which], DMA_RESV_USAGE_WRITE);
		dma_resv_unlock(&obj[order[i]]);
	}
	ww_acquire_fini(&ticket);
}

static void shuffle(unsigned int *order, unsigned int n)
{
	for (unsigned int i = n - 1, random = 1; i; i--) {
		const unsigned int other = (random = random * 1664525 + 1013904223) % (i + 1);
		const unsigned int it = order[i];

		order[i] = order[other];
		order[other] = it;
	}
}

/* @before: so many submissions of the same, which set aside what later ones take. */
static double submit(unsigned int n, bool in_order, unsigned int before)
{
	const unsigned int rounds = n < BUFFERS ? 16 : 1;
	static unsigned int order[BUFFERS];
	struct dma_resv *const obj = calloc(n, sizeof(*obj));
	double ns;

	MUST(obj);
	begin();
	for (unsigned int i = 0; i < 1 + before + rounds; i++)
		fence(1, i + 1);
	for (unsigned int i = 0; i < n; i++) {
		dma_resv_init(&obj[i]);
		add(&obj[i], &pool[0], DMA_RESV_USAGE_WRITE);
		order[i] = i;
	}
	if (!in_order)
		shuffle(order, n);
	for (unsigned int i = 0; i < before; i++)
		submit_one(obj, order, n, 1 + i);
	ns = MEASURED((double)n * rounds, for (unsigned int i = 0; i < rounds; i++)
		      submit_one(obj, order, n, 1 + before + i));
	for (unsigned int i = 0; i < n; i++)
		dma_resv_fini(&obj[i]);
	free(obj);
	return ns;
}

static double submit_in_order(unsigned int n)
{
	return submit(n, true, 1);
}

static double submit_at_random(unsigned int n)
{
	return submit(n, false, 1);
}

static void *submit_first_on(void *arg)
{
	double *const ns = arg;

	*ns = submit(BUFFERS, false, 0);
	return NULL;
}

/* By a thread that never had so many. */
static double submit_first(unsigned int n)
{
	pthread_t thread;
	double ns;

	MUST(n == BUFFERS);
	MUST(!pthread_create(&thread, NULL, submit_first_on, &ns));
	pthread_join(thread, NULL);
	return ns;
}

/*
 * Asking.
 */

/* Test for @usage @answer, of n fences of which those from @from up to @to have signalled. */
static double test(unsigned int n, enum dma_resv_usage usage, unsigned int from, unsigned int to)
{
	const unsigned int many = times(n, 1 << 19);
	double ns;

	begin();
	fill(&resv, n);
	for (unsigned int i = from; i < to; i++)
		dma_fence_signal(&pool[i]);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++)
		      frame_sink += dma_resv_test_signaled(&resv, usage));
	dma_resv_fini(&resv);
	return ns;
}

static double test_all_busy(unsigned int n)
{
	return test(n, DMA_RESV_USAGE_READ, 0, 0);
}

static double test_last_busy(unsigned int n)
{
	return test(n, DMA_RESV_USAGE_READ, 0, n - 1);
}

static double test_first_busy(unsigned int n)
{
	return test(n, DMA_RESV_USAGE_READ, 1, n);
}

static double test_all_done(unsigned int n)
{
	return test(n, DMA_RESV_USAGE_READ, 0, n);
}

/* A reader's question, where others only read. */
static double test_writers(unsigned int n)
{
	return test(n, DMA_RESV_USAGE_WRITE, 0, 0);
}

static double get_fences(unsigned int n)
{
	const unsigned int many = times(n, 1 << 18);
	double ns;

	begin();
	fill(&resv, n);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++) {
		struct dma_fence **fences;
		unsigned int count;

		MUST(!dma_resv_get_fences(&resv, DMA_RESV_USAGE_READ, &count, &fences));
		while (count)
			dma_fence_put(fences[--count]);
		free(fences);
	});
	dma_resv_fini(&resv);
	return ns;
}

static double get_singleton(unsigned int n)
{
	const unsigned int many = times(n, 1 << 18);
	double ns;

	begin();
	fill(&resv, n);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++) {
		struct dma_fence *all;

		MUST(!dma_resv_get_singleton(&resv, DMA_RESV_USAGE_READ, &all));
		dma_fence_put(all);
	});
	dma_resv_fini(&resv);
	return ns;
}

/* Keep the whole set: ours by a snapshot, the others by get_singleton. */
#ifdef OURS
static double keep_all(unsigned int n)
{
	const unsigned int many = times(0, 1 << 20);
	double ns;

	begin();
	fill(&resv, n);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++) {
		struct dma_resv_snapshot set;

		frame_sink += dma_resv_get_snapshot(&resv, &set);
		dma_resv_put_snapshot(&set);
	});
	dma_resv_fini(&resv);
	return ns;
}
#else
#define keep_all get_singleton
#endif

#ifdef DESIGN_HAS_NO_WALKS
#define walk_unlocked NULL
#else
static double walk_unlocked(unsigned int n)
{
	const unsigned int many = times(n, 1 << 18);
	double ns;

	begin();
	fill(&resv, n);
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++) {
		struct dma_resv_iter cursor;
		struct dma_fence *it;

		dma_resv_iter_begin(&cursor, &resv, DMA_RESV_USAGE_READ);
		dma_resv_for_each_fence_unlocked(&cursor, it)
			frame_sink += (unsigned long)it->seqno;
		dma_resv_iter_end(&cursor);
	});
	dma_resv_fini(&resv);
	return ns;
}
#endif

#define SIZES_FROM_1(title, measure)                                                             \
	{ title, 1, measure, true }, { title, 4, measure, true }, { title, 16, measure, true },  \
	{ title, 64, measure, true }, { title, 256, measure, true }, { title, 4096, measure, true }
#define SIZES(title, measure) { title, 0, measure, true }, SIZES_FROM_1(title, measure)

static const struct row rows[] = {
	{ "lock and unlock", 1, lock_unlock, true },
	{ "lock and unlock in a ticket", 1, lock_in_ticket, true },
	SIZES("add: a new context", add_new),
	SIZES_FROM_1("add: the same context", replace),
	SIZES_FROM_1("add: one ends, a new one comes", come_and_go),
	{ "add: two writers in turn", 2, two_writers, true },
	{ "submit to N buffers, in order", 256, submit_in_order, true },
	{ "submit to N buffers, in order", 65536, submit_in_order, true },
	{ "submit to N buffers, at random", 256, submit_at_random, true },
	{ "submit to N buffers, at random", 65536, submit_at_random, true },
	{ "submit to N buffers, at random, a thread's first", 65536, submit_first, true },
	SIZES("test: all busy", test_all_busy),
	SIZES_FROM_1("test: the last busy", test_last_busy),
	SIZES_FROM_1("test: the first busy", test_first_busy),
	SIZES("test: all done", test_all_done),
	SIZES("test: for a reader, all read", test_writers),
	SIZES("get_fences", get_fences),
	SIZES("get_singleton", get_singleton),
	SIZES("keep the whole set", keep_all),
	SIZES("walk, unlocked", walk_unlocked),
};

const struct design DESIGN_NAME(resv_rows) = { DESIGN_TITLE, rows, COUNT(rows) };
