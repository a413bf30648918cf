/* SPDX-License-Identifier: MIT */
/* What a reservation shows, to the calling thread and to one that holds no lock. */
#ifndef VIEW_H
#define VIEW_H

#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"
#include "mock.h"

#define KERNEL DMA_RESV_USAGE_KERNEL
#define WRITE DMA_RESV_USAGE_WRITE
#define READ DMA_RESV_USAGE_READ
#define BOOKKEEP DMA_RESV_USAGE_BOOKKEEP

/* How many fences the smallest log has room for. */
enum { SMALLEST_LOG = sizeof(void *) < 8 ? 8 : 6 };

/* How many fences a query returns; how often @fence (NULL: nothing in particular) is there. */
struct view {
	struct dma_resv *obj;
	enum dma_resv_usage usage;
	struct dma_fence *fence;
	unsigned int count, times;
};

static inline void look_at(void *arg)
{
	struct view *view = arg;
	struct dma_fence **table;

	ASSERT_INT(dma_resv_get_fences(view->obj, view->usage, &view->count, &table), ==, 0);
	view->times = 0;
	for (unsigned int i = 0; i < view->count; i++) {
		ASSERT_TRUE(mock_is_alive(table[i]));
		view->times += table[i] == view->fence;
		dma_fence_put(table[i]);
	}
	free(table);
}

static inline unsigned int count(struct dma_resv *obj, enum dma_resv_usage usage)
{
	struct view view = { .obj = obj, .usage = usage };

	look_at(&view);
	return view.count;
}

static inline unsigned int times(struct dma_resv *obj, struct dma_fence *fence)
{
	struct view view = { .obj = obj, .usage = BOOKKEEP, .fence = fence };

	look_at(&view);
	return view.times;
}

/* Run @func in a thread that holds no lock. */
static inline void in_other_thread(void (*func)(void *arg), void *arg)
{
	test_thread_join(test_thread_start(func, arg));
}

static inline unsigned int others_count(struct dma_resv *obj, enum dma_resv_usage usage)
{
	struct view view = { .obj = obj, .usage = usage };

	in_other_thread(look_at, &view);
	return view.count;
}

static inline void lock(struct dma_resv *obj)
{
	ASSERT_INT(dma_resv_lock(obj, NULL), ==, 0);
}

/* The same, while this thread holds another: waiting for it could deadlock, trying cannot. */
static inline void lock_beside(struct dma_resv *obj)
{
	ASSERT_TRUE(dma_resv_trylock(obj));
}

static inline void reserve(struct dma_resv *obj, unsigned int n)
{
	ASSERT_INT(dma_resv_reserve_fences(obj, n), ==, 0);
}

/* Under the lock; with its own reservation. */
static inline void add(struct dma_resv *obj, struct dma_fence *fence, enum dma_resv_usage usage)
{
	reserve(obj, 1);
	dma_resv_add_fence(obj, fence, usage);
}

/* Committed, by a lock and an unlock of its own. */
static inline void add_alone(struct dma_resv *obj, struct dma_fence *fence,
			     enum dma_resv_usage usage)
{
	lock(obj);
	add(obj, fence, usage);
	dma_resv_unlock(obj);
}

static inline uint32_t references(const struct dma_fence *fence)
{
	return load_relaxed(&fence->refcount.count);
}

#endif
