/* SPDX-License-Identifier: MIT */
/*
 * dma-fence.h - a promise that some work will be done
 *
 * A fence is made unsignalled and signals once, for good, with or without an
 * error. Whoever is interested waits, registers a callback, or just looks.
 *
 * A fence of user space cannot promise to signal in finite time, as the kernel's
 * fences must. Do not hand one to the kernel before it has signalled.
 *
 * Names, arguments and values are those of Linux 6.12; where a comment says
 * "later Linux" they came after it, and "Extension" marks what Linux lacks.
 *
 * Locking: each fence has a lock, its own or one that its creator gave. It
 * guards the list of callbacks. Callbacks run under it. It is a short lock.
 */
#ifndef DMABUF_DMA_FENCE_H
#define DMABUF_DMA_FENCE_H

#include <dmabuf/dma-fence-info.h>
#include <dmabuf/dma-fence-ops.h>
#include <dmabuf/dma-fence-wait.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * dma_fence_init() - begin the life of a fence
 * @fence:   memory for it; its content does not matter
 * @ops:     what the creator provides; must outlive the fence
 * @lock:    lock to use instead of the fence's own; must outlive the fence; NULL (later
 *	     Linux): the fence's own, which is faster and the better choice
 * @context: from dma_fence_context_alloc(); fences of one context signal in the order
 *	     of their @seqno
 * @seqno:   point on that timeline; compared with wrap-around at 32 bits, unless
 *	     @ops->use_64bit_seqno or dma_fence_init64() say otherwise
 *
 * The caller holds the one reference. Aborts without @ops or one of its two names.
 *
 * Context: does not sleep.
 *
 * Since: 0.1
 */
void dma_fence_init(struct dma_fence *fence, const struct dma_fence_ops *ops,
		    struct dmabuf_spinlock *lock, uint64_t context, uint64_t seqno);

/**
 * dma_fence_init64() - dma_fence_init() with sequence numbers of 64 bits that do not wrap
 * @fence:   as there
 * @ops:     as there
 * @lock:    as there
 * @context: as there
 * @seqno:   as there
 *
 * Since: 0.1 (later Linux)
 */
void dma_fence_init64(struct dma_fence *fence, const struct dma_fence_ops *ops,
		      struct dmabuf_spinlock *lock, uint64_t context, uint64_t seqno);

/**
 * dma_fence_was_initialized() - has dma_fence_init() been called?
 * @fence: memory that was zero before that; NULL is fine
 *
 * Return: true after dma_fence_init(); false for NULL and for zeroed memory.
 *
 * Since: 0.1 (later Linux)
 */
bool dma_fence_was_initialized(const struct dma_fence *fence);

/**
 * dma_fence_get() - take another reference
 * @fence: fence that the caller has a reference on; NULL is fine
 *
 * Context: callable anywhere.
 *
 * Return: @fence, with a new reference.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_get(struct dma_fence *fence);

/**
 * dma_fence_put() - drop a reference
 * @fence: fence to let go of; NULL is fine
 *
 * The last one calls the release op, in the caller's context. A fence that has
 * callbacks and never signalled then warns, and signals with -EDEADLK first.
 *
 * Context: does not sleep; callable anywhere, also in another fence's callback.
 *
 * Since: 0.1
 */
void dma_fence_put(struct dma_fence *fence);

/**
 * dma_fence_get_rcu() - take a reference on a fence that may be dying
 * @fence: fence found in an RCU read section; not NULL
 *
 * Locking: inside dmabuf_rcu_read_lock(), since before the pointer was read.
 *
 * Return: @fence with a new reference, or NULL: its last reference is gone; look
 * again where you found it.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_get_rcu(struct dma_fence *fence) DMABUF_REQUIRES_SHARED(dmabuf_rcu);

/**
 * dma_fence_get_rcu_safe() - take a reference on what a shared pointer points to
 * @fencep: pointer that others replace meanwhile
 *
 * Tries again until the pointer is still the fence that the reference is on, so
 * it also works for fences whose memory is reused at once.
 *
 * Locking: inside dmabuf_rcu_read_lock().
 *
 * Return: a new reference, or NULL: *@fencep was NULL.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_get_rcu_safe(struct dma_fence **fencep)
	DMABUF_REQUIRES_SHARED(dmabuf_rcu);

/**
 * dma_fence_release() - what dma_fence_put() does for the last reference
 * @kref: refcount of the fence, at 0
 *
 * For code that keeps a kref of its own over a fence's; all others use
 * dma_fence_put().
 *
 * Since: 0.1
 */
void dma_fence_release(struct dmabuf_kref *kref);

/**
 * dma_fence_free() - free() a fence after a grace period
 * @fence: fence without references, at the beginning of memory from malloc()
 *
 * For the release op; the default without one.
 *
 * Context: does not sleep.
 *
 * Since: 0.1
 */
void dma_fence_free(struct dma_fence *fence);

/**
 * dma_fence_spinlock() - the lock that a fence uses
 * @fence: fence
 *
 * Return: its own, or the one given to dma_fence_init().
 *
 * Since: 0.1 (later Linux)
 */
struct dmabuf_spinlock *dma_fence_spinlock(struct dma_fence *fence);

/**
 * dma_fence_lock_irqsave() - take the fence's lock
 * @fence: fence
 * @flags: an unsigned long variable, set to 0: there are no interrupts here
 *
 * Two fences' locks nest only from a container to its members.
 *
 * Since: 0.1 (later Linux)
 */
#define dma_fence_lock_irqsave(fence, flags) \
	((flags) = 0, dmabuf_spin_lock(dma_fence_spinlock(fence)))

/**
 * dma_fence_unlock_irqrestore() - drop the fence's lock
 * @fence: fence
 * @flags: as for dma_fence_lock_irqsave()
 *
 * Since: 0.1 (later Linux)
 */
#define dma_fence_unlock_irqrestore(fence, flags) \
	((void)(flags), dmabuf_spin_unlock(dma_fence_spinlock(fence)))

/**
 * dma_fence_assert_held() - abort unless the fence's lock is held
 * @fence: fence
 *
 * Since: 0.1 (later Linux)
 */
void dma_fence_assert_held(struct dma_fence *fence) DMABUF_ASSERTS(dma_fence_spinlock(fence));

/**
 * dma_fence_signal() - the work is done
 * @fence: fence to signal; the caller holds a reference
 *
 * Waiters wake, callbacks run in the order in which they were added, on this
 * thread. The time is noted, to a microsecond: see dma_fence_timestamp(). Aborts for a fence of a dma_fence_timeline, or of the kernel: only these signal it.
 *
 * Locking: takes the fence's lock, unless that is its own and nobody registered a
 * callback.
 *
 * Ordering: what the caller wrote before is visible to whoever sees the fence
 * signalled: after a wait, in a callback, after dma_fence_is_signaled().
 *
 * Context: does not sleep. No system call where nobody waits.
 *
 * Return: 0; -EINVAL: @fence had signalled before, or is NULL (and a warning).
 *
 * Since: 0.1 (returns void in later Linux)
 */
int dma_fence_signal(struct dma_fence *fence) DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_signal_locked() - dma_fence_signal() with the fence's lock held
 * @fence: as there
 *
 * Locking: the caller holds the fence's lock. Aborts if nobody holds it.
 *
 * Return: 0; -EINVAL: @fence had signalled before, or is NULL (and a warning).
 *
 * Since: 0.1
 */
int dma_fence_signal_locked(struct dma_fence *fence);

/**
 * dma_fence_signal_timestamp() - dma_fence_signal() for work that was done at a known time
 * @fence:     as there
 * @timestamp: when; nanoseconds, CLOCK_MONOTONIC
 *
 * Return: 0; -EINVAL: @fence had signalled before, or is NULL (and a warning).
 *
 * Since: 0.1
 */
int dma_fence_signal_timestamp(struct dma_fence *fence, int64_t timestamp)
	DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_signal_timestamp_locked() - dma_fence_signal_timestamp() with the lock held
 * @fence:     as there
 * @timestamp: as there
 *
 * Locking: the caller holds the fence's lock. Aborts if nobody holds it.
 *
 * Return: 0; -EINVAL: @fence had signalled before, or is NULL (and a warning).
 *
 * Since: 0.1
 */
int dma_fence_signal_timestamp_locked(struct dma_fence *fence, int64_t timestamp);

/**
 * dma_fence_check_and_signal() - signal, and tell who was first
 * @fence: as for dma_fence_signal(), not NULL
 *
 * Return: true: it had signalled before; false: this call did it.
 *
 * Since: 0.1 (later Linux)
 */
bool dma_fence_check_and_signal(struct dma_fence *fence)
	DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_check_and_signal_locked() - the same with the fence's lock held
 * @fence: as there
 *
 * Locking: the caller holds the fence's lock. Aborts if nobody holds it.
 *
 * Return: true: it had signalled before; false: this call did it.
 *
 * Since: 0.1 (later Linux)
 */
bool dma_fence_check_and_signal_locked(struct dma_fence *fence);

/**
 * dma_fence_is_signaled_locked() - dma_fence_is_signaled() with the fence's lock held
 * @fence: as there
 *
 * Return: true once signalled.
 *
 * Since: 0.1
 */
bool dma_fence_is_signaled_locked(struct dma_fence *fence);

/**
 * dma_fence_add_callback() - call a function when a fence signals
 * @fence: fence to watch; the caller holds a reference across the call
 * @cb:    storage for the registration, owned by the caller
 * @func:  called at most once, as func(@fence, @cb)
 *
 * If @fence has signalled already, nothing is queued and @func is not called.
 *
 * Lifetime: the library uses @cb from a return of 0 until @func is entered or
 * dma_fence_remove_callback() returns. Inside @func, @cb is the caller's again.
 * Somebody must hold a reference on @fence until then.
 *
 * Locking: takes the fence's lock. @func runs on the signalling thread with that
 * lock held.
 *
 * Ordering: what the signaller wrote before dma_fence_signal() is visible in
 * @func.
 *
 * Return: 0 if @func will be called, -ENOENT if @fence had signalled, -EINVAL
 * (and a warning) if an argument is NULL.
 *
 * Example:
 *
 *	struct job {
 *		struct dma_fence_cb cb; // first, so that a pointer to it is one to the job
 *		sem_t ready;
 *		int status;
 *	};
 *
 *	static void work_is_done(struct dma_fence *fence, struct dma_fence_cb *cb)
 *	{
 *		struct job *job = (struct job *)cb;
 *
 *		job->status = dma_fence_get_status_locked(fence);
 *		sem_post(&job->ready);
 *	}
 *
 *	static int watch(struct job *job, struct dma_fence *fence)
 *	{
 *		return dma_fence_add_callback(fence, &job->cb, work_is_done);
 *	}
 *
 * Since: 0.1
 */
int dma_fence_add_callback(struct dma_fence *fence, struct dma_fence_cb *cb, dma_fence_func_t func)
	DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_remove_callback() - do not call that function after all
 * @fence: the fence that was watched
 * @cb:    registration that was passed to dma_fence_add_callback(), and that returned 0 or
 *	   -ENOENT
 *
 * When it returns, the function is not running, and will not run.
 *
 * Locking: takes the fence's lock; so not from a callback of the same fence.
 *
 * Return: true: it was registered and is not any more; false: it has run, or was
 * never registered.
 *
 * Since: 0.1
 */
bool dma_fence_remove_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
	DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_enable_sw_signaling() - make sure that a lazy fence signals by itself
 * @fence: fence; the caller holds a reference
 *
 * Calls the enable_signaling op, unless that was done before.
 *
 * Locking: takes the fence's lock, where there is something to do.
 *
 * Since: 0.1
 */
void dma_fence_enable_sw_signaling(struct dma_fence *fence)
	DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_get_status() - how did it end?
 * @fence: fence; the caller holds a reference
 *
 * Return: 0: not signalled; 1: signalled without error; negative errno: with that.
 *
 * Since: 0.1
 */
int dma_fence_get_status(struct dma_fence *fence) DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_get_status_locked() - dma_fence_get_status() with the fence's lock held
 * @fence: as there
 *
 * Return: as there.
 *
 * Since: 0.1
 */
int dma_fence_get_status_locked(struct dma_fence *fence);

/**
 * dma_fence_set_error() - the work will have failed
 * @fence: fence that has not signalled; by whoever will signal it
 * @error: negative errno, such as -ENODATA, -ECANCELED, -ETIME, -EIO
 *
 * Warns, and changes nothing, if @error is no negative errno or @fence has
 * signalled. Aborts for a fence of a dma_fence_timeline, or of the kernel: only these end it.
 *
 * Since: 0.1
 */
void dma_fence_set_error(struct dma_fence *fence, int error);

#ifdef __cplusplus
}
#endif

#include <dmabuf/dma-fence-look.h>

#endif /* DMABUF_DMA_FENCE_H */
