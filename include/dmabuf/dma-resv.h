/* SPDX-License-Identifier: MIT */
/*
 * dma-resv.h - who still uses a buffer, and for what
 *
 * A reservation object is a lock and a set of fences, each with a category:
 *
 *   KERNEL     moving or clearing the memory; everybody waits, always
 *   WRITE      writers; readers and writers wait
 *   READ       readers; writers wait
 *   BOOKKEEP   others; nobody waits who did not ask for all
 *
 * Asking for one category means: that one and those above it. Only a later fence
 * of the same context supersedes a fence, never one of another context.
 *
 * One difference from Linux to know first: fences that are added under the lock
 * show to others at dma_resv_unlock() or dma_resv_commit(), all at once. The holder
 * of the lock sees them from the start, in every function that takes the object.
 *
 * Locking: dma_resv_lock() is a ww_mutex of reservation_ww_class (wait-die). It
 * guards adding and everything staged. Queries need no lock: they take one
 * reference on a whole set that never changes.
 */
#ifndef DMABUF_DMA_RESV_H
#define DMABUF_DMA_RESV_H

#include <dmabuf/dma-resv-fences.h>
#include <dmabuf/dma-resv-iter.h>
#include <dmabuf/ww-mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * reservation_ww_class - the class of all reservation locks: wait-die
 *
 * Since: 0.1
 */
extern struct ww_class reservation_ww_class;

/*
 * The object.
 */

/** struct dma_resv - a reservation object; all zero is not initialised */
struct dma_resv {
	/** @lock: use dma_resv_lock() and its kin */
	struct ww_mutex lock;
	/** @fences: the committed and the staged fences */
	struct dma_resv_fences fences;
};

/**
 * dma_resv_init() - begin the life of a reservation object
 * @obj: memory for it
 *
 * Since: 0.1
 */
void dma_resv_init(struct dma_resv *obj);

/**
 * dma_resv_fini() - end it
 * @obj: object that nobody uses any more; unlocked
 *
 * Drops all fences. Snapshots that were taken stay valid.
 *
 * Since: 0.1
 */
void dma_resv_fini(struct dma_resv *obj);

/**
 * dma_resv_lock() - take the lock
 * @obj: object
 * @ctx: transaction over several objects, or NULL for this object alone
 *
 * Context: sleeps.
 *
 * Return: 0; with @ctx also -EDEADLK: drop all locks of @ctx, take this one by
 * dma_resv_lock_slow(), and start over; -EALREADY: @ctx holds it already. Of a shared buffer also what
 * dma_buf_pool_status() returns.
 *
 * Since: 0.1
 */
int dma_resv_lock(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(0, obj->lock) DMABUF_MUST_CHECK;

/**
 * dma_resv_lock_interruptible() - take the lock, unless a signal handler runs
 * @obj: object
 * @ctx: as for dma_resv_lock()
 *
 * Return: as dma_resv_lock(), and -EINTR.
 *
 * Since: 0.1
 */
int dma_resv_lock_interruptible(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(0, obj->lock) DMABUF_MUST_CHECK;

/**
 * dma_resv_lock_timeout() - take the lock, unless it takes too long
 * @obj:     object
 * @ctx:     as for dma_resv_lock()
 * @timeout: nanoseconds; 0: if it is free
 *
 * For objects that processes share: a member that lives, and holds the lock, keeps it until it lets go
 * or is evicted (dma-buf-pool.h). It may need memory to see what others have committed: where there is
 * none, it looks again until @timeout has passed, and dma_resv_lock() for ever.
 *
 * Return: as dma_resv_lock(); -ETIME; -EINVAL: negative @timeout.
 *
 * Since: 0.1. Extension.
 */
int dma_resv_lock_timeout(struct dma_resv *obj, struct ww_acquire_ctx *ctx, int64_t timeout)
	DMABUF_TRY_ACQUIRE(0, obj->lock) DMABUF_MUST_CHECK;

/**
 * dma_resv_lock_slow() - wait for the lock that gave -EDEADLK
 * @obj: object
 * @ctx: transaction that holds no lock now
 *
 * Since: 0.1
 */
void dma_resv_lock_slow(struct dma_resv *obj, struct ww_acquire_ctx *ctx) DMABUF_ACQUIRE(obj->lock);

/**
 * dma_resv_lock_slow_interruptible() - the same, unless a signal handler runs
 * @obj: object
 * @ctx: as there
 *
 * Return: 0; -EINTR.
 *
 * Since: 0.1
 */
int dma_resv_lock_slow_interruptible(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(0, obj->lock) DMABUF_MUST_CHECK;

/**
 * dma_resv_trylock() - take the lock if it is free
 * @obj: object
 *
 * Context: never waits for who holds the lock. Of a shared buffer it may sleep for a moment, as queries
 * may: it looks at what others have committed, and reads the pool's mail for that, or waits for a thread
 * that does. Callbacks may be called then.
 *
 * Return: true if the caller holds it now. Of a shared buffer also false where it found no memory to look.
 *
 * Since: 0.1
 */
bool dma_resv_trylock(struct dma_resv *obj) DMABUF_TRY_ACQUIRE(1, obj->lock) DMABUF_MUST_CHECK;

/**
 * dma_resv_unlock() - commit, and drop the lock
 * @obj: object that the caller holds; aborts otherwise
 *
 * Publishes what was staged in obj->fences, and ends its reservation. Other
 * containers under the same lock need a commit of their own.
 *
 * Since: 0.1
 */
void dma_resv_unlock(struct dma_resv *obj) DMABUF_RELEASE(obj->lock);

/**
 * dma_resv_is_locked() - does anybody hold the lock?
 * @obj: object
 *
 * Return: true if it was held at some moment of the call.
 *
 * Since: 0.1
 */
bool dma_resv_is_locked(struct dma_resv *obj);

/**
 * dma_resv_locking_ctx() - the transaction that the caller locked it with
 * @obj: object
 *
 * Return: the context; NULL if the caller locked it without, or does not hold it.
 *
 * Since: 0.1
 */
struct ww_acquire_ctx *dma_resv_locking_ctx(struct dma_resv *obj);

/**
 * dma_resv_held() - does the calling thread hold the lock?
 * @obj: object
 *
 * Return: true if it does.
 *
 * Since: 0.1
 */
bool dma_resv_held(struct dma_resv *obj);

/**
 * dma_resv_assert_held() - abort unless the calling thread holds the lock
 * @obj: object
 *
 * Since: 0.1
 */
void dma_resv_assert_held(struct dma_resv *obj) DMABUF_ASSERTS(obj->lock);

/**
 * dma_resv_reset_max_fences() - forget what remains of a reservation
 * @obj: object that the caller holds
 *
 * dma_resv_unlock() does it too. To find code that adds without a reservation.
 *
 * Since: 0.1
 */
void dma_resv_reset_max_fences(struct dma_resv *obj) DMABUF_REQUIRES(obj->lock);

/**
 * dma_resv_reserve_fences() - make sure that dma_resv_add_fence() cannot fail
 * @obj:        object that the caller holds
 * @num_fences: how many fences will be added, at least 1
 *
 * See dma_resv_fences_reserve(). Void after dma_resv_unlock().
 *
 * Return: 0; -EINVAL (and a warning): @num_fences is 0; -ENOMEM: nothing changed.
 *
 * Since: 0.1
 */
int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences)
	DMABUF_REQUIRES(obj->lock) DMABUF_MUST_CHECK;

/**
 * dma_resv_add_fence() - add a fence
 * @obj:   object that the caller holds; with a reservation, or it aborts
 * @fence: plain fence (a container warns); a reference is taken
 * @usage: its category; aborts without a fence or with another number
 *
 * Fences of the same context that are as weak or weaker and not later are
 * superseded, and no query returns them any more.
 *
 * Ordering: others see it from dma_resv_unlock() or dma_resv_commit() on. (Linux
 * shows it at once.)
 *
 * Example:
 *
 *	err = dma_resv_lock(obj, NULL);
 *	if (err)
 *		return err;
 *	err = dma_resv_reserve_fences(obj, 1); // this may fail
 *	if (!err)
 *		dma_resv_add_fence(obj, fence, DMA_RESV_USAGE_WRITE); // this cannot
 *	dma_resv_unlock(obj); // now others see it
 *
 * Since: 0.1
 */
void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence, enum dma_resv_usage usage)
	DMABUF_REQUIRES(obj->lock);

/**
 * dma_resv_replace_fences() - put another fence in the place of a context's fences
 * @obj:         object that the caller holds
 * @context:     whose fences to replace
 * @replacement: plain fence instead (a container warns); a reference is taken
 * @usage:       its category; aborts without a fence or with another number
 *
 * Without a fence of that context, nothing happens; one that has signalled may have
 * been forgotten already. Needs no reservation.
 *
 * Return: 0; -ENOMEM: nothing changed: who waits, waits for more, never for less.
 * (Linux returns nothing.)
 *
 * Since: 0.1
 */
int dma_resv_replace_fences(struct dma_resv *obj, uint64_t context, struct dma_fence *replacement,
			    enum dma_resv_usage usage) DMABUF_REQUIRES(obj->lock);

/**
 * dma_resv_get_fences() - all fences up to a category
 * @obj:        object; no lock needed
 * @usage:      weakest category asked for
 * @num_fences: number of fences
 * @fences:     table for the caller to free(), with a reference each; NULL if none
 *
 * Only fences that have not signalled.
 *
 * Return: 0; -ENOMEM: nothing is written.
 *
 * Since: 0.1
 */
int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage, unsigned int *num_fences,
			struct dma_fence ***fences) DMABUF_MUST_CHECK;

/**
 * dma_resv_get_singleton() - all fences up to a category, as one
 * @obj:   object; no lock needed
 * @usage: weakest category asked for
 * @fence: a new reference: the fence if only one has not signalled, else an array;
 *	   NULL if there is none
 *
 * Do not add an array to a reservation.
 *
 * Return: 0; -ENOMEM: nothing is written.
 *
 * Since: 0.1
 */
int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence) DMABUF_MUST_CHECK;

/**
 * dma_resv_copy_fences() - take over all fences of another object
 * @dst: object that the caller holds; its fences are dropped
 * @src: object to copy from; no lock needed
 *
 * Categories stay. Staged in @dst. Needs no reservation.
 *
 * Return: 0; -ENOMEM: nothing changed.
 *
 * Since: 0.1
 */
int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src)
	DMABUF_REQUIRES(dst->lock) DMABUF_MUST_CHECK;

/**
 * dma_resv_wait_timeout() - sleep until all fences up to a category have signalled
 * @obj:     object; no lock needed
 * @usage:   weakest category asked for
 * @intr:    a signal handler ends the wait
 * @timeout: nanoseconds in all; 0: only look; MAX_SCHEDULE_TIMEOUT: no limit
 *
 * Waits for the fences that are there when it begins. Of a shared buffer it may need memory to see them:
 * where there is none, it looks again until @timeout has passed, but for 10 ms at least.
 *
 * Return: above 0: all have, and so much of @timeout is left, at least 1; 0: not in
 * time; -ERESTARTSYS: @intr, and a signal handler ran; -EINVAL (and a warning): @timeout
 * is negative.
 *
 * Since: 0.1
 */
int64_t dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			      int64_t timeout);

/**
 * dma_resv_test_signaled() - have all fences up to a category signalled?
 * @obj:   object; no lock needed
 * @usage: weakest category asked for
 *
 * Takes no reference, except to ask a fence's signaled op.
 *
 * Ordering: true: every fence that was committed before the call began has
 * signalled, or a later one of its context has that supersedes it; and what their
 * signallers wrote is visible. Only the holder of the lock may conclude that nobody is
 * about to add another.
 *
 * Return: true if they have, or there is none.
 *
 * Since: 0.1
 */
bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage);

/**
 * dma_resv_set_deadline() - say until when the fences up to a category are needed
 * @obj:      object; no lock needed
 * @usage:    weakest category asked for
 * @deadline: nanoseconds, CLOCK_MONOTONIC; in the past: now
 *
 * dma_fence_set_deadline() for each fence that has not signalled.
 *
 * Since: 0.1
 */
void dma_resv_set_deadline(struct dma_resv *obj, enum dma_resv_usage usage, int64_t deadline);

/**
 * dma_resv_prune_fences() - forget what has signalled or is superseded
 * @obj: object that the caller holds
 *
 * Looks at every fence itself, whether or not anybody enabled signalling. Shows to
 * others at the next commit. It never fails: where it needs memory and there is
 * none, it does nothing; it needs none where what is left and what is reserved make
 * at most one fence.
 *
 * Since: 0.1. Extension (series 2).
 */
void dma_resv_prune_fences(struct dma_resv *obj) DMABUF_REQUIRES(obj->lock);

/**
 * dma_resv_commit() - publish what is staged, and keep the lock
 * @obj: object that the caller holds
 *
 * See dma_resv_fences_commit().
 *
 * Since: 0.1. Extension.
 */
void dma_resv_commit(struct dma_resv *obj) DMABUF_REQUIRES(obj->lock);

/**
 * dma_resv_describe() - write a line about each fence
 * @obj: object that the caller holds
 * @seq: where to
 *
 * Categories KERNEL to READ, as in Linux.
 *
 * Since: 0.1
 */
void dma_resv_describe(struct dma_resv *obj, struct seq_file *seq) DMABUF_REQUIRES(obj->lock);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_RESV_H */
