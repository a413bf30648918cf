/* SPDX-License-Identifier: MIT */
/* Who waits for any of several fences of a pool, and how: in the test, or in a thread of it. */
#ifndef WAITING_H
#define WAITING_H

#include "../fence/waiters.h"
#include "stops.h"

#include "fence/words.h"
#include "share/member.h"

#define SLEEP "futex: before sleep"

static inline bool is_watched(struct dma_buf_pool *pool)
{
	return load_acquire(&pool->watch.watcher) != WATCHED_BY_NOBODY;
}

static inline struct dma_fence *import(struct dma_buf_pool *pool,
				       const struct dma_buf_pool_fence *value)
{
	struct dma_fence *fence = dma_buf_pool_import_fence(pool, value);

	ASSERT_FALSE(dmabuf_is_err(fence));
	return fence;
}

/* A call, in a thread of its own. */
struct waiting {
	struct dma_fence **fences;
	struct waiter waiter;
	uint32_t count, idx;
};

static inline void join(struct test_thread *thread)
{
	test_thread_join(thread);
	os_race_hook(NULL);
	fence_slice_ns = FENCE_SLICE_NS;
}

static inline void wait_in_other_thread(void *arg)
{
	struct waiting *waiting = arg;

	waiting->waiter.thread = pthread_self();
	store_release(&waiting->waiter.started, true);
	waiting->waiter.ret = dma_fence_wait_any_timeout(waiting->fences, waiting->count,
							 waiting->waiter.intr, PEER_PATIENCE,
							 &waiting->idx);
	store_release(&waiting->waiter.returned, true);
}

/* Whom nobody wakes sleeps as long as it may: there are no slices. */
static inline struct test_thread *start(struct waiting *waiting)
{
	struct test_thread *thread;

	fence_slice_ns = INT64_MAX;
	count_syscalls();
	thread = test_thread_start(wait_in_other_thread, waiting);
	WAIT_UNTIL(load_acquire(&waiting->waiter.started) && load_acquire(&syscall_sleeps));
	return thread;
}

#endif
