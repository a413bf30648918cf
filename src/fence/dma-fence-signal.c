/* SPDX-License-Identifier: MIT */
/*
 * The fence: its signal and its callbacks.
 *
 * Locking: the fence's lock guards cb_list, and is held while callbacks run. The
 * room of cb_list becomes the timestamp when the fence signals. Who may write there
 * is decided by one word:
 *
 *   signaller                                add_callback, under the lock
 *   S1  flags: SIGNALED, if neither it       C1  flags |= HAS_CALLBACKS  acq_rel; with
 *       nor HAS_CALLBACKS is there  acq_rel      ENABLE_SIGNAL, if that calls no op
 *                                            C2  S1 came first: -ENOENT
 *   S2  done: write the timestamp            C3  else: link into cb_list
 *   S3  flags |= TIMESTAMP          release
 *   S4  else: lock; after C1: detach cb_list,
 *       S2, flags |= SIGNALED and TIMESTAMP
 *       acq_rel, run callbacks
 *   S5  without C1: flags |= SIGNALED
 *       acq_rel, and if that was us, S2, S3
 *
 *   S1 and C1 are one order on one word. S1 first: there is no list, and the room is
 *   the signaller's. C1 first: S1 fails, and S4 waits for the lock, whose holder has the
 *   room. So SIGNALED shows without the lock only where there are no callbacks, and
 *   whoever sees it and then takes and drops the lock knows that all callbacks have run.
 *
 *   waiter                                   signaller
 *   A1  flags |= HAS_WAITERS   acq_rel       S1, S4 or S5
 *   A2  S1 came first: done                  B1  S1 saw A1: wake, after the lock
 *   A3  sleep while flags are as A1 left them
 *
 *   A change of flags between A1 and A3 makes A3 return at once. A user's bit does so
 *   too, and the waiter begins again at A1.
 */
#define DMABUF_LOOK /* those functions are defined here */

#include "fence/fence.h"
#include "fence/rules.h"

#include <errno.h>

#include "os/fault.h"
#include "os/futex.h"
#include "os/list.h"
#include "os/report.h"
#include "os/spinlock.h"
#include "os/stamp.h"

struct dmabuf_spinlock *dma_fence_spinlock(struct dma_fence *fence)
{
	return load_relaxed(&fence->flags) & INLINE_LOCK ? &fence->inline_lock : fence->lock;
}

/*
 * What is to be fast asks once whether anybody watches, and is compiled twice: for nobody, and with
 * @watched, out of the way. The rules are checked from the beginning or never; a tracer that comes
 * meanwhile hears of what begins after that.
 */
#ifdef DMABUF_SEAMS
#define IN_BOTH static /* the tests' is compiled once, so that what they reach can be counted */
#define WATCHED static
#else
#define IN_BOTH static inline __attribute__((always_inline))
#define WATCHED static __attribute__((noinline, cold))
#endif

IN_BOTH bool rules_are_on(bool watched)
{
	return watched && lockdep_is_on();
}

IN_BOTH void lock_fence(struct dma_fence *fence, bool watched)
	DMABUF_ACQUIRE(dma_fence_spinlock(fence))
{
	if (rules_are_on(watched))
		fence_rules_lock(fence);
	os_spin_lock(dma_fence_spinlock(fence));
	if (rules_are_on(watched))
		fence_rules_locked(fence);
}

IN_BOTH void unlock_fence(struct dma_fence *fence, bool watched)
	DMABUF_RELEASE(dma_fence_spinlock(fence))
{
	if (rules_are_on(watched))
		fence_rules_unlocked(fence);
	os_spin_unlock(dma_fence_spinlock(fence));
}

void dma_fence_assert_held(struct dma_fence *fence)
{
	dmabuf_bug_on(!dmabuf_spin_is_locked(dma_fence_spinlock(fence)),
		      "the lock of fence %llu:%llu is not held: take it before a _locked function",
		      (unsigned long long)fence->context, (unsigned long long)fence->seqno);
}

/* What the callers of _locked functions promise, who may know the lock by another name. */
static void assume_held(struct dma_fence *fence) DMABUF_ASSERTS(dma_fence_spinlock(fence))
{
	(void)fence;
}

/*
 * Signalling.
 */

IN_BOTH void run_callbacks(struct dma_fence *fence, struct dmabuf_list_head *callbacks,
			   bool watched)
	DMABUF_REQUIRES(dma_fence_spinlock(fence))
{
	if (rules_are_on(watched))
		fence_rules_begin_callbacks(fence);
	while (!list_is_empty(callbacks)) {
		struct dma_fence_cb *cb = list_entry(callbacks->next, struct dma_fence_cb, node);

		/* First: the callback may free or register it. */
		list_remove(&cb->node);
		cb->func(fence, cb);
	}
	if (rules_are_on(watched))
		fence_rules_end_callbacks(fence);
}

IN_BOTH void stamp(struct dma_fence *fence, int64_t timestamp, bool watched)
{
	OS_RACE_POINT("signal: before the timestamp");
	fence->timestamp = timestamp;		    /* S2 */
	OS_RACE_POINT("signal: before TIMESTAMP");
	fetch_or_release(&fence->flags, TIMESTAMP); /* S3 */
	if (watched)
		fence_trace(DMABUF_TRACE_FENCE_SIGNAL, fence, 0);
}

/* C1 was, and it has not signalled: until this does, the room is whose the lock is. */
IN_BOTH unsigned long signal_callbacks(struct dma_fence *fence, int64_t timestamp, bool watched)
	DMABUF_REQUIRES(dma_fence_spinlock(fence))
{
	struct dmabuf_list_head callbacks;
	unsigned long flags;

	list_move_all(&fence->cb_list, &callbacks);
	fence->timestamp = timestamp; /* S2 */
	OS_RACE_POINT("signal: with callbacks");
	flags = fetch_or_acq_rel(&fence->flags, SIGNALED | TIMESTAMP); /* S4 */
	if (watched)
		fence_trace(DMABUF_TRACE_FENCE_SIGNAL, fence, 0);
	if (!list_is_empty(&callbacks))
		run_callbacks(fence, &callbacks, watched);
	return flags;
}

/* The flags as they were. With SIGNALED: it was not us. */
IN_BOTH unsigned long signal_under_lock(struct dma_fence *fence, int64_t timestamp, bool watched)
	DMABUF_REQUIRES(dma_fence_spinlock(fence))
{
	unsigned long flags = load_acquire(&fence->flags);

	if (flags & SIGNALED)
		return flags;
	if (flags & HAS_CALLBACKS)
		return signal_callbacks(fence, timestamp, watched);
	flags = fetch_or_acq_rel(&fence->flags, SIGNALED); /* S5 */
	if (!(flags & SIGNALED))
		stamp(fence, timestamp, watched);
	return flags;
}

static int wake_waiters(const struct dma_fence *fence, unsigned long flags)
{
	if (flags & SIGNALED)
		return -EINVAL;
	if (flags & HAS_WAITERS)
		os_futex_wake_all(fence_futex(fence)); /* B1 */
	return 0;
}

/* S1: true if that was all, or if it had signalled; the flags as they were. */
IN_BOTH bool signal_without_lock(struct dma_fence *fence, int64_t timestamp, bool watched,
				 unsigned long *ret_flags)
{
	unsigned long flags = load_acquire(&fence->flags);

	do {
		*ret_flags = flags;
		if (flags & SIGNALED)
			return true;
		if (flags & HAS_CALLBACKS || !(flags & INLINE_LOCK))
			return false;
		OS_RACE_POINT("signal: before SIGNALED");
	} while (!cas_acq_rel(&fence->flags, &flags, flags | SIGNALED));
	stamp(fence, timestamp, watched);
	return true;
}

IN_BOTH int do_signal(struct dma_fence *fence, int64_t timestamp, bool watched)
{
	unsigned long flags;

	if (rules_are_on(watched))
		fence_rules_signal(fence);
	if (!signal_without_lock(fence, timestamp, watched, &flags)) {
		lock_fence(fence, watched);
		flags = signal_under_lock(fence, timestamp, watched);
		unlock_fence(fence, watched);
	}
	return wake_waiters(fence, flags);
}

WATCHED int signal_watched(struct dma_fence *fence, int64_t timestamp)
{
	return do_signal(fence, timestamp, true);
}

int fence_signal(struct dma_fence *fence, int64_t timestamp)
{
	return watch_is_on() ? signal_watched(fence, timestamp) : do_signal(fence, timestamp, false);
}

static void refuse_issued(const struct dma_fence *fence)
{
	dmabuf_bug_on(load_relaxed(&fence->flags) & ISSUED,
		      "fence %llu:%llu is not yours to end: dma_fence_timeline_signal() does that, or the kernel",
		      (unsigned long long)fence->context, (unsigned long long)fence->seqno);
}

int dma_fence_signal_timestamp(struct dma_fence *fence, int64_t timestamp)
{
	if (dmabuf_warn_on(!fence, "dma_fence_signal() without a fence"))
		return -EINVAL;
	refuse_issued(fence);
	return fence_signal(fence, timestamp);
}

int dma_fence_signal_timestamp_locked(struct dma_fence *fence, int64_t timestamp)
{
	if (dmabuf_warn_on(!fence, "dma_fence_signal_locked() without a fence"))
		return -EINVAL;
	refuse_issued(fence);
	dma_fence_assert_held(fence);
	if (lockdep_is_on())
		fence_rules_signal(fence);
	return wake_waiters(fence, signal_under_lock(fence, timestamp, watch_is_on()));
}

int dma_fence_signal(struct dma_fence *fence)
{
	return dma_fence_signal_timestamp(fence, os_stamp_ns());
}

int dma_fence_signal_locked(struct dma_fence *fence)
{
	return dma_fence_signal_timestamp_locked(fence, os_stamp_ns());
}

bool dma_fence_check_and_signal(struct dma_fence *fence)
{
	return dma_fence_signal(fence) != 0;
}

bool dma_fence_check_and_signal_locked(struct dma_fence *fence)
{
	return dma_fence_signal_locked(fence) != 0;
}

void fence_set_error(struct dma_fence *fence, int error)
{
	if (dmabuf_warn_on(error >= 0 || error < -DMABUF_MAX_ERRNO,
			   "dma_fence_set_error(%d): give a negative errno", error))
		return;
	if (dmabuf_warn_on(dma_fence_test_signaled_flag(fence),
			   "dma_fence_set_error(%d) on a fence that has signalled: set it before", error))
		return;
	store_relaxed(&fence->error, error); /* shown to others by the signal */
}

void dma_fence_set_error(struct dma_fence *fence, int error)
{
	fence_check_alive(fence, __func__);
	refuse_issued(fence);
	fence_set_error(fence, error);
}

void fence_signal_abandoned(struct dma_fence *fence)
{
	const bool watched = watch_is_on();

	lock_fence(fence, watched);
	if (!dma_fence_test_signaled_flag(fence) && !list_is_empty(&fence->cb_list)) {
		dmabuf_warn("fence %s %s %llu:%llu released before it signalled, with callbacks: signal it first",
			    fence->ops->get_driver_name(fence), fence->ops->get_timeline_name(fence),
			    (unsigned long long)fence->context, (unsigned long long)fence->seqno);
		store_relaxed(&fence->error, -EDEADLK);
		signal_under_lock(fence, os_stamp_ns(), watched);
	}
	unlock_fence(fence, watched);
}

/*
 * Asking.
 */

/* dma-fence-look.h has the rest. */
bool dma_fence_ask_signaled(struct dma_fence *fence)
{
	fence_might_lock(fence);
	if (!fence->ops->signaled(fence))
		return false;
	fence_signal(fence, fence_done_at(fence));
	return true;
}

bool dma_fence_is_signaled_locked(struct dma_fence *fence)
{
	const enum fence_state state = fence_peek(fence);

	if (state != FENCE_ASK)
		return state == FENCE_DONE;
	if (!fence->ops->signaled(fence))
		return false;
	assume_held(fence);
	wake_waiters(fence, signal_under_lock(fence, fence_done_at(fence), watch_is_on()));
	return true;
}

static int status(const struct dma_fence *fence)
{
	const int error = load_relaxed(&fence->error); /* ordered by SIGNALED */

	return error ? error : 1;
}

int dma_fence_get_status(struct dma_fence *fence)
{
	return dma_fence_is_signaled(fence) ? status(fence) : 0;
}

int dma_fence_get_status_locked(struct dma_fence *fence)
{
	return dma_fence_is_signaled_locked(fence) ? status(fence) : 0;
}

/*
 * Callbacks.
 */

/* Sets @wanted, if the fence has not signalled; all flags as they were. */
static unsigned long set_flags(struct dma_fence *fence, unsigned long wanted)
{
	const unsigned long flags = load_acquire(&fence->flags);

	if (flags & SIGNALED || (flags & wanted) == wanted)
		return flags;
	OS_RACE_POINT(wanted & HAS_CALLBACKS ? "add_callback: before HAS_CALLBACKS"
					     : "enable_signaling: before ENABLE_SIGNAL");
	return fetch_or_acq_rel(&fence->flags, wanted);
}

/* By its op, for the first time. False: all is done. */
static __attribute__((noinline)) bool call_enable_signaling(struct dma_fence *fence)
	DMABUF_REQUIRES(dma_fence_spinlock(fence))
{
	if (fence->ops->enable_signaling(fence))
		return true;
	wake_waiters(fence, signal_under_lock(fence, os_stamp_ns(), watch_is_on()));
	return false;
}

/*
 * True: it will signal by itself, and @flag is set, too, unless it @asks its op, which may signal
 * it: then it need not wait for our lock. False: it has signalled.
 */
IN_BOTH bool enable_signaling(struct dma_fence *fence, bool asks, unsigned long flag, bool watched)
	DMABUF_REQUIRES(dma_fence_spinlock(fence))
{
	const unsigned long flags = set_flags(fence, asks ? ENABLE_SIGNAL : ENABLE_SIGNAL | flag);

	if (flags & SIGNALED)
		return false;
	if (flags & ENABLE_SIGNAL)
		return true;
	if (watched)
		fence_trace(DMABUF_TRACE_FENCE_ENABLE, fence, 0);
	return !asks || call_enable_signaling(fence);
}

/* Not inline: mostly there is nothing to do. */
static __attribute__((noinline)) void enable_at_last(struct dma_fence *fence)
{
	const bool watched = watch_is_on();

	lock_fence(fence, watched);
	enable_signaling(fence, fence->ops->enable_signaling, 0, watched);
	unlock_fence(fence, watched);
}

void dma_fence_enable_sw_signaling(struct dma_fence *fence)
{
	fence_could_lock(fence, __func__);
	if (!(load_acquire(&fence->flags) & (SIGNALED | ENABLE_SIGNAL)))
		enable_at_last(fence);
}

IN_BOTH int add_callback_locked(struct dma_fence *fence, struct dma_fence_cb *cb, bool watched)
	DMABUF_REQUIRES(dma_fence_spinlock(fence))
{
	const bool asks = fence->ops->enable_signaling;

	if (!enable_signaling(fence, asks, HAS_CALLBACKS, watched)) /* C1, unless it asks */
		return -ENOENT;					    /* C2 */
	if (asks && set_flags(fence, HAS_CALLBACKS) & SIGNALED)	    /* C1, if it does */
		return -ENOENT;					    /* C2 */
	list_add_before(&cb->node, &fence->cb_list);		    /* C3 */
	return 0;
}

IN_BOTH int add_callback(struct dma_fence *fence, struct dma_fence_cb *cb, dma_fence_func_t func,
			 bool watched)
{
	int err = -ENOENT;

	if (rules_are_on(watched))
		fence_rules_could_lock(fence, "dma_fence_add_callback");
	cb->func = func;
	if (!dma_fence_test_signaled_flag(fence)) {
		lock_fence(fence, watched);
		err = add_callback_locked(fence, cb, watched);
		unlock_fence(fence, watched);
	}
	if (err)
		list_init(&cb->node); /* removing it is harmless */
	return err;
}

WATCHED int add_callback_watched(struct dma_fence *fence, struct dma_fence_cb *cb,
				 dma_fence_func_t func)
{
	return add_callback(fence, cb, func, true);
}

int dma_fence_add_callback(struct dma_fence *fence, struct dma_fence_cb *cb, dma_fence_func_t func)
{
	if (dmabuf_warn_on(!fence || !cb || !func,
			   "dma_fence_add_callback() without fence, room or function"))
		return -EINVAL;
	return watch_is_on() ? add_callback_watched(fence, cb, func)
			     : add_callback(fence, cb, func, false);
}

IN_BOTH bool remove_callback(struct dma_fence *fence, struct dma_fence_cb *cb, bool watched)
{
	bool was_registered;

	if (rules_are_on(watched))
		lockdep_check_alive(fence, "fence", "dma_fence_remove_callback");
	lock_fence(fence, watched);
	was_registered = !list_is_empty(&cb->node);
	list_remove(&cb->node);
	unlock_fence(fence, watched);
	return was_registered;
}

WATCHED bool remove_callback_watched(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	return remove_callback(fence, cb, true);
}

bool dma_fence_remove_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	return watch_is_on() ? remove_callback_watched(fence, cb) : remove_callback(fence, cb, false);
}
