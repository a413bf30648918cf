/* SPDX-License-Identifier: MIT */
/*
 * The engine of linux/workqueue.h: queues, and the threads that each makes when work is
 * there and all of its threads are busy, up to max_active.
 *
 * A queued work is known by its ticket, which is never given twice: it is done when
 * neither the queue nor a worker has it. Nobody looks at a work after its function has
 * been called, which may free it.
 *
 * Locking: lc_works.lock guards all members, of all queues and of all works, but who makes a
 * worker has that to itself until the queue's n_starting falls. lc_timers.lock may be taken
 * inside of it. Queueing and cancelling is for any context; the others say that they sleep.
 */
#ifndef LINUX_COMPAT_WORK_H
#define LINUX_COMPAT_WORK_H

#include <compat/lock.h>
#include <compat/thread.h>
#include <linux/bug.h>
#include <linux/list.h>
#include <linux/sched.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct workqueue_struct {
	char name[32];
	struct list_head entry;
	struct list_head queued, workers;
	unsigned int n_queued, n_idle, max_active;
	unsigned int n_workers, n_starting; /* those that are being made count as both */
	bool ends;
	uint32_t changed; /* atomic: a worker should look */
};

struct work_struct {
	struct list_head entry;
	work_func_t func;
	struct workqueue_struct *lc_queue; /* where it was queued last: see lc_queue_of() */
	u64 lc_ticket;
	uint32_t lc_pending;      /* atomic: queued, or its delay is running */
	unsigned int lc_disabled; /* how many do not want it to be queued */
};

struct lc_worker {
	struct list_head entry;
	pthread_t thread;
	struct workqueue_struct *queue;
	struct work_struct *work; /* running: only compared */
	u64 ticket;
};

struct lc_works {
	struct lc_lock lock;
	struct list_head queues; /* but the system's */
	u64 tickets;
	uint32_t done; /* atomic: a work is done, or taken out; a worker is made */
	unsigned int waiters;
};
LC_SHARED struct lc_works lc_works = { .queues = LIST_HEAD_INIT(lc_works.queues) };

LC_SHARED struct workqueue_struct lc_system_queue = {
	.name = "events",
	.queued = LIST_HEAD_INIT(lc_system_queue.queued),
	.workers = LIST_HEAD_INIT(lc_system_queue.workers),
	.max_active = 256,
};

static inline struct lc_worker *lc_worker_of(struct workqueue_struct *queue,
					     struct work_struct *work)
{
	struct lc_worker *worker;

	list_for_each_entry(worker, &queue->workers, entry)
		if (worker->work == work)
			return worker;
	return NULL;
}

/* Where @work was queued last; NULL: nowhere, or that is gone, and the work is done. */
static inline struct workqueue_struct *lc_queue_of(struct work_struct *work)
{
	struct workqueue_struct *queue;

	if (work->lc_queue == &lc_system_queue)
		return work->lc_queue;
	list_for_each_entry(queue, &lc_works.queues, entry)
		if (queue == work->lc_queue)
			return queue;
	return NULL;
}

/* The first work that does not run at the moment. */
static inline struct work_struct *lc_work_pick(struct workqueue_struct *queue)
{
	struct work_struct *work;

	list_for_each_entry(work, &queue->queued, entry)
		if (!lc_worker_of(queue, work))
			return work;
	return NULL;
}

/* Wake those who may have waited for this. */
static inline void lc_work_done(void)
{
	__atomic_fetch_add(&lc_works.done, 1, __ATOMIC_RELEASE);
	if (lc_works.waiters)
		lc_futex_wake(&lc_works.done, INT_MAX);
}

/* Wait until some work is done. */
static inline void lc_works_wait(void)
{
	const uint32_t seen = __atomic_load_n(&lc_works.done, __ATOMIC_RELAXED);

	lc_works.waiters++;
	lc_lock_drop(&lc_works.lock);
	dmabuf_rcu_flush();
	lc_futex_wait(&lc_works.done, seen, INT64_MAX);
	lc_lock_take(&lc_works.lock);
	lc_works.waiters--;
}

static inline void lc_work_unqueue(struct work_struct *work)
{
	list_del_init(&work->entry);
	__atomic_store_n(&work->lc_pending, 0, __ATOMIC_RELEASE);
	work->lc_queue->n_queued--;
}

static inline void lc_worker_run(struct lc_worker *worker, struct work_struct *work)
{
	const work_func_t func = work->func;

	worker->work = work;
	worker->ticket = work->lc_ticket;
	lc_work_unqueue(work);
	lc_lock_drop(&lc_works.lock);
	func(work);
	lc_lock_take(&lc_works.lock);
	worker->work = NULL;
	lc_work_done();
}

static inline void lc_worker_idle(struct workqueue_struct *queue)
{
	const uint32_t seen = __atomic_load_n(&queue->changed, __ATOMIC_RELAXED);

	queue->n_idle++;
	lc_lock_drop(&lc_works.lock);
	dmabuf_rcu_flush();
	lc_futex_wait(&queue->changed, seen, INT64_MAX);
	lc_lock_take(&lc_works.lock);
	queue->n_idle--;
}

static inline void *lc_worker_main(void *arg)
{
	struct lc_worker *worker = (struct lc_worker *)arg;
	struct workqueue_struct *queue = worker->queue;

	prctl(PR_SET_NAME, queue->name);
	lc_lock_take(&lc_works.lock);
	for (;;) {
		struct work_struct *work = lc_work_pick(queue);

		if (work)
			lc_worker_run(worker, work);
		else if (queue->ends)
			break;
		else
			lc_worker_idle(queue);
	}
	lc_lock_drop(&lc_works.lock);
	return NULL;
}

/*
 * Make the thread of @queue that its n_workers and n_starting count already, until when nobody
 * frees @queue. Without the lock. 0, or -ENOMEM or what pthread_create() says.
 */
static inline int lc_worker_start(struct workqueue_struct *queue)
{
	struct lc_worker *worker = (struct lc_worker *)calloc(1, sizeof(*worker));
	int err = -ENOMEM;
	bool stuck;

	if (worker) {
		worker->queue = queue;
		lc_lock_take(&lc_works.lock);
		list_add(&worker->entry, &queue->workers);
		lc_lock_drop(&lc_works.lock);
		err = lc_thread_create(&worker->thread, lc_worker_main, worker);
	}
	lc_lock_take(&lc_works.lock);
	if (err && worker)
		list_del(&worker->entry);
	if (err)
		queue->n_workers--;
	stuck = queue->n_queued && !queue->n_workers;
	queue->n_starting--;
	lc_work_done();
	lc_lock_drop(&lc_works.lock);
	if (stuck)
		lc_bug(__FILE__, __LINE__, __func__, "no thread can be made for work");
	if (err)
		free(worker);
	return err;
}

/*
 * Put @work, which is marked as pending, into @queue; or, as in Linux, where it is running, so
 * that it does not run a second time meanwhile. The queue that lacks a thread for it, or NULL:
 * it is for lc_works_unlock().
 */
static inline struct workqueue_struct *lc_work_enqueue(struct workqueue_struct *queue,
						       struct work_struct *work)
{
	struct workqueue_struct *before = lc_queue_of(work);

	if (before && lc_worker_of(before, work))
		queue = before;
	work->lc_queue = queue;
	work->lc_ticket = ++lc_works.tickets;
	list_add_tail(&work->entry, &queue->queued);
	queue->n_queued++;
	__atomic_fetch_add(&queue->changed, 1, __ATOMIC_RELEASE);
	lc_futex_wake(&queue->changed, 1);
	if (queue->n_queued <= queue->n_idle || queue->n_workers >= queue->max_active)
		return NULL;
	queue->n_workers++;
	queue->n_starting++;
	return queue;
}

/* Drop the lock; then make the thread that @lacks_thread lacks, unless that is NULL. */
static inline void lc_works_unlock(struct workqueue_struct *lacks_thread)
{
	lc_lock_drop(&lc_works.lock);
	if (lacks_thread)
		lc_worker_start(lacks_thread);
}

/* Is it queued, or running? */
static inline bool lc_ticket_is_open(struct workqueue_struct *queue, u64 ticket)
{
	struct work_struct *work;
	struct lc_worker *worker;

	list_for_each_entry(work, &queue->queued, entry)
		if (work->lc_ticket == ticket)
			return true;
	list_for_each_entry(worker, &queue->workers, entry)
		if (worker->work && worker->ticket == ticket)
			return true;
	return false;
}

/* Is anything of @queue queued or running whose ticket is not above @last? */
static inline bool lc_queue_is_busy(struct workqueue_struct *queue, u64 last)
{
	struct lc_worker *worker;

	if (!list_empty(&queue->queued) &&
	    list_first_entry(&queue->queued, struct work_struct, entry)->lc_ticket <= last)
		return true;
	list_for_each_entry(worker, &queue->workers, entry)
		if (worker->work && worker->ticket <= last)
			return true;
	return false;
}

/* Wait for the instance of @work that was queued last, if it is not done. */
static inline bool lc_work_flush(struct work_struct *work)
{
	struct workqueue_struct *queue = lc_queue_of(work);
	const u64 ticket = work->lc_ticket;

	if (!queue || !lc_ticket_is_open(queue, ticket))
		return false;
	do
		lc_works_wait();
	while (lc_ticket_is_open(queue, ticket));
	return true;
}

/* Wait until no worker runs @work; not from inside it. */
static inline void lc_work_wait_idle(struct work_struct *work)
{
	struct workqueue_struct *queue = lc_queue_of(work);

	while (queue && lc_worker_of(queue, work))
		lc_works_wait();
}

/* Its first worker is for lc_worker_start(). */
static inline struct workqueue_struct *lc_queue_create(unsigned int max_active)
{
	struct workqueue_struct *queue = (struct workqueue_struct *)calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	INIT_LIST_HEAD(&queue->queued);
	INIT_LIST_HEAD(&queue->workers);
	queue->max_active = max_active;
	queue->n_workers = queue->n_starting = 1;
	lc_lock_take(&lc_works.lock);
	list_add(&queue->entry, &lc_works.queues);
	lc_lock_drop(&lc_works.lock);
	return queue;
}

/* End the threads, when all work is done, and free the queue. */
static inline void lc_queue_destroy(struct workqueue_struct *queue)
{
	struct lc_worker *worker, *next;

	dmabuf_might_sleep();
	lc_lock_take(&lc_works.lock);
	while (lc_queue_is_busy(queue, UINT64_MAX) || queue->n_starting)
		lc_works_wait();
	queue->ends = true;
	list_del(&queue->entry);
	__atomic_fetch_add(&queue->changed, 1, __ATOMIC_RELEASE);
	lc_lock_drop(&lc_works.lock);
	lc_futex_wake(&queue->changed, INT_MAX);
	list_for_each_entry_safe(worker, next, &queue->workers, entry) {
		pthread_join(worker->thread, NULL);
		free(worker);
	}
	free(queue);
}

#endif
