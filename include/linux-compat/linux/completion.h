/* SPDX-License-Identifier: MIT */
/* Completions: something that happens once, or once for each who waits. As in Linux. */
#ifndef LINUX_COMPAT_COMPLETION_H
#define LINUX_COMPAT_COMPLETION_H

#include <linux/wait.h>

struct completion {
	unsigned int done; /* under wait.lock; UINT_MAX: for all who ever wait */
	struct wait_queue_head wait;
};

#define COMPLETION_INITIALIZER(work) { 0, __WAIT_QUEUE_HEAD_INITIALIZER((work).wait) }
#define COMPLETION_INITIALIZER_ONSTACK(work) COMPLETION_INITIALIZER(work)
#define DECLARE_COMPLETION(work) struct completion work = COMPLETION_INITIALIZER(work)
#define DECLARE_COMPLETION_ONSTACK(work) DECLARE_COMPLETION(work)
#define init_completion_map(x, map) init_completion(x)

static inline void init_completion(struct completion *x)
{
	x->done = 0;
	init_waitqueue_head(&x->wait);
}

static inline void reinit_completion(struct completion *x)
{
	x->done = 0;
}

static inline void complete(struct completion *x)
{
	spin_lock(&x->wait.lock);
	if (x->done != UINT_MAX)
		x->done++;
	wake_up_locked(&x->wait);
	spin_unlock(&x->wait.lock);
}

static inline void complete_all(struct completion *x)
{
	spin_lock(&x->wait.lock);
	x->done = UINT_MAX;
	wake_up_all_locked(&x->wait);
	spin_unlock(&x->wait.lock);
}

static inline bool lc_completion_take(struct completion *x)
{
	if (!x->done)
		return false;
	if (x->done != UINT_MAX)
		x->done--;
	return true;
}

static inline bool try_wait_for_completion(struct completion *x)
{
	bool taken;

	spin_lock(&x->wait.lock);
	taken = lc_completion_take(x);
	spin_unlock(&x->wait.lock);
	return taken;
}

/* Whoever sees true may free @x: complete() has let go of it. */
static inline bool completion_done(struct completion *x)
{
	bool done;

	spin_lock(&x->wait.lock);
	done = x->done;
	spin_unlock(&x->wait.lock);
	return done;
}

/* Remaining jiffies, at least 1; 0: not in time; -ERESTARTSYS. */
static inline long lc_wait_for_completion(struct completion *x, long timeout, unsigned int state)
{
	DEFINE_WAIT(entry);

	spin_lock(&x->wait.lock);
	while (!lc_completion_take(x)) {
		const bool interrupted = lc_sleep_is_interrupted(state);

		if (interrupted || !timeout) {
			list_del_init(&entry.entry);
			spin_unlock(&x->wait.lock);
			__set_current_state(TASK_RUNNING);
			return interrupted ? -ERESTARTSYS : 0;
		}
		entry.flags = WQ_FLAG_EXCLUSIVE;
		if (list_empty(&entry.entry))
			__add_wait_queue_entry_tail(&x->wait, &entry);
		set_current_state(state);
		spin_unlock(&x->wait.lock);
		timeout = schedule_timeout(timeout);
		spin_lock(&x->wait.lock);
	}
	list_del_init(&entry.entry);
	spin_unlock(&x->wait.lock);
	__set_current_state(TASK_RUNNING);
	return timeout ? timeout : 1;
}

static inline void wait_for_completion(struct completion *x)
{
	lc_wait_for_completion(x, MAX_SCHEDULE_TIMEOUT, TASK_UNINTERRUPTIBLE);
}

static inline unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout)
{
	return (unsigned long)lc_wait_for_completion(x, (long)timeout, TASK_UNINTERRUPTIBLE);
}

static inline int wait_for_completion_interruptible(struct completion *x)
{
	const long left = lc_wait_for_completion(x, MAX_SCHEDULE_TIMEOUT, TASK_INTERRUPTIBLE);

	return left < 0 ? (int)left : 0;
}

static inline long wait_for_completion_interruptible_timeout(struct completion *x,
							     unsigned long timeout)
{
	return lc_wait_for_completion(x, (long)timeout, TASK_INTERRUPTIBLE);
}

static inline int wait_for_completion_killable(struct completion *x)
{
	wait_for_completion(x);
	return 0;
}

static inline long wait_for_completion_killable_timeout(struct completion *x, unsigned long timeout)
{
	return (long)wait_for_completion_timeout(x, timeout);
}

#define wait_for_completion_io(x) wait_for_completion(x)

#include <compat/common.h>

#endif
