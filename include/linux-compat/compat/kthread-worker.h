/* SPDX-License-Identifier: MIT */
/*
 * Workers: kthreads that do works one after the other, in the order queued. The second
 * half of linux/kthread.h.
 *
 * A queued work is known by its ticket. Nobody looks at a work after its function has been
 * called, which may free it.
 */
#ifndef LINUX_COMPAT_KTHREAD_WORKER_H
#define LINUX_COMPAT_KTHREAD_WORKER_H

#include <compat/kthread.h>
#include <linux/timer.h>

struct kthread_work;
typedef void (*kthread_work_func_t)(struct kthread_work *work);

/* All but flags under lock. */
struct kthread_worker {
	unsigned int flags;
	spinlock_t lock;
	struct list_head work_list, delayed_work_list;
	struct task_struct *task;
	struct kthread_work *current_work; /* only compared */
	u64 lc_tickets, lc_current_ticket;
	struct wait_queue_head lc_done; /* woken when a work is done, or taken out */
};

/* All but func under the worker's lock. */
struct kthread_work {
	struct list_head node; /* in one of the worker's lists, or alone */
	kthread_work_func_t func;
	struct kthread_worker *worker; /* that it was queued on last */
	int canceling;                 /* nobody may queue it */
	u64 lc_ticket;
};

struct kthread_delayed_work {
	struct kthread_work work;
	struct timer_list timer;
};

#define KTW_FREEZABLE 1u

#define KTHREAD_WORK_INIT(work, fn) { .node = LIST_HEAD_INIT((work).node), .func = (fn) }
#define DEFINE_KTHREAD_WORK(work, fn) struct kthread_work work = KTHREAD_WORK_INIT(work, fn)

static inline void kthread_init_work(struct kthread_work *work, kthread_work_func_t func)
{
	memset(work, 0, sizeof(*work));
	INIT_LIST_HEAD(&work->node);
	work->func = func;
}

static inline void kthread_init_worker(struct kthread_worker *worker)
{
	memset(worker, 0, sizeof(*worker));
	spin_lock_init(&worker->lock);
	INIT_LIST_HEAD(&worker->work_list);
	INIT_LIST_HEAD(&worker->delayed_work_list);
	init_waitqueue_head(&worker->lc_done);
}

/* Take the next work, and with it say that the one before is done. */
static inline struct kthread_work *lc_kthread_work_next(struct kthread_worker *worker)
{
	struct kthread_work *work;
	bool was_busy;

	spin_lock(&worker->lock);
	was_busy = worker->current_work;
	work = list_first_entry_or_null(&worker->work_list, struct kthread_work, node);
	worker->current_work = work;
	if (work) {
		list_del_init(&work->node);
		worker->lc_current_ticket = work->lc_ticket;
	}
	spin_unlock(&worker->lock);
	if (was_busy)
		wake_up_all(&worker->lc_done);
	return work;
}

/* The function of a worker's thread, also for those who make the thread themselves. */
static inline int kthread_worker_fn(void *data)
{
	struct kthread_worker *worker = (struct kthread_worker *)data;

	spin_lock(&worker->lock);
	worker->task = current;
	spin_unlock(&worker->lock);
	for (;;) {
		struct kthread_work *work;

		set_current_state(TASK_INTERRUPTIBLE);
		work = lc_kthread_work_next(worker);
		if (work || kthread_should_stop())
			__set_current_state(TASK_RUNNING);
		if (work)
			work->func(work);
		else if (kthread_should_stop())
			return 0;
		else
			schedule();
	}
}

struct kthread_worker *kthread_create_worker(unsigned int flags, const char *fmt, ...);

/* A new worker, which works at once; or an error pointer. */
LC_SHARED struct kthread_worker *kthread_create_worker(unsigned int flags, const char *fmt, ...)
{
	struct kthread_worker *worker = (struct kthread_worker *)malloc(sizeof(*worker));
	struct task_struct *task;
	va_list args;

	if (!worker)
		return (struct kthread_worker *)ERR_PTR(-ENOMEM);
	kthread_init_worker(worker);
	worker->flags = flags;
	va_start(args, fmt);
	task = lc_kthread_create(kthread_worker_fn, worker, fmt, args);
	va_end(args);
	if (IS_ERR(task)) {
		free(worker);
		return (struct kthread_worker *)ERR_CAST(task);
	}
	worker->task = task;
	wake_up_process(task);
	return worker;
}

#define kthread_run_worker(flags, fmt, args...) kthread_create_worker(flags, fmt, ##args)
#define kthread_create_worker_on_cpu(cpu, flags, fmt, args...) \
	((void)(cpu), kthread_create_worker(flags, fmt, ##args))

/* Lock held. */
static inline void lc_kthread_work_insert(struct kthread_worker *worker, struct kthread_work *work)
{
	work->worker = worker;
	work->lc_ticket = ++worker->lc_tickets;
	list_add_tail(&work->node, &worker->work_list);
	if (worker->task)
		wake_up_process(worker->task);
}

static inline bool lc_kthread_work_is_blocked(struct kthread_work *work)
{
	return !list_empty(&work->node) || work->canceling;
}

/* False: it was queued already. */
static inline bool kthread_queue_work(struct kthread_worker *worker, struct kthread_work *work)
{
	bool queued;

	spin_lock(&worker->lock);
	queued = !lc_kthread_work_is_blocked(work);
	if (queued)
		lc_kthread_work_insert(worker, work);
	spin_unlock(&worker->lock);
	return queued;
}

/* Is it queued, or running? */
static inline bool lc_kthread_ticket_is_open(struct kthread_worker *worker, u64 ticket)
{
	bool open;
	struct kthread_work *work;

	spin_lock(&worker->lock);
	open = worker->current_work && worker->lc_current_ticket == ticket;
	list_for_each_entry(work, &worker->work_list, node)
		open |= work->lc_ticket == ticket;
	spin_unlock(&worker->lock);
	return open;
}

/* Wait for the instance of @work that was queued last. */
static inline void kthread_flush_work(struct kthread_work *work)
{
	struct kthread_worker *worker = work->worker;
	u64 ticket;

	if (!worker)
		return;
	spin_lock(&worker->lock);
	ticket = work->lc_ticket;
	spin_unlock(&worker->lock);
	wait_event(worker->lc_done, !lc_kthread_ticket_is_open(worker, ticket));
}

static inline void lc_kthread_nothing(struct kthread_work *work)
{
	(void)work;
}

/* A work behind all others is done when they are. */
static inline void kthread_flush_worker(struct kthread_worker *worker)
{
	struct kthread_work last = KTHREAD_WORK_INIT(last, lc_kthread_nothing);

	kthread_queue_work(worker, &last);
	kthread_flush_work(&last);
}

static inline bool lc_kthread_is_running(struct kthread_worker *worker, struct kthread_work *work)
{
	bool running;

	spin_lock(&worker->lock);
	running = worker->current_work == work;
	spin_unlock(&worker->lock);
	return running;
}

/* True: it was queued. Afterwards it is neither queued nor running. */
static inline bool kthread_cancel_work_sync(struct kthread_work *work)
{
	struct kthread_worker *worker = work->worker;
	bool was;

	if (!worker)
		return false;
	spin_lock(&worker->lock);
	was = !list_empty(&work->node);
	list_del_init(&work->node);
	work->canceling++;
	spin_unlock(&worker->lock);
	wake_up_all(&worker->lc_done);
	wait_event(worker->lc_done, !lc_kthread_is_running(worker, work));
	spin_lock(&worker->lock);
	work->canceling--;
	spin_unlock(&worker->lock);
	return was;
}

/* When all works are done, and those that they queue. */
static inline void kthread_destroy_worker(struct kthread_worker *worker)
{
	kthread_flush_worker(worker);
	kthread_stop(worker->task);
	WARN(!list_empty(&worker->delayed_work_list), "a delayed work is left");
	free(worker);
}

/* The delay has passed, unless somebody took the work out meanwhile. */
static inline void kthread_delayed_work_timer_fn(struct timer_list *timer)
{
	struct kthread_delayed_work *dwork = from_timer(dwork, timer, timer);
	struct kthread_worker *worker = dwork->work.worker;

	spin_lock(&worker->lock);
	if (!list_empty(&dwork->work.node)) {
		list_del_init(&dwork->work.node);
		lc_kthread_work_insert(worker, &dwork->work);
	}
	spin_unlock(&worker->lock);
}

static inline void kthread_init_delayed_work(struct kthread_delayed_work *dwork,
					     kthread_work_func_t func)
{
	kthread_init_work(&dwork->work, func);
	timer_setup(&dwork->timer, kthread_delayed_work_timer_fn, 0);
}

static inline bool kthread_queue_delayed_work(struct kthread_worker *worker,
					      struct kthread_delayed_work *dwork,
					      unsigned long delay)
{
	bool queued;

	lc_timers_begin();
	spin_lock(&worker->lock);
	queued = !lc_kthread_work_is_blocked(&dwork->work);
	if (queued && delay) {
		dwork->work.worker = worker;
		list_add_tail(&dwork->work.node, &worker->delayed_work_list);
		mod_timer(&dwork->timer, jiffies + delay);
	} else if (queued) {
		lc_kthread_work_insert(worker, &dwork->work);
	}
	spin_unlock(&worker->lock);
	return queued;
}

static inline bool kthread_cancel_delayed_work_sync(struct kthread_delayed_work *dwork)
{
	if (!dwork->work.worker)
		return false;
	del_timer_sync(&dwork->timer);
	return kthread_cancel_work_sync(&dwork->work);
}

/* True: it was queued, and now has another delay. */
static inline bool kthread_mod_delayed_work(struct kthread_worker *worker,
					    struct kthread_delayed_work *dwork, unsigned long delay)
{
	bool was;

	del_timer_sync(&dwork->timer);
	spin_lock(&worker->lock);
	was = !list_empty(&dwork->work.node);
	list_del_init(&dwork->work.node);
	spin_unlock(&worker->lock);
	kthread_queue_delayed_work(worker, dwork, delay);
	return was;
}

#endif
