/* SPDX-License-Identifier: MIT */
/*
 * Local timelines that have one of the pool's for themselves, and stand before it until they end.
 *
 * Locking: own.lock comes after the lock under which a timeline signals, and before the one that guards
 * its points.
 */
#include <errno.h>

#include "share/own-inside.h"

static struct own_timeline *backed(struct timeline_backing *backing)
{
	return container_of(backing, struct own_timeline, backing);
}

/* No lock: a fence that has not signalled keeps its timeline where it is. */
bool own_carry_backed(const struct dma_buf_pool *pool, const struct dma_fence *fence,
		      enum carriage *ret_carriage, struct point *ret_point)
{
	struct timeline_backing *backing = timeline_backing_of(fence);
	const struct own_timeline *timeline;

	if (!backing)
		return false;
	if (dma_fence_test_signaled_flag(fence)) {
		*ret_carriage = CARRIED_NEVER;
		return true;
	}
	timeline = backed(backing);
	if (load_acquire(&timeline->pool) != pool)
		return false; /* another pool's, or not yet */
	ret_point->timeline = timeline->number;
	ret_point->seqno = timeline->base + fence->seqno;
	*ret_carriage = CARRIED_BEFORE;
	return true;
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

	own_wake(timeline->pool, timeline);
}

static void backed_ended(struct timeline_backing *backing)
{
	struct own_timeline *timeline = backed(backing);
	struct dma_buf_pool *pool = timeline->pool;

	dmabuf_spin_lock(&pool->own.lock);
	store_release(&timeline->pool, NULL);
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
	store_release(&timeline->pool, pool_get(pool));
	return 0;
}

int own_back(struct dma_buf_pool *pool, struct dma_fence_timeline *tl, struct point *ret_point)
{
	struct own_timeline *timeline;
	int err;

	err = own_promise(pool, 1);
	if (err)
		return err;
	dmabuf_spin_lock(&pool->own.lock);
	timeline = pool->own.idle;
	err = back_locked(pool, tl, timeline);
	if (err)
		own_release(pool, 1);
	else
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
