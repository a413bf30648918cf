/* SPDX-License-Identifier: MIT */
/*
 * Readers against a writer that never stops. Compiled once a design, with -DDESIGN=name; n: how
 * many readers.
 *
 * The set has 64 contexts. Each commit replaces all of them, in one section of the lock, by fences
 * of the next generation, which their sequence numbers tell: a reader that finds two of them has a
 * set that no commit left. In designs that show each add at once, as all but ours do, one that was
 * there between two adds counts as mixed, too. Generations come round; each is later than the one
 * before, as numbers wrap.
 *
 * Fences do not end and lists do not grow here, so what makes the lists' walks begin anew is rare.
 */
#define _GNU_SOURCE
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-resv.h>
#include <stdlib.h>

#include "fences.h"
#include "rows.h"
#include "window.h"

#define SET 64
#define GENERATIONS 64
#define MOST_READERS 8

#ifdef OURS
/*
 * Of walks. What else reads has a set when it looks at its first fence, and stays with it: to look
 * for the word again, before that, is no restart. A test has no such loop at all.
 */
static __thread unsigned long design_restarts;
#define COUNT_RESTARTS(n) (design_restarts += (n))
#else
#define COUNT_RESTARTS(n) ((void)(n)) /* they count themselves */
#endif

static struct dma_fence generation[GENERATIONS][SET];

/* What a reader has found; on a line of its own. */
struct found {
	unsigned long reads, looked, mixed, restarts;
} __attribute__((aligned(128)));

static struct {
	struct dma_resv resv;
	void (*read)(struct found *found);
	struct window window;
	struct found found[MOST_READERS];
	unsigned long commits;
	double commit_ns;
} world;

static void commit(unsigned int which)
{
	if (dma_resv_lock(&world.resv, NULL))
		abort();
	if (dma_resv_reserve_fences(&world.resv, SET))
		abort();
	for (unsigned int i = 0; i < SET; i++)
		dma_resv_add_fence(&world.resv, &generation[which][i], DMA_RESV_USAGE_READ);
	dma_resv_unlock(&world.resv);
}

/* Its time is that of the processor, since there may be more threads than processors. */
static void *write_on(void *unused)
{
	double began;

	pthread_barrier_wait(&world.window.barrier);
	began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (world.commits = 0; !window_is_over(&world.window); world.commits++)
		commit((unsigned int)(world.commits + 1) % GENERATIONS);
	began = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	world.commit_ns = began / (double)(world.commits ? world.commits : 1);
	return unused;
}

static void *read_on(void *arg)
{
	struct found *found = arg;

	pthread_barrier_wait(&world.window.barrier);
	for (found->reads = 0; !window_is_over(&world.window); found->reads++)
		world.read(found);
	found->restarts = design_restarts; /* the thread is new */
	return NULL;
}

/* A set is looked at: @seqno is the first's, or that of another. */
static void look(const struct dma_fence *fence, uint64_t *seqno, bool *is_mixed)
{
	if (*seqno != UINT64_MAX && fence->seqno != *seqno)
		*is_mixed = true;
	*seqno = fence->seqno;
}

static void read_fences(struct found *found)
{
	struct dma_fence **fences;
	uint64_t seqno = UINT64_MAX;
	bool is_mixed = false;
	unsigned int n;

	if (dma_resv_get_fences(&world.resv, DMA_RESV_USAGE_READ, &n, &fences))
		abort();
	while (n) {
		look(fences[--n], &seqno, &is_mixed);
		dma_fence_put(fences[n]);
	}
	free(fences);
	found->looked++;
	found->mixed += is_mixed;
}

/* Looking into the set costs more than taking some: it is done now and then. */
#define WANTS_LOOK(found) ((found)->reads % 16 == 0)

static void read_singleton(struct found *found)
{
	struct dma_fence *all, *fence;
	uint64_t seqno = UINT64_MAX;
	bool is_mixed = false;
	unsigned int i;

	if (dma_resv_get_singleton(&world.resv, DMA_RESV_USAGE_READ, &all))
		abort();
	if (WANTS_LOOK(found)) {
		dma_fence_array_for_each(fence, i, all)
			look(fence, &seqno, &is_mixed);
		found->looked++;
		found->mixed += is_mixed;
	}
	dma_fence_put(all);
}

#ifdef OURS
static void read_whole(struct found *found)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *fence;
	uint64_t seqno = UINT64_MAX;
	bool is_mixed = false;

	dma_resv_get_snapshot(&world.resv, &set);
	if (WANTS_LOOK(found)) {
		dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_READ)
			look(fence, &seqno, &is_mixed);
		found->looked++;
		found->mixed += is_mixed;
	}
	dma_resv_put_snapshot(&set);
}
#else
#define read_whole read_singleton
#endif

static void read_test(struct found *found)
{
	if (dma_resv_test_signaled(&world.resv, DMA_RESV_USAGE_READ))
		found->mixed++; /* cannot be: they are all busy */
}

#ifdef DESIGN_HAS_NO_WALKS
/* What it has instead. */
static void read_walk(struct found *found)
{
	read_fences(found);
}
#else
static void read_walk(struct found *found)
{
	uint64_t seqno = UINT64_MAX;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int begun = 0;
	bool is_mixed = false;

	dma_resv_iter_begin(&cursor, &world.resv, DMA_RESV_USAGE_READ);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor)) {
			begun++;
			seqno = UINT64_MAX;
			is_mixed = false;
		}
		look(fence, &seqno, &is_mixed);
	}
	dma_resv_iter_end(&cursor);
	MUST(begun); /* there is always a fence */
	COUNT_RESTARTS(begun - 1);
	found->looked++;
	found->mixed += is_mixed;
}
#endif

static void begin(void)
{
	for (unsigned int i = 0; i < GENERATIONS; i++) {
		for (unsigned int j = 0; j < SET; j++)
			dma_fence_init(&generation[i][j], &bench_ops, NULL, j + 1,
				       i * (UINT64_C(1) << 32) / GENERATIONS);
	}
	dma_resv_init(&world.resv);
	commit(0);
}

static void report(unsigned int readers, double ns)
{
	struct found sum = { 0 };

	for (unsigned int i = 0; i < readers; i++) {
		sum.reads += world.found[i].reads;
		sum.looked += world.found[i].looked;
		sum.mixed += world.found[i].mixed;
		sum.restarts += world.found[i].restarts;
	}
	frame_report("reads", (double)sum.reads / ns * 1e9, "a second");
	frame_report("a commit beside", world.commit_ns, "ns");
	frame_report("restarts", 100.0 * (double)sum.restarts / (double)sum.reads, "%");
	if (sum.looked)
		frame_report("mixed sets", 100.0 * (double)sum.mixed / (double)sum.looked, "%");
	else
		MUST(!sum.mixed);
}

static double against_writer(unsigned int readers, void (*read)(struct found *found))
{
	void *(*func[MOST_READERS + 1])(void *arg) = { write_on };
	void *arg[MOST_READERS + 1] = { NULL };

	world.read = read;
	begin();
	for (unsigned int i = 0; i < readers; i++) {
		world.found[i] = (struct found){ 0 };
		func[i + 1] = read_on;
		arg[i + 1] = &world.found[i];
	}
	report(readers, window_run(&world.window, readers + 1, func, arg));
	dma_resv_fini(&world.resv);
	return REPORTED;
}

static double against_fences(unsigned int readers)
{
	return against_writer(readers, read_fences);
}

static double against_whole(unsigned int readers)
{
	return against_writer(readers, read_whole);
}

static double against_singleton(unsigned int readers)
{
	return against_writer(readers, read_singleton);
}

static double against_test(unsigned int readers)
{
	return against_writer(readers, read_test);
}

static double against_walk(unsigned int readers)
{
	return against_writer(readers, read_walk);
}

#define READERS(title, measure)                                                          \
	{ title, 1, measure, false }, { title, 2, measure, false },                      \
	{ title, 4, measure, false }, { title, 8, measure, false }

static const struct row rows[] = {
	READERS("get_fences", against_fences),
	READERS("keep the whole set", against_whole),
	READERS("get_singleton", against_singleton),
	READERS("test", against_test),
	READERS("walk", against_walk),
};

const struct design DESIGN_NAME(readers_rows) = { DESIGN_TITLE, rows, COUNT(rows) };
