/* SPDX-License-Identifier: MIT */
/* What the sources of fences share, and what layers above may look at. */
#ifndef FENCE_FENCE_H
#define FENCE_FENCE_H

#include <dmabuf/dma-fence.h>

#include "debug/trace.h"
#include "os/atomic.h"
#include "os/report.h"

/* The flags as masks. */
enum {
	SIGNALED = 1 << DMA_FENCE_FLAG_SIGNALED_BIT,
	TIMESTAMP = 1 << DMA_FENCE_FLAG_TIMESTAMP_BIT,
	ENABLE_SIGNAL = 1 << DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT,
	INITIALIZED = 1 << DMA_FENCE_FLAG_INITIALIZED_BIT,
	INLINE_LOCK = 1 << DMA_FENCE_FLAG_INLINE_LOCK_BIT,
	SEQNO64 = 1 << DMA_FENCE_FLAG_SEQNO64_BIT,
	HAS_CALLBACKS = 1 << DMA_FENCE_FLAG_HAS_CALLBACKS_BIT,
	HAS_WAITERS = 1 << DMA_FENCE_FLAG_HAS_WAITERS_BIT,
	HAS_SIGNALED_OP = 1 << DMA_FENCE_FLAG_HAS_SIGNALED_OP_BIT,
	ISSUED = 1 << DMA_FENCE_FLAG_ISSUED_BIT,
	OWN_WAIT = 1 << DMA_FENCE_FLAG_OWN_WAIT_BIT,
};

/* What a fence's state word says to a reader without a reference. */
enum fence_state {
	FENCE_BUSY,
	FENCE_DONE,
	FENCE_ASK, /* there is a signaled op: take a reference, and ask it */
};

static inline enum fence_state fence_peek(const struct dma_fence *fence)
{
	const unsigned long flags = load_acquire(&fence->flags);

	if (flags & SIGNALED)
		return FENCE_DONE;
	return flags & HAS_SIGNALED_OP ? FENCE_ASK : FENCE_BUSY;
}

/* @n references more; relaxed: who has one may make others. */
static inline void fence_get_many(struct dma_fence *fence, uint32_t n)
{
	dmabuf_bug_on(!fetch_add_relaxed(&fence->refcount.count, n),
		      "a fence without references is used: hold one");
}

static inline void fence_put_many(struct dma_fence *fence, uint32_t n)
{
	const uint32_t count = fetch_sub_acq_rel(&fence->refcount.count, n);

	dmabuf_bug_on(count < n, "a fence without references is put: somebody put one too many");
	if (count == n)
		dma_fence_release(&fence->refcount);
}

/* dma_fence_get() and dma_fence_put(), for the layers above: quick where nobody watches. */
static inline struct dma_fence *fence_get(struct dma_fence *fence)
{
	if (watch_is_on())
		return dma_fence_get(fence);
	fence_get_many(fence, 1);
	return fence;
}

static inline void fence_put(struct dma_fence *fence)
{
	if (watch_is_on())
		dma_fence_put(fence);
	else
		fence_put_many(fence, 1);
}

/* dma_fence_is_later_or_same() of two of one context. */
static inline bool fence_is_later_or_same(const struct dma_fence *fence, const struct dma_fence *old)
{
	if (fence == old)
		return true;
	if (load_relaxed(&fence->flags) & SEQNO64)
		return fence->seqno > old->seqno;
	return (int32_t)((uint32_t)fence->seqno - (uint32_t)old->seqno) > 0;
}

/* The low half of the flags, where waiters sleep. */
static inline const uint32_t *fence_futex(const struct dma_fence *fence)
{
	const uint32_t *halves = (const void *)&fence->flags;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return halves + sizeof(fence->flags) / sizeof(uint32_t) - 1;
#else
	return halves;
#endif
}

/* How long ago the fence was made; -1: nobody listened then. */
int64_t fence_age_ns(const struct dma_fence *fence);

void fence_trace_listened(enum dmabuf_trace_event event, struct dma_fence *fence, int64_t value)
	__attribute__((cold));

/* @fence: of WAIT events also NULL: any of several. The caller holds a reference. */
static inline void fence_trace(enum dmabuf_trace_event event, struct dma_fence *fence, int64_t value)
{
	if (trace_is_on())
		fence_trace_listened(event, fence, value);
}

/* The last reference is gone: whoever registered a callback must hear something. */
void fence_signal_abandoned(struct dma_fence *fence);

/* dma_fence_signal_timestamp() for the one who issued the fence. */
int fence_signal(struct dma_fence *fence, int64_t timestamp);

/* When what @fence stands for was done, as its signaled op has just said. */
int64_t fence_done_at(const struct dma_fence *fence);

/* dma_fence_allocate_private_stub(), on behalf of a function that says itself what it may do. */
struct dma_fence *fence_make_stub(int64_t timestamp);

/* What a wait of @timeout until @deadline that succeeded returns. */
int64_t fence_time_left(int64_t deadline, int64_t timeout);

/* dma_fence_set_error() for the one who issued the fence. */
void fence_set_error(struct dma_fence *fence, int error);

#endif
