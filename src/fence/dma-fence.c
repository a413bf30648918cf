/* SPDX-License-Identifier: MIT */
/*
 * The fence: its life. dma-fence-signal.c has its signal and its callbacks, and says who may write
 * where.
 */
#include "fence/fence.h"
#include "fence/rules.h"

#include "os/alloc.h"
#include "os/fault.h"
#include "os/list.h"
#include "os/report.h"

static void init(struct dma_fence *fence, const struct dma_fence_ops *ops,
		 struct dmabuf_spinlock *lock, uint64_t context, uint64_t seqno, unsigned long flags)
{
	_Static_assert(sizeof(void *) < 8 || sizeof(struct dma_fence) == 64, "one cache line");
	_Static_assert(_Alignof(struct dma_fence) >= 8, "low bits carry a category");

	dmabuf_bug_on(!ops || !ops->get_driver_name || !ops->get_timeline_name,
		      "dma_fence_init() without ops, or without a name in them: give both names");
	if (lockdep_is_on())
		lockdep_born(fence);
	fence->ops = ops;
	list_init(&fence->cb_list);
	fence->context = context;
	fence->seqno = seqno;
	store_relaxed(&fence->refcount.count, 1); /* get_rcu_safe() may look at reused memory */
	fence->error = 0;
	if (lock) {
		fence->lock = lock;
	} else {
		dmabuf_spin_lock_init(&fence->inline_lock);
		flags |= INLINE_LOCK;
	}
	if (ops->use_64bit_seqno)
		flags |= SEQNO64;
	if (ops->signaled)
		flags |= HAS_SIGNALED_OP;
	store_relaxed(&fence->flags, flags | INITIALIZED); /* shown to others by the caller */
	fence_trace(DMABUF_TRACE_FENCE_INIT, fence, 0);
}

void dma_fence_init(struct dma_fence *fence, const struct dma_fence_ops *ops,
		    struct dmabuf_spinlock *lock, uint64_t context, uint64_t seqno)
{
	init(fence, ops, lock, context, seqno, 0);
}

void dma_fence_init64(struct dma_fence *fence, const struct dma_fence_ops *ops,
		      struct dmabuf_spinlock *lock, uint64_t context, uint64_t seqno)
{
	init(fence, ops, lock, context, seqno, SEQNO64);
}

bool dma_fence_was_initialized(const struct dma_fence *fence)
{
	return fence && load_relaxed(&fence->flags) & INITIALIZED;
}

/*
 * References.
 */

struct dma_fence *dma_fence_get(struct dma_fence *fence)
{
	/* relaxed: who has one reference may make two */
	if (!fence)
		return NULL;
	fence_check_alive(fence, __func__);
	dmabuf_bug_on(!fetch_add_relaxed(&fence->refcount.count, 1),
		      "dma_fence_get() on a fence without references: hold one, or use dma_fence_get_rcu()");
	return fence;
}

struct dma_fence *dma_fence_get_rcu(struct dma_fence *fence)
{
	uint32_t count = load_acquire(&fence->refcount.count); /* dead: see what replaced it */

	do {
		if (!count)
			return NULL;
	} while (!cas_acquire(&fence->refcount.count, &count, count + 1));
	return fence;
}

struct dma_fence *dma_fence_get_rcu_safe(struct dma_fence **fencep)
{
	for (;;) {
		struct dma_fence *fence = load_acquire(fencep);

		if (!fence)
			return NULL;
		OS_RACE_POINT("get_rcu_safe: before the reference");
		if (!dma_fence_get_rcu(fence))
			continue;
		if (fence == load_acquire(fencep))
			return fence;
		/* Reused memory, or replaced meanwhile. */
		dma_fence_put(fence);
	}
}

void dma_fence_put(struct dma_fence *fence)
{
	uint32_t count;

	if (!fence)
		return;
	fence_check_alive(fence, __func__);
	count = fetch_sub_acq_rel(&fence->refcount.count, 1);
	dmabuf_bug_on(!count, "dma_fence_put() on a fence without references: somebody put one too many");
	if (count == 1)
		dma_fence_release(&fence->refcount);
}

static void run_fence_free(struct dmabuf_rcu_head *head)
{
	os_free(container_of(head, struct dma_fence, rcu));
}

void dma_fence_free(struct dma_fence *fence)
{
	dmabuf_call_rcu(&fence->rcu, run_fence_free);
}

void dma_fence_release(struct dmabuf_kref *kref)
{
	struct dma_fence *fence = container_of(kref, struct dma_fence, refcount);
	const unsigned long flags = load_acquire(&fence->flags);

	if (flags & HAS_CALLBACKS && !(flags & SIGNALED))
		fence_signal_abandoned(fence);
	if (lockdep_is_on())
		fence_rules_begin_release(fence);
	if (fence->ops->release)
		fence->ops->release(fence);
	else
		dma_fence_free(fence);
	if (lockdep_is_on())
		lockdep_end_release();
}
