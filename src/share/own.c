/* SPDX-License-Identifier: MIT */
/* Carrying: from local fences to points. own-write.c has what others see of it. */
#include "share/own-inside.h"
#include "share/own-stock.h"

#include <errno.h>

#include "fence/fence.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/report.h"
#include "os/thread.h"

/* A point of ours that has not signalled. */
struct carried {
	struct dma_fence_cb cb;
	struct dmabuf_work work;
	struct dma_buf_pool *pool; /* with a reference */
	struct own_timeline *timeline;
	struct dma_fence *fence; /* with a reference */
	struct carried *next;	 /* of the timeline, spare, or to be freed together */
	uint64_t seqno;
	int error;
	bool done;
	bool abandoned; /* who did that finishes it */
	bool wakes;	/* somebody waits for its timeline */
};

int own_init(struct own *own, const struct pool_shape *shape)
{
	own->timeline = os_alloc_array(shape->timelines, sizeof(*own->timeline));
	own->bucket = os_alloc_array(shape->timelines, sizeof(struct own_timeline *));
	if (!own->timeline || !own->bucket)
		return -ENOMEM;
	for (uint32_t i = shape->timelines; i--;) {
		own->timeline[i].number = i;
		own->timeline[i].end = &own->timeline[i].first;
		own->timeline[i].next = own->idle;
		own->idle = &own->timeline[i];
	}
	own->available = shape->timelines;
	own->stocks_most = shape->timelines / 2 < STOCKS ? shape->timelines / 2 : STOCKS;
	return 0;
}

void own_fini(struct own *own)
{
	os_free(own->timeline);
	os_free(own->bucket);
}

static const char *over_name(struct dma_fence *fence)
{
	(void)fence;
	return "over";
}

/* Of a fence that stands for one that was over before. */
static const struct dma_fence_ops over_ops = {
	.get_driver_name = over_name,
	.get_timeline_name = over_name,
};

struct dma_fence *own_make_over(int error)
{
	struct dma_fence *fence = os_alloc(sizeof(*fence));

	if (!fence)
		return NULL;
	dma_fence_init(fence, &over_ops, NULL, dma_fence_context_alloc(1), 1);
	if (error)
		dma_fence_set_error(fence, error);
	return fence;
}

/*
 * Promises.
 */

static bool try_promise(struct dma_buf_pool *pool, uint32_t n)
{
	if (fetch_sub_acq_rel(&pool->own.available, n) >= n)
		return true;
	own_release(pool, n);
	return false;
}

int own_promise(struct dma_buf_pool *pool, uint32_t n)
{
	while (!try_promise(pool, n)) {
		if (!own_stock_collect(pool))
			return -ENOSPC;
	}
	return 0;
}

void own_release(struct dma_buf_pool *pool, uint32_t n)
{
	fetch_add_release(&pool->own.available, n);
}

int own_spare_fill(struct own_spare *spare, uint32_t n)
{
	while (spare->count < n) {
		struct carried *carried = os_alloc(sizeof(*carried));

		if (!carried)
			return -ENOMEM;
		carried->next = spare->first;
		spare->first = carried;
		spare->count++;
	}
	return 0;
}

static struct carried *take_spare(struct own_spare *spare)
{
	struct carried *carried = spare->first;

	spare->first = carried->next;
	spare->count--;
	return carried;
}

void own_spare_trim(struct own_spare *spare, uint32_t n)
{
	while (spare->count > n)
		os_free(take_spare(spare));
}

/*
 * Carrying.
 */

static struct own_timeline **bucket_of(struct dma_buf_pool *pool, uint64_t context)
{
	return &pool->own.bucket[context % pool->shape.timelines];
}

struct own_timeline *own_find_carrier(struct dma_buf_pool *pool, uint64_t context)
{
	struct own_timeline *timeline = *bucket_of(pool, context);

	while (timeline && timeline->context != context)
		timeline = timeline->next;
	return timeline;
}

struct own_timeline *own_take_idle(struct dma_buf_pool *pool, uint64_t context)
{
	struct own_timeline *timeline = pool->own.idle, **bucket = bucket_of(pool, context);

	pool->own.idle = timeline->next;
	timeline->context = context;
	timeline->next = *bucket;
	*bucket = timeline;
	return timeline;
}

void own_give_back_idle(struct dma_buf_pool *pool, struct own_timeline *timeline)
{
	struct own_timeline **link = bucket_of(pool, timeline->context);

	while (*link != timeline)
		link = &(*link)->next;
	*link = timeline->next;
	timeline->next = pool->own.idle;
	pool->own.idle = timeline;
	own_release(pool, 1);
}

/* What carries @fence already, or NULL. */
static struct carried *find_carried(const struct own_timeline *timeline,
				    const struct dma_fence *fence)
{
	struct carried *carried = timeline ? timeline->first : NULL;

	while (carried && carried->fence != fence)
		carried = carried->next;
	return carried;
}

/* Outside of all short locks: it may free memory, and call the system. */
static void finish(struct dmabuf_work *work)
{
	struct carried *carried = container_of(work, struct carried, work);

	OS_RACE_POINT("carry: before it wakes");
	while (carried) {
		struct carried *next = carried->next;

		if (carried->wakes)
			own_wake(carried->pool, carried->timeline);
		dma_fence_put(carried->fence);
		pool_put(carried->pool);
		os_free(carried);
		carried = next;
	}
}

/* The last one from @carried on that is done with the same error: there is little room for errors. */
static struct carried *end_of_run(struct carried *carried)
{
	while (carried->next && carried->next->done && carried->next->error == carried->error)
		carried = carried->next;
	return carried;
}

/* T3 and W1, of all that are done in front. They are to be finished; NULL: none. */
static struct carried *advance(struct dma_buf_pool *pool, struct own_timeline *timeline)
	DMABUF_REQUIRES(pool->own.lock)
{
	struct carried *first = timeline->first, *last = NULL;

	for (struct carried *carried = first; carried && carried->done; carried = last->next) {
		last = end_of_run(carried);
		if (carried->error)
			own_write_error(pool, timeline, carried->seqno, last->seqno, carried->error);
	}
	if (!last)
		return NULL;
	timeline->first = last->next;
	last->next = NULL;
	last->wakes = own_write_value(pool, timeline, last->seqno);
	if (!timeline->first) {
		timeline->end = &timeline->first;
		own_give_back_idle(pool, timeline);
	}
	return first;
}

static void complete(struct carried *carried, int error)
{
	struct dma_buf_pool *pool = carried->pool;
	struct carried *finished = NULL;

	dmabuf_spin_lock(&pool->own.lock);
	if (!carried->abandoned) {
		carried->done = true;
		carried->error = error;
		finished = advance(pool, carried->timeline);
	}
	dmabuf_spin_unlock(&pool->own.lock);
	if (finished) {
		finished->work.func = finish;
		os_work_queue(&finished->work);
	}
}

static void signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	complete(container_of(cb, struct carried, cb), fence->error);
}

/* The next point of @timeline carries @fence. */
static struct carried *emit(struct dma_buf_pool *pool, struct own_timeline *timeline,
			    struct dma_fence *fence, struct carried *carried)
	DMABUF_REQUIRES(pool->own.lock)
{
	*carried = (struct carried){
		.pool = pool_get(pool),
		.timeline = timeline,
		.fence = dma_fence_get(fence),
		.seqno = ++timeline->emitted,
	};
	*timeline->end = carried;
	timeline->end = &carried->next;
	return carried;
}

static void tell_point(const struct carried *carried, struct point *ret_point)
{
	ret_point->timeline = carried->timeline->number;
	ret_point->seqno = carried->seqno;
}

bool own_find_point(struct dma_buf_pool *pool, struct dma_fence *fence, struct point *ret_point)
{
	const struct carried *carried;
	enum carriage carriage;

	if (own_carry_backed(pool, fence, &carriage, ret_point))
		return carriage == CARRIED_BEFORE;
	dmabuf_spin_lock(&pool->own.lock);
	carried = find_carried(own_find_carrier(pool, fence->context), fence);
	if (carried)
		tell_point(carried, ret_point);
	dmabuf_spin_unlock(&pool->own.lock);
	return carried;
}

static enum carriage carry_with_promise(struct dma_buf_pool *pool, struct dma_fence *fence,
					struct own_spare *spare, struct carried **ret_carried)
	DMABUF_REQUIRES(pool->own.lock)
{
	struct own_timeline *timeline = own_find_carrier(pool, fence->context);

	*ret_carried = find_carried(timeline, fence);
	if (*ret_carried)
		return CARRIED_BEFORE;
	/* It leaves its timeline after its flag is set: so this one was never there, or is over. */
	if (dma_fence_test_signaled_flag(fence))
		return CARRIED_NEVER;
	if (timeline)
		own_release(pool, 1); /* it needs no other */
	else
		timeline = own_take_idle(pool, fence->context);
	*ret_carried = emit(pool, timeline, fence, take_spare(spare));
	return CARRIED_NOW;
}

enum carriage own_carry(struct dma_buf_pool *pool, struct dma_fence *fence, struct own_spare *spare,
			struct point *ret_point)
{
	struct carried *carried;
	enum carriage carriage;

	ret_point->id = pool->self->id;
	if (own_carry_backed(pool, fence, &carriage, ret_point))
		return carriage;
	dmabuf_spin_lock(&pool->own.lock);
	carriage = carry_with_promise(pool, fence, spare, &carried);
	if (carried)
		tell_point(carried, ret_point);
	dmabuf_spin_unlock(&pool->own.lock);
	if (carried && carriage == CARRIED_NOW &&
	    dma_fence_add_callback(fence, &carried->cb, signaled))
		complete(carried, fence->error);
	return carriage;
}

int own_over(struct dma_buf_pool *pool, int error, struct point *ret_point)
{
	struct dma_fence *fence = own_make_over(error);
	struct own_spare spare = { 0 };
	int err;

	if (!fence)
		return -ENOMEM;
	err = own_spare_fill(&spare, 1);
	if (!err)
		err = own_promise(pool, 1);
	if (!err)
		(void)own_carry(pool, fence, &spare, ret_point); /* now: it is new */
	own_spare_trim(&spare, 0);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	return err;
}

struct dma_fence *own_fence(struct dma_buf_pool *pool, uint32_t timeline, uint64_t seqno)
{
	struct dma_fence *fence = NULL;

	if (timeline >= pool->shape.timelines)
		return NULL;
	dmabuf_spin_lock(&pool->own.lock);
	for (struct carried *carried = pool->own.timeline[timeline].first; carried;
	     carried = carried->next) {
		if (carried->seqno == seqno)
			fence = dma_fence_get(carried->fence);
	}
	dmabuf_spin_unlock(&pool->own.lock);
	return fence;
}

/* Every point that is left, as a chain to be finished; their callbacks may still come. */
static struct carried *abandon_all(struct dma_buf_pool *pool, int error)
{
	struct carried *all = NULL, **end = &all;

	dmabuf_spin_lock(&pool->own.lock);
	pool->own.is_over = true;
	for (uint32_t i = 0; i < pool->shape.timelines; i++) {
		struct own_timeline *timeline = &pool->own.timeline[i];

		own_fail_backed(pool, timeline, error);
		for (struct carried *carried = timeline->first; carried; carried = carried->next) {
			carried->abandoned = true;
			if (!carried->done)
				carried->error = error;
			carried->done = true;
		}
		*end = advance(pool, timeline);
		while (*end)
			end = &(*end)->next;
	}
	dmabuf_spin_unlock(&pool->own.lock);
	return all;
}

static void wake_all(struct dma_buf_pool *pool)
{
	for (uint32_t i = 0; i < pool->shape.timelines; i++)
		own_wake_last(pool, &pool->own.timeline[i]);
}

void own_fail(struct dma_buf_pool *pool, int error)
{
	struct carried *all = abandon_all(pool, error);

	wake_all(pool);
	/* Afterwards each callback has run, or never will. */
	for (struct carried *carried = all; carried; carried = carried->next)
		dma_fence_remove_callback(carried->fence, &carried->cb);
	if (all)
		finish(&all->work);
}
