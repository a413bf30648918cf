/* SPDX-License-Identifier: MIT */
/*
 * Local timelines that have one of the pool's for themselves, and stand before it until they end.
 *
 * Locking: own.lock comes after the lock under which a timeline signals, and before the one that guards
 * its points.
 */
#include <errno.h>

#include "share/own-inside.h"

enum carriage own_carry_backed(const struct own_timeline *timeline, const struct dma_fence *fence,
				  uint64_t *ret_seqno)
{
	if (fence->seqno <= timeline->signaled)
		return CARRIED_NEVER;
	*ret_seqno = timeline->base + fence->seqno;
	return CARRIED_BEFORE;
}

static struct own_timeline *backed(struct timeline_backing *backing)
{
	return container_of(backing, struct own_timeline, backing);
}

static bool backed_signaled(struct timeline_backing *backing, uint64_t first, uint64_t last, int error)
{
	struct own_timeline *timeline = backed(backing);
	struct dma_buf_pool *pool = timeline->pool;
	bool wakes = false;

	dmabuf_spin_lock(&pool->own.lock);
	timeline->signaled = last;
	timeline->emitted = timeline->base + last;
	if (!pool->own.is_over) {
		if (error)
			own_write_error(pool, timeline, timeline->base + first,
					timeline->base + last, error);
		wakes = own_write_value(pool, timeline, timeline->emitted);
	}
	dmabuf_spin_unlock(&pool->own.lock);
	return wakes;
}

static void backed_wake(struct timeline_backing *backing)
{
	struct own_timeline *timeline = backed(backing);
	struct dma_buf_pool *pool = timeline->pool;
	bool is_over;

	dmabuf_spin_lock(&pool->own.lock);
	is_over = pool->own.is_over;
	dmabuf_spin_unlock(&pool->own.lock);
	if (!is_over)
		own_wake(pool, timeline);
}

static void backed_ended(struct timeline_backing *backing)
{
	struct own_timeline *timeline = backed(backing);
	struct dma_buf_pool *pool = timeline->pool;

	dmabuf_spin_lock(&pool->own.lock);
	timeline->pool = NULL;
	own_give_back_idle(pool, timeline);
	dmabuf_spin_unlock(&pool->own.lock);
	pool_put(pool);
}

static const struct timeline_backing_ops backed_ops = {
	.signaled = backed_signaled,
	.wake = backed_wake,
	.ended = backed_ended,
};

/* Nothing is told to it before the lock is dropped. */
static int back_locked(struct dma_buf_pool *pool, struct dma_fence_timeline *tl,
		       struct own_timeline *timeline) DMABUF_REQUIRES(pool->own.lock)
{
	uint64_t context;
	int err;

	timeline->backing.ops = &backed_ops;
	err = timeline_back(tl, &timeline->backing, &context, &timeline->signaled);
	if (err)
		return err;
	own_take_idle(pool, context);
	timeline->base = timeline->emitted - timeline->signaled;
	timeline->pool = pool_get(pool);
	return 0;
}

int own_back(struct dma_buf_pool *pool, struct dma_fence_timeline *tl, struct point *ret_point)
{
	struct own_timeline *timeline;
	int err = -ENOSPC;

	dmabuf_spin_lock(&pool->own.lock);
	timeline = pool->own.idle;
	if (timeline && pool->own.idle_count > pool->own.promised)
		err = back_locked(pool, tl, timeline);
	if (!err)
		*ret_point = (struct point){
			.id = pool->self->id,
			.timeline = timeline->number,
			.seqno = timeline->base,
		};
	dmabuf_spin_unlock(&pool->own.lock);
	return err;
}

void own_fail_backed(struct dma_buf_pool *pool, struct own_timeline *timeline, int error)
{
	if (!timeline->pool)
		return;
	own_write_error(pool, timeline, timeline->base + timeline->signaled + 1, ENTRY_MOST_SEQNO,
			error);
	own_write_value(pool, timeline, ENTRY_MOST_SEQNO);
}
