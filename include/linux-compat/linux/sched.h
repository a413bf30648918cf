/* SPDX-License-Identifier: MIT */
/*
 * Tasks and sleeping (see compat/task.h). Every thread has a task, also those that libc
 * made. Nothing has a priority; schedule() with the state TASK_RUNNING does nothing.
 */
#ifndef LINUX_COMPAT_SCHED_H
#define LINUX_COMPAT_SCHED_H

#include_next <linux/sched.h>

#include <compat/task.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static inline long schedule_timeout_interruptible(long timeout)
{
	set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(timeout);
}

static inline long schedule_timeout_uninterruptible(long timeout)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout);
}

#define schedule_timeout_killable(timeout) schedule_timeout_uninterruptible(timeout)
#define schedule_timeout_idle(timeout) schedule_timeout_uninterruptible(timeout)
#define io_schedule() schedule()
#define io_schedule_timeout(timeout) schedule_timeout(timeout)

static inline int cond_resched(void)
{
	sched_yield();
	return 0;
}

static inline void yield(void)
{
	sched_yield();
}

static inline int yield_to(struct task_struct *task, bool preempt)
{
	(void)task;
	(void)preempt;
	sched_yield();
	return 0;
}

#define cond_resched_lock(lock) ((void)(lock), 0)
#define need_resched() false
#define might_sleep() dmabuf_might_sleep()
#define might_sleep_if(cond) ((cond) ? might_sleep() : (void)0)
#define non_block_start() ((void)0)
#define non_block_end() ((void)0)

#define task_is_running(task) (READ_ONCE((task)->__state) == TASK_RUNNING)
#define task_pid_nr(task) ((task)->pid)
#define task_tgid_nr(task) ((task)->tgid)
#define task_pid_vnr(task) ((task)->pid)
#define task_tgid_vnr(task) ((task)->tgid)
#define get_task_comm(buf, task) (memcpy(buf, (task)->comm, TASK_COMM_LEN), (buf))

#define sched_set_fifo(task) ((void)(task))
#define sched_set_fifo_low(task) ((void)(task))
#define sched_set_normal(task, nice) ((void)(task))
#define set_user_nice(task, nice) ((void)(task))

#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#endif
