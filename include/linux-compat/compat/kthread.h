/* SPDX-License-Identifier: MIT */
/* kthreads: the first half of linux/kthread.h. */
#ifndef LINUX_COMPAT_KTHREAD_THREAD_H
#define LINUX_COMPAT_KTHREAD_THREAD_H

#include <compat/format.h>
#include <compat/thread.h>
#include <linux/completion.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#define LC_SHOULD_STOP 1ul
#define LC_SHOULD_PARK 2ul

#define NUMA_NO_NODE (-1)

/* How far a new thread is: 1: it waits to be woken, 2: its function begins. */
static inline void lc_kthread_reach(struct task_struct *task, uint32_t stage)
{
	__atomic_store_n(&task->lc_begun, stage, __ATOMIC_RELEASE);
	lc_futex_wake(&task->lc_begun, 1);
}

static inline void lc_kthread_wait(struct task_struct *task, uint32_t stage)
{
	uint32_t now;

	while ((now = __atomic_load_n(&task->lc_begun, __ATOMIC_ACQUIRE)) < stage)
		lc_futex_wait(&task->lc_begun, now, INT64_MAX);
}

static inline void lc_kthread_put_late(struct rcu_head *rcu)
{
	put_task_struct(container_of(rcu, struct task_struct, lc_rcu));
}

/* As in Linux, who made the thread may be late in taking a reference by a grace period. */
static inline void lc_kthread_ends(struct task_struct *task)
{
	__atomic_fetch_or(&task->flags, PF_EXITING, __ATOMIC_RELAXED);
	get_task_struct(task);
	call_rcu(&task->lc_rcu, lc_kthread_put_late);
}

static inline void *lc_kthread_main(void *arg)
{
	struct task_struct *task = arg;

	lc_task_adopt(task);
	prctl(PR_SET_NAME, task->comm);
	lc_kthread_reach(task, 1);
	schedule();
	if (!(__atomic_load_n(&task->lc_kthread_flags, __ATOMIC_ACQUIRE) & LC_SHOULD_STOP)) {
		lc_kthread_reach(task, 2);
		task->lc_result = task->lc_func(task->lc_data);
	}
	lc_kthread_ends(task);
	return NULL;
}

struct task_struct *lc_kthread_create(int (*func)(void *data), void *data, const char *fmt,
				      va_list args);

LC_SHARED struct task_struct *lc_kthread_create(int (*func)(void *data), void *data,
						const char *fmt, va_list args)
{
	struct task_struct *task = lc_task_alloc();

	if (!task)
		return ERR_PTR(-ENOMEM);
	lc_vsnprintf(task->comm, sizeof(task->comm), fmt, args);
	task->__state = TASK_UNINTERRUPTIBLE;
	task->flags = PF_KTHREAD;
	task->lc_func = func;
	task->lc_data = data;
	task->lc_result = -EINTR;
	if (lc_thread_create(&task->lc_thread, lc_kthread_main, task)) {
		free(task);
		return ERR_PTR(-ENOMEM);
	}
	lc_kthread_wait(task, 1);
	return task;
}

static inline struct task_struct *kthread_create_on_node(int (*func)(void *data), void *data,
							 int node, const char *fmt, ...)
{
	struct task_struct *task;
	va_list args;

	(void)node;
	va_start(args, fmt);
	task = lc_kthread_create(func, data, fmt, args);
	va_end(args);
	return task;
}

/*
 * Wake a new thread. Who starts one and soon after stops it expects it to have run, though
 * Linux promises no more than we could: so the function has begun when this returns. The
 * task may be gone then, if the function returned: it is held meanwhile.
 */
static inline void lc_kthread_begin(struct task_struct *task)
{
	get_task_struct(task);
	wake_up_process(task);
	lc_kthread_wait(task, 2);
	put_task_struct(task);
}

#define kthread_create(func, data, fmt, ...) \
	kthread_create_on_node(func, data, NUMA_NO_NODE, fmt, ##__VA_ARGS__)
#define kthread_run(func, data, fmt, ...) \
	({ \
		struct task_struct *lc_new = kthread_create(func, data, fmt, ##__VA_ARGS__); \
		if (!IS_ERR(lc_new)) \
			lc_kthread_begin(lc_new); \
		lc_new; \
	})
#define kthread_bind(task, cpu) ((void)(task))

static inline bool lc_kthread_should(unsigned long flag)
{
	return __atomic_load_n(&current->lc_kthread_flags, __ATOMIC_ACQUIRE) & flag;
}

static inline bool kthread_should_stop(void)
{
	return lc_kthread_should(LC_SHOULD_STOP);
}

static inline bool kthread_should_park(void)
{
	return lc_kthread_should(LC_SHOULD_PARK);
}

/* Sleep for as long as kthread_park() has asked for that. */
static inline void kthread_parkme(void)
{
	struct task_struct *task = current;

	for (;;) {
		set_current_state(TASK_PARKED);
		if (!kthread_should_park())
			break;
		__atomic_store_n(&task->lc_parked, 1, __ATOMIC_RELEASE);
		lc_futex_wake(&task->lc_parked, INT_MAX);
		schedule();
	}
	__atomic_store_n(&task->lc_parked, 0, __ATOMIC_RELEASE);
	__set_current_state(TASK_RUNNING);
}

static inline void kthread_unpark(struct task_struct *task)
{
	__atomic_fetch_and(&task->lc_kthread_flags, ~LC_SHOULD_PARK, __ATOMIC_SEQ_CST);
	wake_up_state(task, TASK_PARKED);
}

/* Returns when @task has parked, which it does by itself: 0. */
static inline int kthread_park(struct task_struct *task)
{
	__atomic_fetch_or(&task->lc_kthread_flags, LC_SHOULD_PARK, __ATOMIC_SEQ_CST);
	wake_up_process(task);
	while (!__atomic_load_n(&task->lc_parked, __ATOMIC_ACQUIRE))
		lc_futex_wait(&task->lc_parked, 0, INT64_MAX);
	return 0;
}

/*
 * What the thread's function returned; -EINTR if it never began. Returns when the
 * thread is gone for good, with what it deferred by call_rcu() handed on. If the
 * function can return before that, the caller must have a reference of @task.
 */
static inline int kthread_stop(struct task_struct *task)
{
	int result;

	get_task_struct(task);
	__atomic_fetch_or(&task->lc_kthread_flags, LC_SHOULD_STOP, __ATOMIC_SEQ_CST);
	kthread_unpark(task);
	wake_up_process(task);
	pthread_join(task->lc_thread, NULL);
	task->lc_joined = true;
	result = task->lc_result;
	put_task_struct(task);
	return result;
}

static inline int kthread_stop_put(struct task_struct *task)
{
	const int result = kthread_stop(task);

	put_task_struct(task);
	return result;
}

static inline void *kthread_data(struct task_struct *task)
{
	return task->lc_data;
}

static inline void __noreturn kthread_exit(long result)
{
	current->lc_result = (int)result;
	lc_kthread_ends(current);
	pthread_exit(NULL);
}

static inline void __noreturn kthread_complete_and_exit(struct completion *done, long result)
{
	if (done)
		complete(done);
	kthread_exit(result);
}

#endif
