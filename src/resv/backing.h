/* SPDX-License-Identifier: MIT */
/*
 * What stands behind a reservation that processes share. Its lock is taken behind the local one, by the
 * thread that has that; its container is a mirror of what all of them have, and changes behind the
 * scenes while no thread of this process holds the lock.
 */
#ifndef RESV_BACKING_H
#define RESV_BACKING_H

#include <dmabuf/dma-resv.h>

#include "os/atomic.h"
#include "resv/set.h"

/* How the lock is wanted. */
struct resv_wish {
	int64_t deadline; /* INT64_MAX: for ever; 0: at once, or not at all */
	bool interruptible;
	bool cannot_fail; /* the caller would not hear of it */
	bool is_quick; /* the local lock was taken by a swap that is sequentially consistent */
};

struct resv_backing;

/* All but test() and refresh() for the holder of the local lock. */
struct resv_backing_ops {
	/*
	 * 0; -EDEADLK, -EINTR, -ETIME, -EBUSY, or why not. On failure the local lock is dropped; and taken
	 * again, in its turn, on -EAGAIN: others wait for it, and this takes long.
	 */
	int (*lock)(struct resv_backing *backing, struct ww_acquire_ctx *ctx,
		    const struct resv_wish *wish);
	void (*unlock)(struct resv_backing *backing);
	/* Room for @n more: 0; -ENOSPC, -ENOMEM, or why not. */
	int (*reserve)(struct resv_backing *backing, unsigned int n);
	/* @fence was staged in the container. */
	void (*add)(struct resv_backing *backing, struct dma_fence *fence, enum dma_resv_usage usage);
	/* The container will be changed otherwise, to have no more than @live fences, @n of them new. As reserve(). */
	int (*edit)(struct resv_backing *backing, unsigned int live, unsigned int n);
	/* Show what is staged; the container's own commit comes between the two. */
	void (*begin_commit)(struct resv_backing *backing);
	void (*end_commit)(struct resv_backing *backing);
	/*
	 * Anybody: make the container what it should be. Sleeps. What is left of @timeout, at least 1; 0: not in
	 * time.
	 */
	int64_t (*refresh)(struct resv_backing *backing, int64_t timeout);
	/* Anybody: dma_resv_test_signaled(). */
	bool (*test)(struct resv_backing *backing, enum dma_resv_usage usage);
};

struct resv_backing {
	struct dma_resv resv;
	const struct resv_backing_ops *ops; /* constant */
};

void resv_backing_init(struct resv_backing *backing, const struct resv_backing_ops *ops);

static inline struct resv_backing *resv_backing_of(struct dma_resv_fences *fences)
{
	return container_of(container_of(fences, struct dma_resv, fences), struct resv_backing, resv);
}

/* @fence, or nothing, was set in the container: what it needs was reserved. */
static inline void resv_backing_set(struct resv_backing *backing, struct dma_fence *fence,
				    enum dma_resv_usage usage)
{
	backing->ops->edit(backing, 0, 0);
	if (fence)
		backing->ops->add(backing, fence, usage);
}

/*
 * The container shows these from now on, and nothing else. Nobody holds the lock, or the caller does with
 * nothing staged; and nobody else calls this. References are taken. False: no memory, nothing has changed.
 */
bool resv_backing_show(struct resv_backing *backing, struct dma_fence *const *fence,
		       const enum dma_resv_usage *usage, uint32_t n);

/*
 * The lock, for who cannot hear of a failure. Where there is one, what stands behind it is not locked: the
 * holder keeps out this process's threads only, and what it adds shows to nobody else.
 */
void resv_lock_surely(struct dma_resv *obj) DMABUF_ACQUIRE(obj->lock);

/* Before a look at what is committed. */
static inline void resv_refresh(struct dma_resv_fences *fences)
{
	if (unlikely(fences->is_backed))
		resv_backing_of(fences)->ops->refresh(resv_backing_of(fences), MAX_SCHEDULE_TIMEOUT);
}

#endif
