/* SPDX-License-Identifier: MIT */
/*
 * Reservations, where nobody is in the way: with 1, 16 and 256 fences of as many
 * contexts, none of which has signalled.
 */
#include <stdlib.h>

#include <dmabuf/dma-resv.h>

#include "frame.h"

#define MAX_FENCES 256
#define OPERATIONS 20000

static struct dma_resv resv;
static struct dma_fence fences[MAX_FENCES], latest[OPERATIONS];

static const char *name(struct dma_fence *fence)
{
	(void)fence;
	return "bench";
}

/* The memory is ours, and used again. */
static void keep(struct dma_fence *fence)
{
	(void)fence;
}

static const struct dma_fence_ops ops = {
	.get_driver_name = name,
	.get_timeline_name = name,
	.release = keep,
};

static void add(struct dma_fence *fence)
{
	if (dma_resv_lock(&resv, NULL))
		abort();
	if (dma_resv_reserve_fences(&resv, 1))
		abort();
	dma_resv_add_fence(&resv, fence, DMA_RESV_USAGE_READ);
	dma_resv_unlock(&resv);
}

static void begin_with(unsigned int n)
{
	dma_resv_init(&resv);
	for (unsigned int i = 0; i < n; i++) {
		dma_fence_init(&fences[i], &ops, NULL, i + 1, 1);
		add(&fences[i]);
	}
}

/* Later fences of one context, one after the other: a queue that goes on working. */
static double replace(unsigned int n)
{
	double ns;

	begin_with(n);
	for (unsigned int i = 0; i < OPERATIONS; i++)
		dma_fence_init(&latest[i], &ops, NULL, 1, i + 2);
	ns = TIMED(for (unsigned int i = 0; i < OPERATIONS; i++) add(&latest[i]));
	dma_resv_fini(&resv);
	return ns / OPERATIONS;
}

static double test(unsigned int n)
{
	double ns;

	begin_with(n);
	ns = TIMED(for (unsigned int i = 0; i < OPERATIONS; i++)
		   frame_sink += !dma_resv_test_signaled(&resv, DMA_RESV_USAGE_READ));
	dma_resv_fini(&resv);
	return ns / OPERATIONS;
}

/* A reader's question, which must not depend on how many readers there are. */
static double test_writers(unsigned int n)
{
	double ns;

	begin_with(n);
	ns = TIMED(for (unsigned int i = 0; i < OPERATIONS; i++)
		   frame_sink += dma_resv_test_signaled(&resv, DMA_RESV_USAGE_WRITE));
	dma_resv_fini(&resv);
	return ns / OPERATIONS;
}

static double snapshot(unsigned int n)
{
	double ns;

	begin_with(n);
	ns = TIMED(for (unsigned int i = 0; i < OPERATIONS; i++) {
		struct dma_resv_snapshot set;

		frame_sink += dma_resv_get_snapshot(&resv, &set);
		dma_resv_put_snapshot(&set);
	});
	dma_resv_fini(&resv);
	return ns / OPERATIONS;
}

#define WITH(n, what)                          \
	static double what##_##n(void)         \
	{                                      \
		return what(n);                \
	}

WITH(1, replace)
WITH(16, replace)
WITH(256, replace)
WITH(1, test)
WITH(16, test)
WITH(256, test)
WITH(1, test_writers)
WITH(16, test_writers)
WITH(256, test_writers)
WITH(1, snapshot)
WITH(16, snapshot)
WITH(256, snapshot)

const struct subject subjects[] = {
	{ "dma_resv: lock, reserve, add a later fence, unlock;   1", replace_1 },
	{ "dma_resv: lock, reserve, add a later fence, unlock;  16", replace_16 },
	{ "dma_resv: lock, reserve, add a later fence, unlock; 256", replace_256 },
	{ "dma_resv: test, all busy;   1", test_1 },
	{ "dma_resv: test, all busy;  16", test_16 },
	{ "dma_resv: test, all busy; 256", test_256 },
	{ "dma_resv: test writers, readers busy;   1", test_writers_1 },
	{ "dma_resv: test writers, readers busy;  16", test_writers_16 },
	{ "dma_resv: test writers, readers busy; 256", test_writers_256 },
	{ "dma_resv: get and put a snapshot;   1", snapshot_1 },
	{ "dma_resv: get and put a snapshot;  16", snapshot_16 },
	{ "dma_resv: get and put a snapshot; 256", snapshot_256 },
};

const unsigned int subjects_count = sizeof(subjects) / sizeof(subjects[0]);
