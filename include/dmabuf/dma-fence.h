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

#include <dmabuf/dma-fence-ops.h>

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
struct dma_fence *dma_fence_get_rcu(struct dma_fence *fence);

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
struct dma_fence *dma_fence_get_rcu_safe(struct dma_fence **fencep);

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
 * dma_fence_signal() - the work is done
 * @fence: fence to signal; the caller holds a reference
 *
 * Waiters wake, callbacks run in the order in which they were added, on this
 * thread. Aborts for a fence of a dma_fence_timeline: only that signals it.
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
int dma_fence_signal(struct dma_fence *fence);

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
int dma_fence_signal_timestamp(struct dma_fence *fence, int64_t timestamp);

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
bool dma_fence_check_and_signal(struct dma_fence *fence);

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
 * dma_fence_is_signaled() - is the work done?
 * @fence: fence to look at; the caller holds a reference
 *
 * Asks the signaled op where there is one, and signals the fence if that says so.
 * Without that op, and while nobody enabled signalling, a lazy fence may stay
 * unsignalled for ever.
 *
 * Locking: takes the fence's lock only to signal it.
 *
 * Ordering: true: what the signaller wrote before dma_fence_signal() is visible.
 *
 * Return: true once signalled.
 *
 * Since: 0.1
 */
bool dma_fence_is_signaled(struct dma_fence *fence);

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
 * dma_fence_test_signaled_flag() - has it signalled? Nothing else happens.
 * @fence: fence to look at; readable memory is enough, be it in an RCU section
 *
 * Ordering: as dma_fence_is_signaled().
 *
 * Return: true once signalled.
 *
 * Since: 0.1 (later Linux)
 */
bool dma_fence_test_signaled_flag(const struct dma_fence *fence);

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
 * Since: 0.1
 */
int dma_fence_add_callback(struct dma_fence *fence, struct dma_fence_cb *cb, dma_fence_func_t func);

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
bool dma_fence_remove_callback(struct dma_fence *fence, struct dma_fence_cb *cb);

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
void dma_fence_enable_sw_signaling(struct dma_fence *fence);

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
 * dma_fence_get_status() - how did it end?
 * @fence: fence; the caller holds a reference
 *
 * Return: 0: not signalled; 1: signalled without error; negative errno: with that.
 *
 * Since: 0.1
 */
int dma_fence_get_status(struct dma_fence *fence);

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
 * signalled. Aborts for a fence of a dma_fence_timeline: only that ends it.
 *
 * Since: 0.1
 */
void dma_fence_set_error(struct dma_fence *fence, int error);

/**
 * dma_fence_timestamp() - when did it signal?
 * @fence: fence that has signalled
 *
 * Waits, spinning and then yielding, for the signaller to write the time, if need be.
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
 * dma_fence_is_container() - does it consist of other fences?
 * @fence: fence, not NULL
 *
 * Return: true for an array.
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
const char *dma_fence_driver_name(struct dma_fence *fence);

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
const char *dma_fence_timeline_name(struct dma_fence *fence);

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
 * dma_fence_lock_irqsave() - take the fence's lock (later Linux)
 * @fence: fence
 * @flags: an unsigned long variable, set to 0: there are no interrupts here
 *
 * Two fences' locks nest only from a container to its members.
 */
#define dma_fence_lock_irqsave(fence, flags) \
	((flags) = 0, dmabuf_spin_lock(dma_fence_spinlock(fence)))

/**
 * dma_fence_unlock_irqrestore() - drop the fence's lock (later Linux)
 * @fence: fence
 * @flags: as for dma_fence_lock_irqsave()
 */
#define dma_fence_unlock_irqrestore(fence, flags) \
	((void)(flags), dmabuf_spin_unlock(dma_fence_spinlock(fence)))

/**
 * dma_fence_assert_held() - abort unless the fence's lock is held (later Linux)
 * @fence: fence
 *
 * Since: 0.1
 */
void dma_fence_assert_held(struct dma_fence *fence);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_H */
