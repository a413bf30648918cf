/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-wait.h - sleeping until fences signal, and saying when one is needed
 *
 * Part of dma-fence.h, which says what a fence is.
 */
#ifndef DMABUF_DMA_FENCE_WAIT_H
#define DMABUF_DMA_FENCE_WAIT_H

#include <dmabuf/dma-fence-ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * dma_fence_wait() - sleep until a fence signals
 * @fence: fence; the caller holds a reference
 * @intr:  a signal handler ends the wait
 *
 * Context: sleeps.
 *
 * Return: 0; -ERESTARTSYS: @intr, and a signal handler ran while it slept.
 *
 * Since: 0.1
 */
int64_t dma_fence_wait(struct dma_fence *fence, bool intr);

/**
 * dma_fence_wait_timeout() - sleep until a fence signals, but not for ever
 * @fence:   fence; the caller holds a reference
 * @intr:    a signal handler ends the wait
 * @timeout: nanoseconds; 0: only look; MAX_SCHEDULE_TIMEOUT: no limit
 *
 * Enables signalling, then waits through the wait op or dma_fence_default_wait().
 *
 * Ordering: a return above 0: what the signaller wrote is visible.
 *
 * Context: sleeps, unless @timeout is 0.
 *
 * Return: above 0: it signalled, and so much of @timeout is left, at least 1; 0:
 * it did not in time; -ERESTARTSYS: @intr, and a signal handler ran; -EINVAL (and a
 * warning): @timeout is negative.
 *
 * Since: 0.1
 */
int64_t dma_fence_wait_timeout(struct dma_fence *fence, bool intr, int64_t timeout);

/**
 * dma_fence_default_wait() - the wait itself; does not enable signalling
 * @fence:   as for dma_fence_wait_timeout()
 * @intr:    as there
 * @timeout: as there
 *
 * Return: as there, -EINVAL without a warning; a fence that signals just as the time is
 * over: 0.
 *
 * Since: 0.1
 */
int64_t dma_fence_default_wait(struct dma_fence *fence, bool intr, int64_t timeout);

/**
 * dma_fence_wait_any_timeout() - sleep until one of several fences signals
 * @fences:  table of fences; the caller holds a reference on each
 * @count:   entries of @fences
 * @intr:    a signal handler ends the wait
 * @timeout: nanoseconds; 0: only look; MAX_SCHEDULE_TIMEOUT: no limit
 * @idx:     where to put the index of one that has signalled; written only if the
 *	     return is above 0; may be NULL
 *
 * Of other members of a pool (dma-buf-pool.h) up to 126 fences are waited for without a callback and
 * without a thread that looks, where the kernel can (Linux 5.16) and @intr is false.
 *
 * Context: sleeps, unless @timeout is 0; allocates.
 *
 * Return: as dma_fence_wait_timeout(), and -EINVAL if there are no fences or
 * @timeout is negative (with a warning), -ENOMEM.
 *
 * Since: 0.1
 */
int64_t dma_fence_wait_any_timeout(struct dma_fence **fences, uint32_t count, bool intr,
				   int64_t timeout, uint32_t *idx);

/**
 * dma_fence_set_deadline() - say until when a fence is needed
 * @fence:    fence; the caller holds a reference
 * @deadline: nanoseconds, CLOCK_MONOTONIC; in the past: now
 *
 * A hint to whoever will signal it, through the set_deadline op. Nothing happens without
 * that op, or if the fence has signalled. An array and a chain pass it on to their members.
 *
 * Context: does not sleep. Takes no lock of the fence's.
 *
 * Since: 0.1
 */
void dma_fence_set_deadline(struct dma_fence *fence, int64_t deadline);

/*
 * Signalling sections: code that must run so that some fence signals. It does not wait
 * for fences, and takes no reservation lock, or else it may wait for itself.
 */

/**
 * dma_fence_begin_signalling() - a section begins that a fence's signal depends on
 *
 * Sections nest. What must not happen in one is reported where the rules are checked
 * (dmabuf-lockdep.h): a wait for a fence, a reservation lock, an allocation that may block;
 * and a lock that is taken in one must not be held anywhere in a wait for a fence.
 *
 * Context: callable anywhere.
 *
 * Return: a cookie for dma_fence_end_signalling(): true if there is nothing to end, since
 * the thread is in a section already, or the rules are not checked.
 *
 * Since: 0.1
 */
bool dma_fence_begin_signalling(void) DMABUF_MUST_CHECK;

/**
 * dma_fence_end_signalling() - the section ends
 * @cookie: what dma_fence_begin_signalling() returned on this thread
 *
 * Since: 0.1
 */
void dma_fence_end_signalling(bool cookie);

/**
 * __dma_fence_might_wait() - say that the calling thread may wait for a fence here
 *
 * For functions that wait only sometimes; every wait of the library says so itself, on every
 * path. It is reported where the rules are checked: inside a signalling section or a callback,
 * under a short lock or in a read section, and under a lock that is taken in signalling sections.
 *
 * Since: 0.1
 */
void __dma_fence_might_wait(void);

/**
 * dma_fence_begin_work() - say that this thread now does what a fence waits for
 * @fence: fence that will signal through this work, before dma_fence_end_work() at the latest
 *
 * Unlike a signalling section it names the fence, and forbids nothing as such: reservations may
 * be locked and other fences waited for. What would wait for @fence itself is reported where
 * the rules are checked (dmabuf-lockdep.h): a wait for @fence or for a later one of its
 * context, and a lock that somebody holds while they wait for @fence.
 *
 * Lifetime: holds a reference of its own on @fence until dma_fence_end_work(), if the rules
 * are checked.
 *
 * Since: 0.1. Extension.
 */
void dma_fence_begin_work(struct dma_fence *fence);

/**
 * dma_fence_end_work() - nothing that a fence waits for is left to do
 * @fence: as given to dma_fence_begin_work() by this thread
 *
 * Since: 0.1. Extension.
 */
void dma_fence_end_work(struct dma_fence *fence);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_WAIT_H */
