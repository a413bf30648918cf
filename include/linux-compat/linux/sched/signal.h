/* SPDX-License-Identifier: MIT */
/*
 * Signals. A handler of the program runs at once, so nothing is pending for long: a
 * handler that ended an interruptible sleep is what signal_pending() reports. It stays
 * pending for all who ask until the task says again that it will sleep.
 */
#ifndef LINUX_COMPAT_SCHED_SIGNAL_H
#define LINUX_COMPAT_SCHED_SIGNAL_H

#include <compat/task.h>

#include <signal.h>

/* Of another thread than the calling one it is never known. */
static inline int signal_pending(struct task_struct *task)
{
	if (task != current || !task->lc_signal)
		return 0;
	task->lc_signal = LC_SIGNAL_SEEN;
	return 1;
}

/* Where a sleep begins, or goes on: was it interrupted? What was seen is no longer pending. */
static inline bool lc_sleep_is_interrupted(unsigned int state)
{
	struct task_struct *task = current;

	if (!(state & TASK_INTERRUPTIBLE))
		return false;
	task->lc_signal = task->lc_signal == LC_SIGNAL_NEW ? LC_SIGNAL_SEEN : 0;
	return task->lc_signal;
}

static inline int signal_pending_state(unsigned int state, struct task_struct *task)
{
	return (state & TASK_INTERRUPTIBLE) && signal_pending(task);
}

/* What is fatal has ended the process already. */
static inline int fatal_signal_pending(struct task_struct *task)
{
	(void)task;
	return 0;
}

static inline void flush_signals(struct task_struct *task)
{
	if (task == current)
		task->lc_signal = 0;
}

#include <linux/sched.h>

#endif
