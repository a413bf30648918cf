/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-info.h - when a fence was, what comes first, what it is called
 *
 * Contexts and stubs, too. Part of dma-fence.h, which says what a fence is.
 */
#ifndef DMABUF_DMA_FENCE_INFO_H
#define DMABUF_DMA_FENCE_INFO_H

#include <dmabuf/dma-fence-ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * dma_fence_timestamp() - when did it signal?
 * @fence: fence that has signalled
 *
 * Waits, spinning and then yielding, for the signaller to write the time, if need be.
 *
 * The time is exact to a microsecond, either way. Of the fences that one thread signals it
 * never goes back; from one thread's to another's it may, by two microseconds. What was given
 * to dma_fence_signal_timestamp() is returned as it is.
 *
 * Return: nanoseconds, CLOCK_MONOTONIC; the time now, with a warning, if @fence has
 * not signalled.
 *
 * Since: 0.1
 */
int64_t dma_fence_timestamp(struct dma_fence *fence);

/**
 * __dma_fence_is_later() - compare two points of one timeline
 * @f1:  a point
 * @f2:  another
 * @ops: ops of a fence of that timeline: do its numbers wrap?
 *
 * Return: true if @f1 is later than @f2; equal is not later.
 *
 * Since: 0.1
 */
bool __dma_fence_is_later(uint64_t f1, uint64_t f2, const struct dma_fence_ops *ops);

/**
 * dma_fence_is_later() - does the first fence come after the second?
 * @f1: a fence
 * @f2: another of the same context
 *
 * Return: true if @f1 is later; false if it is not, and, with a warning, if their
 * contexts differ.
 *
 * Since: 0.1
 */
bool dma_fence_is_later(struct dma_fence *f1, struct dma_fence *f2);

/**
 * dma_fence_is_later_or_same() - the same, also true for one and the same fence
 * @f1: a fence
 * @f2: another of the same context, or the same
 *
 * Return: true if @f1 is @f2 or later.
 *
 * Since: 0.1
 */
bool dma_fence_is_later_or_same(struct dma_fence *f1, struct dma_fence *f2);

/**
 * dma_fence_later() - which of two is left to wait for?
 * @f1: a fence
 * @f2: another of the same context
 *
 * Return: the later one, borrowed; NULL if that has signalled, and, with a warning,
 * if their contexts differ.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_later(struct dma_fence *f1, struct dma_fence *f2);

/**
 * dma_fence_describe() - write one line about a fence
 * @fence: fence; the caller holds a reference
 * @seq:   where to
 *
 * Since: 0.1
 */
void dma_fence_describe(struct dma_fence *fence, struct seq_file *seq);

/**
 * dma_fence_context_alloc() - numbers for new timelines
 * @num: how many, at least 1 (0 warns)
 *
 * Return: the first of @num numbers in a row; they are never given out again.
 *
 * Since: 0.1
 */
uint64_t dma_fence_context_alloc(unsigned int num);

/**
 * dma_fence_get_stub() - a fence that has always been signalled
 *
 * Context 0, sequence number 0, timestamp 0. It says "nothing to wait for"; where no fence is
 * known, use NULL.
 *
 * Return: a new reference; never NULL.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_get_stub(void);

/**
 * dma_fence_allocate_private_stub() - a signalled fence with a timestamp of its own
 * @timestamp: when it shall have signalled; nanoseconds, CLOCK_MONOTONIC
 *
 * Return: a new reference, or NULL: no memory.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_allocate_private_stub(int64_t timestamp);

/**
 * dma_fence_is_array() - is it a struct dma_fence_array?
 * @fence: fence, not NULL
 *
 * Return: true for an array.
 *
 * Since: 0.1
 */
bool dma_fence_is_array(const struct dma_fence *fence);

/**
 * dma_fence_is_chain() - is it a struct dma_fence_chain?
 * @fence: fence, not NULL
 *
 * Return: true for a link of a chain.
 *
 * Since: 0.1
 */
bool dma_fence_is_chain(const struct dma_fence *fence);

/**
 * dma_fence_is_container() - does it consist of other fences?
 * @fence: fence, not NULL
 *
 * Return: true for an array and for a link of a chain.
 *
 * Since: 0.1
 */
bool dma_fence_is_container(const struct dma_fence *fence);

/**
 * dma_fence_driver_name() - who made it
 * @fence: fence
 *
 * Locking: inside dmabuf_rcu_read_lock(); the string is valid until its end.
 *
 * Return: what the op says; "detached-driver" once signalled.
 *
 * Since: 0.1 (later Linux)
 */
const char *dma_fence_driver_name(struct dma_fence *fence) DMABUF_REQUIRES_SHARED(dmabuf_rcu);

/**
 * dma_fence_timeline_name() - which timeline it is on
 * @fence: fence
 *
 * Locking: inside dmabuf_rcu_read_lock(); the string is valid until its end.
 *
 * Return: what the op says; "signaled-timeline" once signalled.
 *
 * Since: 0.1 (later Linux)
 */
const char *dma_fence_timeline_name(struct dma_fence *fence) DMABUF_REQUIRES_SHARED(dmabuf_rcu);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_INFO_H */
