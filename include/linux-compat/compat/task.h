/* SPDX-License-Identifier: MIT */
/*
 * Tasks: one for each thread, made when the thread first asks for its own. A task's
 * state is the word that it sleeps on, so that no wake-up is lost between the moment
 * where a task says that it will sleep and the moment where it does.
 *
 *   sleeper                                    waker
 *   S1  state = TASK_INTERRUPTIBLE  exchange   W1  condition = true
 *   S2  look at the condition                  W2  state = TASK_RUNNING  exchange
 *   S3  sleep while state is as in S1          W3  wake, if it was another
 *
 *   If S1 comes before W2, W3 wakes or S3 does not sleep; else S1 reads what W2 wrote,
 *   and S2 sees W1.
 */
#ifndef LINUX_COMPAT_TASK_H
#define LINUX_COMPAT_TASK_H

#include <compat/futex.h>
#include <compat/timers.h>
#include <linux/bug.h>
#include <linux/jiffies.h>

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#define TASK_RUNNING 0x0u
#define TASK_INTERRUPTIBLE 0x1u
#define TASK_UNINTERRUPTIBLE 0x2u
#define TASK_PARKED 0x40u
#define TASK_WAKEKILL 0x100u
#define TASK_NOLOAD 0x400u
#define TASK_NEW 0x800u
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define TASK_KILLABLE (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)

#define TASK_COMM_LEN 16
#define PF_KTHREAD 0x00200000u
#define PF_EXITING 0x4u

/* A handler ended a sleep; and signal_pending() said so, which holds until the next sleep. */
#define LC_SIGNAL_NEW 1u
#define LC_SIGNAL_SEEN 2u

struct task_struct {
	uint32_t __state; /* atomic */
	uint32_t lc_usage; /* atomic: references, of which the thread has one */
	unsigned int flags;
	pid_t pid, tgid;
	char comm[TASK_COMM_LEN];
	struct task_struct *group_leader;
	uint32_t lc_signal; /* its own: LC_SIGNAL_... */

	/* Of kthreads only. */
	struct rcu_head lc_rcu;
	bool lc_joined;
	pthread_t lc_thread;
	int (*lc_func)(void *data);
	void *lc_data;
	int lc_result;
	unsigned long lc_kthread_flags; /* atomic */
	uint32_t lc_begun, lc_parked;   /* atomic */
};

LC_SHARED __thread struct task_struct *lc_task;
LC_SHARED pthread_key_t lc_task_key;
LC_SHARED pthread_once_t lc_task_once = PTHREAD_ONCE_INIT;

static inline struct task_struct *get_task_struct(struct task_struct *task)
{
	__atomic_fetch_add(&task->lc_usage, 1, __ATOMIC_RELAXED);
	return task;
}

void lc_task_free(struct task_struct *task);

/* Nobody can join the thread any more, so it must not wait for that. */
LC_SHARED void lc_task_free(struct task_struct *task)
{
	if (task->lc_func && !task->lc_joined)
		pthread_detach(task->lc_thread);
	free(task);
}

static inline void put_task_struct(struct task_struct *task)
{
	if (__atomic_fetch_sub(&task->lc_usage, 1, __ATOMIC_ACQ_REL) == 1)
		lc_task_free(task);
}

static inline void lc_task_ends(void *task)
{
	lc_task = NULL;
	put_task_struct((struct task_struct *)task);
}

static inline void lc_task_make_key(void)
{
	BUG_ON(pthread_key_create(&lc_task_key, lc_task_ends));
}

/* The calling thread is @task from now on, and its reference goes when it ends. */
static inline void lc_task_adopt(struct task_struct *task)
{
	pthread_once(&lc_task_once, lc_task_make_key);
	BUG_ON(pthread_setspecific(lc_task_key, task));
	task->pid = (pid_t)syscall(SYS_gettid);
	task->tgid = getpid();
	lc_task = task;
}

static inline struct task_struct *lc_task_alloc(void)
{
	struct task_struct *task = calloc(1, sizeof(*task));

	if (task) {
		task->lc_usage = 1;
		task->group_leader = task;
	}
	return task;
}

struct task_struct *lc_task_of_thread(void);

LC_SHARED struct task_struct *lc_task_of_thread(void)
{
	struct task_struct *task = lc_task_alloc();

	BUG_ON(!task);
	prctl(PR_GET_NAME, task->comm);
	lc_task_adopt(task);
	return task;
}

static inline struct task_struct *get_current(void)
{
	return lc_task ? lc_task : lc_task_of_thread();
}

#define current get_current()

/* Also where a sleep begins, which is what a signal that was seen is pending until. */
static inline void lc_set_current_state(uint32_t state)
{
	struct task_struct *task = current;

	if (state != TASK_RUNNING && task->lc_signal == LC_SIGNAL_SEEN)
		task->lc_signal = 0;
	__atomic_exchange_n(&task->__state, state, __ATOMIC_SEQ_CST);
}

#define set_current_state(state) lc_set_current_state(state)
#define __set_current_state(state) \
	__atomic_store_n(&current->__state, (state), __ATOMIC_RELAXED)
#define get_current_state() READ_ONCE(current->__state)

/* Wake @task if it said that it would sleep in one of @states. 1: it did; 0: it runs. */
static inline int wake_up_state(struct task_struct *task, unsigned int states)
{
	uint32_t state = __atomic_fetch_or(&task->__state, 0, __ATOMIC_SEQ_CST);

	while (state & states)
		if (__atomic_compare_exchange_n(&task->__state, &state, TASK_RUNNING, false,
						__ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
			lc_futex_wake(&task->__state, 1);
			return 1;
		}
	return 0;
}

static inline int wake_up_process(struct task_struct *task)
{
	return wake_up_state(task, TASK_NORMAL);
}

/*
 * Sleep until woken, if the state is not TASK_RUNNING; which it is afterwards. False: nobody
 * woke the task until @deadline, nor did a timer that was due by then, which may be late.
 */
static inline bool lc_schedule(int64_t deadline)
{
	struct task_struct *task = current;
	uint32_t state;

	while ((state = __atomic_load_n(&task->__state, __ATOMIC_ACQUIRE)) != TASK_RUNNING) {
		int err;

		dmabuf_rcu_flush();
		err = lc_futex_wait(&task->__state, state, deadline);
		if (err == -ETIMEDOUT) {
			lc_timers_run_until(deadline);
			return __atomic_exchange_n(&task->__state, TASK_RUNNING,
						   __ATOMIC_ACQUIRE) == TASK_RUNNING;
		}
		if (err == -EINTR && (state & TASK_INTERRUPTIBLE)) {
			task->lc_signal = LC_SIGNAL_NEW;
			__set_current_state(TASK_RUNNING);
		}
	}
	return true;
}

static inline void schedule(void)
{
	lc_schedule(INT64_MAX);
}

/*
 * What is left of @timeout: at least 1 for who was woken, however late it notices, and 0 for
 * who was not. Without a sleep time passes all the same, so that no loop goes on for ever.
 */
static inline long schedule_timeout(long timeout)
{
	int64_t deadline, left;
	bool slept;

	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		schedule();
		return timeout;
	}
	if (WARN(timeout < 0, "schedule_timeout: %ld is negative", timeout)) {
		__set_current_state(TASK_RUNNING);
		return 0;
	}
	deadline = lc_deadline(timeout);
	slept = get_current_state() != TASK_RUNNING;
	if (!lc_schedule(deadline))
		return 0;
	left = deadline - lc_now();
	if (left > 0)
		return left;
	return slept || timeout > 1;
}

#endif
