/* SPDX-License-Identifier: MIT */
/*
 * Work that other threads do (compat/work.h). As in Linux: a work runs at most once at a
 * time; a queue's first thread is there from the start. All system queues are one.
 */
#ifndef LINUX_COMPAT_WORKQUEUE_H
#define LINUX_COMPAT_WORKQUEUE_H

#include <compat/work.h>
#include <linux/timer.h>

struct delayed_work {
	struct work_struct work;
	struct timer_list timer;
	struct workqueue_struct *wq;
};

#define WQ_UNBOUND 0x2u
#define WQ_FREEZABLE 0x4u
#define WQ_MEM_RECLAIM 0x8u
#define WQ_HIGHPRI 0x10u
#define WQ_CPU_INTENSIVE 0x20u
#define WQ_SYSFS 0x40u
#define WQ_POWER_EFFICIENT 0x80u
#define WQ_PERCPU 0x100u
#define __WQ_ORDERED 0x20000u
#define WQ_MAX_ACTIVE 512
#define WQ_DFL_ACTIVE (WQ_MAX_ACTIVE / 2)
#define WORK_CPU_UNBOUND (-1)

#define system_wq (&lc_system_queue)
#define system_percpu_wq (&lc_system_queue)
#define system_highpri_wq (&lc_system_queue)
#define system_long_wq (&lc_system_queue)
#define system_unbound_wq (&lc_system_queue)
#define system_dfl_wq (&lc_system_queue)
#define system_freezable_wq (&lc_system_queue)
#define system_power_efficient_wq (&lc_system_queue)

#define __WORK_INITIALIZER(w, f) { .entry = LIST_HEAD_INIT((w).entry), .func = (f) }
#define DECLARE_WORK(w, f) struct work_struct w = __WORK_INITIALIZER(w, f)
#define __DELAYED_WORK_INITIALIZER(d, f) \
	{ \
		.work = __WORK_INITIALIZER((d).work, f), \
		.timer = __TIMER_INITIALIZER(delayed_work_timer_fn, 0), \
	}
#define DECLARE_DELAYED_WORK(d, f) struct delayed_work d = __DELAYED_WORK_INITIALIZER(d, f)

#define INIT_WORK(w, f) lc_init_work(w, f)
#define INIT_WORK_ONSTACK(w, f) lc_init_work(w, f)
#define INIT_DELAYED_WORK(d, f) lc_init_delayed_work(d, f)
#define INIT_DELAYED_WORK_ONSTACK(d, f) lc_init_delayed_work(d, f)
#define destroy_work_on_stack(work) ((void)(work))
#define destroy_delayed_work_on_stack(dwork) ((void)(dwork))

static inline void lc_init_work(struct work_struct *work, work_func_t func)
{
	memset(work, 0, sizeof(*work));
	INIT_LIST_HEAD(&work->entry);
	work->func = func;
}

static inline struct delayed_work *to_delayed_work(struct work_struct *work)
{
	return container_of(work, struct delayed_work, work);
}

/* The delay has passed. */
static inline void delayed_work_timer_fn(struct timer_list *timer)
{
	struct delayed_work *dwork = from_timer(dwork, timer, timer);

	lc_lock_take(&lc_works.lock);
	lc_works_unlock(lc_work_enqueue(dwork->wq, &dwork->work));
}

static inline void lc_init_delayed_work(struct delayed_work *dwork, work_func_t func)
{
	lc_init_work(&dwork->work, func);
	timer_setup(&dwork->timer, delayed_work_timer_fn, 0);
	dwork->wq = NULL;
}

#define work_pending(work) (READ_ONCE((work)->lc_pending) != 0)
#define delayed_work_pending(dwork) work_pending(&(dwork)->work)

static inline void destroy_workqueue(struct workqueue_struct *wq)
{
	lc_queue_destroy(wq);
}

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...);

/* NULL: no memory, or no thread. @max_active 0: WQ_DFL_ACTIVE. */
LC_SHARED struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags,
						   int max_active, ...)
{
	struct workqueue_struct *wq =
		lc_queue_create(max_active > 0 ? (unsigned int)max_active : WQ_DFL_ACTIVE);
	va_list args;

	(void)flags;
	dmabuf_might_sleep();
	if (!wq)
		return NULL;
	va_start(args, max_active);
	lc_vsnprintf(wq->name, sizeof(wq->name), fmt, args);
	va_end(args);
	if (!lc_worker_start(wq))
		return wq;
	destroy_workqueue(wq);
	return NULL;
}

#define alloc_ordered_workqueue(fmt, flags, args...) \
	alloc_workqueue(fmt, __WQ_ORDERED | (flags), 1, ##args)
#define create_workqueue(name) alloc_workqueue("%s", WQ_MEM_RECLAIM, 1, name)
#define create_singlethread_workqueue(name) alloc_ordered_workqueue("%s", WQ_MEM_RECLAIM, name)

/* Mark @work as pending. False: it was, or somebody does not want it queued. Lock held. */
static inline bool lc_work_claim(struct work_struct *work)
{
	if (work_pending(work) || work->lc_disabled)
		return false;
	WRITE_ONCE(work->lc_pending, 1);
	return true;
}

/* False: it was pending already. */
static inline bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	struct workqueue_struct *lacks_thread = NULL;
	bool claimed;

	lc_lock_take(&lc_works.lock);
	claimed = lc_work_claim(work);
	if (claimed)
		lacks_thread = lc_work_enqueue(wq, work);
	lc_works_unlock(lacks_thread);
	return claimed;
}

#define queue_work_on(cpu, wq, work) ((void)(cpu), queue_work(wq, work))
#define queue_work_node(node, wq, work) ((void)(node), queue_work(wq, work))
#define schedule_work(work) queue_work(system_wq, work)
#define schedule_work_on(cpu, work) queue_work_on(cpu, system_wq, work)

static inline bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
				      unsigned long delay)
{
	struct workqueue_struct *lacks_thread = NULL;
	bool claimed;

	if (delay)
		lc_timers_begin(); /* not by mod_timer(), under the lock */
	lc_lock_take(&lc_works.lock);
	claimed = lc_work_claim(&dwork->work);
	if (claimed) {
		dwork->wq = wq;
		if (delay)
			mod_timer(&dwork->timer, jiffies + delay);
		else
			lacks_thread = lc_work_enqueue(wq, &dwork->work);
	}
	lc_works_unlock(lacks_thread);
	return claimed;
}

#define queue_delayed_work_on(cpu, wq, dwork, delay) \
	((void)(cpu), queue_delayed_work(wq, dwork, delay))
#define schedule_delayed_work(dwork, delay) queue_delayed_work(system_wq, dwork, delay)
#define schedule_delayed_work_on(cpu, dwork, delay) \
	queue_delayed_work_on(cpu, system_wq, dwork, delay)

/* True: it was pending, and is not any more. It may be running. */
static inline bool cancel_work(struct work_struct *work)
{
	bool was;

	lc_lock_take(&lc_works.lock);
	was = !list_empty(&work->entry);
	if (was) {
		lc_work_unqueue(work);
		lc_work_done();
	}
	lc_lock_drop(&lc_works.lock);
	return was;
}

/* The delay is over, or the timer's thread is about to queue the work. */
static inline bool cancel_delayed_work(struct delayed_work *dwork)
{
	if (!del_timer_sync(&dwork->timer))
		return cancel_work(&dwork->work);
	__atomic_store_n(&dwork->work.lc_pending, 0, __ATOMIC_RELEASE);
	return true;
}

static inline void lc_work_disable(struct work_struct *work, int by)
{
	lc_lock_take(&lc_works.lock);
	work->lc_disabled += (unsigned int)by;
	lc_lock_drop(&lc_works.lock);
}

static inline void lc_work_end(struct work_struct *work)
{
	dmabuf_might_sleep();
	lc_lock_take(&lc_works.lock);
	lc_work_wait_idle(work);
	lc_lock_drop(&lc_works.lock);
}

/* From now on nobody can queue it; it is neither pending nor running afterwards. */
static inline bool disable_work_sync(struct work_struct *work)
{
	bool was;

	lc_work_disable(work, 1);
	was = cancel_work(work);
	lc_work_end(work);
	return was;
}

static inline bool disable_delayed_work_sync(struct delayed_work *dwork)
{
	bool was;

	lc_work_disable(&dwork->work, 1);
	was = cancel_delayed_work(dwork);
	lc_work_end(&dwork->work);
	return was;
}

static inline bool disable_work(struct work_struct *work)
{
	lc_work_disable(work, 1);
	return cancel_work(work);
}

/* True: it can be queued again. */
static inline bool enable_work(struct work_struct *work)
{
	lc_work_disable(work, -1);
	return !READ_ONCE(work->lc_disabled);
}

#define enable_delayed_work(dwork) enable_work(&(dwork)->work)

/* Not from inside the work. What the work queues of itself meanwhile is refused. */
static inline bool cancel_work_sync(struct work_struct *work)
{
	const bool was = disable_work_sync(work);

	enable_work(work);
	return was;
}

static inline bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	const bool was = disable_delayed_work_sync(dwork);

	enable_delayed_work(dwork);
	return was;
}

/* True: it was pending, and now has another delay. */
static inline bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork,
				    unsigned long delay)
{
	const bool was = cancel_delayed_work(dwork);

	queue_delayed_work(wq, dwork, delay);
	return was;
}

#define mod_delayed_work_on(cpu, wq, dwork, delay) ((void)(cpu), mod_delayed_work(wq, dwork, delay))

/* True: it waited. */
static inline bool flush_work(struct work_struct *work)
{
	bool waited;

	dmabuf_might_sleep();
	lc_lock_take(&lc_works.lock);
	waited = lc_work_flush(work);
	lc_lock_drop(&lc_works.lock);
	return waited;
}

/* The delay ends now. */
static inline bool flush_delayed_work(struct delayed_work *dwork)
{
	if (del_timer_sync(&dwork->timer))
		delayed_work_timer_fn(&dwork->timer);
	return flush_work(&dwork->work);
}

/* What was queued before the call is done afterwards. */
static inline void flush_workqueue(struct workqueue_struct *wq)
{
	u64 last;

	dmabuf_might_sleep();
	lc_lock_take(&lc_works.lock);
	last = lc_works.tickets;
	while (lc_queue_is_busy(wq, last))
		lc_works_wait();
	lc_lock_drop(&lc_works.lock);
}

/* And what that queued in its turn. */
static inline void drain_workqueue(struct workqueue_struct *wq)
{
	dmabuf_might_sleep();
	lc_lock_take(&lc_works.lock);
	while (lc_queue_is_busy(wq, UINT64_MAX))
		lc_works_wait();
	lc_lock_drop(&lc_works.lock);
}

#define flush_scheduled_work() flush_workqueue(system_wq)

#define WORK_BUSY_PENDING 1u
#define WORK_BUSY_RUNNING 2u

static inline unsigned int work_busy(struct work_struct *work)
{
	unsigned int busy = work_pending(work) ? WORK_BUSY_PENDING : 0;

	lc_lock_take(&lc_works.lock);
	if (lc_queue_of(work) && lc_worker_of(lc_queue_of(work), work))
		busy |= WORK_BUSY_RUNNING;
	lc_lock_drop(&lc_works.lock);
	return busy;
}

#include <compat/common.h>

#endif
