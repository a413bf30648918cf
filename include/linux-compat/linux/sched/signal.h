/* SPDX-License-Identifier: MIT */
/*
 * Signals. A handler of the program runs at once, so nothing is pending for long: a
 * handler that ended an interruptible sleep is what signal_pending() reports, once, to
 * whoever asks first, which may be the next interruptible sleep.
 */
#ifndef LINUX_COMPAT_SCHED_SIGNAL_H
#define LINUX_COMPAT_SCHED_SIGNAL_H

#include <compat/task.h>

#include <signal.h>

/* Of another thread than the calling one it is never known. */
static inline int signal_pending(struct task_struct *task)
{
	if (task != current || !task->lc_signalled)
		return 0;
	task->lc_signalled = false;
	return 1;
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
	(void)signal_pending(task);
}

#include <linux/sched.h>

#endif
