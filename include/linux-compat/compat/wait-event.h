/* SPDX-License-Identifier: MIT */
/* The wait_event() family: the second half of linux/wait.h. */
#ifndef LINUX_COMPAT_WAIT_EVENT_H
#define LINUX_COMPAT_WAIT_EVENT_H

#include <linux/wait.h>

/*
 * Sleep by @sleep until @condition. The value is @initial, unless the wait was
 * interrupted; @lc_ret may be changed by @sleep and @condition.
 */
#define ___wait_event(wq, condition, state, exclusive, initial, sleep) \
	({ \
		long lc_ret = (initial); \
		struct wait_queue_entry lc_entry; \
\
		init_wait_entry(&lc_entry, (exclusive) ? WQ_FLAG_EXCLUSIVE : 0); \
		for (;;) { \
			const long lc_interrupted = prepare_to_wait_event(&(wq), &lc_entry, state); \
\
			if (condition) \
				break; \
			if (lc_interrupted) { \
				lc_ret = lc_interrupted; \
				break; \
			} \
			sleep; \
		} \
		finish_wait(&(wq), &lc_entry); \
		lc_ret; \
	})

/* True: no need to sleep any longer. A condition that is met at the end still counts. */
#define ___wait_cond_timeout(condition) \
	({ \
		const bool lc_met = (condition); \
		if (lc_met && !lc_ret) \
			lc_ret = 1; \
		lc_met || !lc_ret; \
	})

#define LC_WAIT_EVENT(wq, condition, state, exclusive) \
	((condition) ? 0 : (int)___wait_event(wq, condition, state, exclusive, 0, schedule()))
#define LC_WAIT_EVENT_TIMEOUT(wq, condition, timeout, state) \
	({ \
		const long lc_timeout = (timeout); \
		long lc_ret = lc_timeout; \
\
		if (!___wait_cond_timeout(condition)) \
			lc_ret = ___wait_event(wq, ___wait_cond_timeout(condition), state, 0, \
					       lc_timeout, lc_ret = schedule_timeout(lc_ret)); \
		lc_ret; \
	})

#define wait_event(wq, condition) \
	((void)LC_WAIT_EVENT(wq, condition, TASK_UNINTERRUPTIBLE, 0))
#define wait_event_exclusive_cmd(wq, condition, before, after) \
	((void)___wait_event(wq, condition, TASK_UNINTERRUPTIBLE, 1, 0, before; schedule(); after))
#define wait_event_cmd(wq, condition, before, after) \
	((void)___wait_event(wq, condition, TASK_UNINTERRUPTIBLE, 0, 0, before; schedule(); after))
#define wait_event_interruptible(wq, condition) \
	LC_WAIT_EVENT(wq, condition, TASK_INTERRUPTIBLE, 0)
#define wait_event_interruptible_exclusive(wq, condition) \
	LC_WAIT_EVENT(wq, condition, TASK_INTERRUPTIBLE, 1)
#define wait_event_killable(wq, condition) LC_WAIT_EVENT(wq, condition, TASK_KILLABLE, 0)
#define wait_event_killable_exclusive(wq, condition) \
	LC_WAIT_EVENT(wq, condition, TASK_KILLABLE, 1)
#define wait_event_idle(wq, condition) ((void)LC_WAIT_EVENT(wq, condition, TASK_IDLE, 0))
#define wait_event_freezable(wq, condition) wait_event_interruptible(wq, condition)
#define io_wait_event(wq, condition) wait_event(wq, condition)

/* Remaining jiffies, at least 1, if the condition is met; 0 if not in time. */
#define wait_event_timeout(wq, condition, timeout) \
	LC_WAIT_EVENT_TIMEOUT(wq, condition, timeout, TASK_UNINTERRUPTIBLE)
#define wait_event_interruptible_timeout(wq, condition, timeout) \
	LC_WAIT_EVENT_TIMEOUT(wq, condition, timeout, TASK_INTERRUPTIBLE)
#define wait_event_killable_timeout(wq, condition, timeout) \
	LC_WAIT_EVENT_TIMEOUT(wq, condition, timeout, TASK_KILLABLE)
#define wait_event_idle_timeout(wq, condition, timeout) \
	LC_WAIT_EVENT_TIMEOUT(wq, condition, timeout, TASK_IDLE)

/* 0, -ETIME, or -ERESTARTSYS. */
#define wait_event_interruptible_hrtimeout(wq, condition, timeout) \
	({ \
		const long lc_left = wait_event_interruptible_timeout(wq, condition, timeout); \
		lc_left > 0 ? 0 : lc_left ? (int)lc_left : -ETIME; \
	})

/* The condition is looked at under @lock, which is dropped around sleeping. */
#define wait_event_lock_irq(wq, condition, lock) \
	((void)((condition) ? 0 : \
		___wait_event(wq, condition, TASK_UNINTERRUPTIBLE, 0, 0, \
			      spin_unlock_irq(&(lock)); schedule(); spin_lock_irq(&(lock)))))
#define wait_event_interruptible_lock_irq(wq, condition, lock) \
	((condition) ? 0 : \
	 (int)___wait_event(wq, condition, TASK_INTERRUPTIBLE, 0, 0, \
			    spin_unlock_irq(&(lock)); schedule(); spin_lock_irq(&(lock))))

#include <linux/wait_bit.h>

#endif
