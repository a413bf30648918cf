/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-timeline.h - a row of points, signalled in order (Extension)
 *
 * The issuer's side (struct dma_fence_timeline) is apart from the consumers' side
 * (the fences): who holds a fence cannot signal it. A point is a value: (timeline,
 * sequence number), emitted once and signalled once; nothing is re-armed.
 *
 * Example:
 *
 *	struct dma_fence_timeline *tl = dma_fence_timeline_create("engine");
 *	struct dma_fence *done = tl ? dma_fence_timeline_emit(tl) : NULL;
 *
 *	if (!done)
 *		return -ENOMEM;
 *	// give done away, do the work; then, on any thread:
 *	err = dma_fence_timeline_signal(tl, done->seqno, 0);
 *	dma_fence_put(done);
 *	dma_fence_timeline_destroy(tl); // what is left signals with -ECANCELED
 */
#ifndef DMABUF_DMA_FENCE_TIMELINE_H
#define DMABUF_DMA_FENCE_TIMELINE_H

#include <dmabuf/dma-fence.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dma_fence_timeline;

/**
 * dma_fence_timeline_create() - begin a timeline
 * @name: what its fences call it; copied, and alive as long as any of them
 *
 * Its points are numbered from 1, in a context of its own.
 *
 * Return: the issuer's handle, for dma_fence_timeline_destroy(); NULL: no memory,
 * or, with a warning, no @name.
 *
 * Since: 0.1. Extension.
 */
struct dma_fence_timeline *dma_fence_timeline_create(const char *name) DMABUF_MUST_CHECK;

/**
 * dma_fence_timeline_emit() - make the fence of the next point
 * @tl: timeline
 *
 * Locking: none needed; may race with every call but destroy. Callable in a fence
 * callback, also in one of the same timeline.
 *
 * Return: a new reference, its number in fence->seqno; NULL: no memory, or, in a
 * callback, the timeline is being destroyed; no number was used then.
 *
 * Since: 0.1. Extension.
 */
struct dma_fence *dma_fence_timeline_emit(struct dma_fence_timeline *tl) DMABUF_MUST_CHECK;

/**
 * dma_fence_timeline_signal() - the work up to a point is done
 * @tl:    timeline
 * @seqno: the point
 * @error: 0, or a negative errno for that point; points before it succeed
 *
 * Signals every point up to @seqno that is left, in order, as dma_fence_signal()
 * does.
 *
 * Locking: none needed; may race with every call but destroy. Not in a callback of
 * a fence of the same timeline, which aborts: that point is being signalled. In a
 * callback of another timeline's fence it may be called, as long as callbacks of
 * these two do not signal each other's: a circle of timelines deadlocks (reported as D001 where
 * the rules are checked).
 *
 * Ordering: what the caller wrote before is visible to whoever sees one of these
 * fences signalled.
 *
 * Return: 0; -ERANGE: @seqno was not emitted yet, or has signalled before: nothing
 * is changed, a timeline never goes backwards; -EINVAL: @error is neither 0 nor a
 * negative errno.
 *
 * Since: 0.1. Extension.
 */
int dma_fence_timeline_signal(struct dma_fence_timeline *tl, uint64_t seqno, int error);

/**
 * dma_fence_timeline_fail() - nothing of what was emitted will be done
 * @tl:    timeline
 * @error: negative errno for every point that is left
 *
 * Locking: as dma_fence_timeline_signal().
 *
 * Return: 0, also where nothing was left; -EINVAL: @error is no negative errno.
 *
 * Since: 0.1. Extension.
 */
int dma_fence_timeline_fail(struct dma_fence_timeline *tl, int error);

/**
 * dma_fence_timeline_deadline() - until when would somebody like to have a point signalled?
 * @tl: timeline
 *
 * Return: the earliest deadline that dma_fence_set_deadline() gave a point that is left:
 * nanoseconds, CLOCK_MONOTONIC; INT64_MAX: none.
 *
 * Since: 0.1. Extension.
 */
int64_t dma_fence_timeline_deadline(struct dma_fence_timeline *tl);

/**
 * dma_fence_timeline_destroy() - end a timeline
 * @tl: timeline that no other call uses any more; NULL is fine
 *
 * Points that are left signal with -ECANCELED; their callbacks cannot emit any
 * more. Fences live as long as they have references.
 *
 * Since: 0.1. Extension.
 */
void dma_fence_timeline_destroy(struct dma_fence_timeline *tl);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_TIMELINE_H */
