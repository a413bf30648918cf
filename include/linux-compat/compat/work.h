/* SPDX-License-Identifier: MIT */
/*
 * The engine of linux/workqueue.h: queues, and the threads that each makes when work is
 * there and all of its threads are busy, up to max_active.
 *
 * A queued work is known by its ticket, which is never given twice: it is done when
 * neither the queue nor a worker has it. Nobody looks at a work after its function has
 * been called, which may free it.
 *
 * Locking: lc_works.lock guards all members, of all queues and of all works.
 */
#ifndef LINUX_COMPAT_WORK_H
#define LINUX_COMPAT_WORK_H

#include <compat/thread.h>
#include <linux/bug.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct workqueue_struct {
	char name[32];
	struct list_head entry;
	struct list_head queued, workers;
	unsigned int n_queued, n_workers, n_idle, max_active;
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
	struct mutex lock;
	struct list_head queues; /* but the system's */
	u64 tickets;
	uint32_t done; /* atomic: a work is done, or taken out */
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
	mutex_unlock(&lc_works.lock);
	dmabuf_rcu_flush();
	lc_futex_wait(&lc_works.done, seen, INT64_MAX);
	mutex_lock(&lc_works.lock);
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
	mutex_unlock(&lc_works.lock);
	func(work);
	mutex_lock(&lc_works.lock);
	worker->work = NULL;
	lc_work_done();
}

static inline void lc_worker_idle(struct workqueue_struct *queue)
{
	const uint32_t seen = __atomic_load_n(&queue->changed, __ATOMIC_RELAXED);

	queue->n_idle++;
	mutex_unlock(&lc_works.lock);
	dmabuf_rcu_flush();
	lc_futex_wait(&queue->changed, seen, INT64_MAX);
	mutex_lock(&lc_works.lock);
	queue->n_idle--;
}

static inline void *lc_worker_main(void *arg)
{
	struct lc_worker *worker = (struct lc_worker *)arg;
	struct workqueue_struct *queue = worker->queue;

	prctl(PR_SET_NAME, queue->name);
	mutex_lock(&lc_works.lock);
	for (;;) {
		struct work_struct *work = lc_work_pick(queue);

		if (work)
			lc_worker_run(worker, work);
		else if (queue->ends)
			break;
		else
			lc_worker_idle(queue);
	}
	mutex_unlock(&lc_works.lock);
	return NULL;
}

/* 0, or -ENOMEM or what pthread_create() says. */
static inline int lc_worker_add(struct workqueue_struct *queue)
{
	struct lc_worker *worker = (struct lc_worker *)calloc(1, sizeof(*worker));
	int err;

	if (!worker)
		return -ENOMEM;
	worker->queue = queue;
	err = lc_thread_create(&worker->thread, lc_worker_main, worker);
	if (err) {
		free(worker);
		return err;
	}
	list_add(&worker->entry, &queue->workers);
	queue->n_workers++;
	return 0;
}

/*
 * Put @work, which is marked as pending, into @queue; or, as in Linux, where it is running, so
 * that it does not run a second time meanwhile.
 */
static inline void lc_work_enqueue(struct workqueue_struct *queue, struct work_struct *work)
{
	struct workqueue_struct *before = lc_queue_of(work);

	if (before && lc_worker_of(before, work))
		queue = before;
	work->lc_queue = queue;
	work->lc_ticket = ++lc_works.tickets;
	list_add_tail(&work->entry, &queue->queued);
	queue->n_queued++;
	if (queue->n_queued > queue->n_idle && queue->n_workers < queue->max_active &&
	    lc_worker_add(queue) && !queue->n_workers)
		lc_bug(__FILE__, __LINE__, __func__, "no thread can be made for work");
	__atomic_fetch_add(&queue->changed, 1, __ATOMIC_RELEASE);
	lc_futex_wake(&queue->changed, 1);
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

static inline struct workqueue_struct *lc_queue_create(unsigned int max_active)
{
	struct workqueue_struct *queue = (struct workqueue_struct *)calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	INIT_LIST_HEAD(&queue->queued);
	INIT_LIST_HEAD(&queue->workers);
	queue->max_active = max_active;
	mutex_lock(&lc_works.lock);
	list_add(&queue->entry, &lc_works.queues);
	mutex_unlock(&lc_works.lock);
	return queue;
}

/* End the threads, when all work is done, and free the queue. */
static inline void lc_queue_destroy(struct workqueue_struct *queue)
{
	struct lc_worker *worker, *next;

	mutex_lock(&lc_works.lock);
	while (lc_queue_is_busy(queue, UINT64_MAX))
		lc_works_wait();
	queue->ends = true;
	list_del(&queue->entry);
	__atomic_fetch_add(&queue->changed, 1, __ATOMIC_RELEASE);
	mutex_unlock(&lc_works.lock);
	lc_futex_wake(&queue->changed, INT_MAX);
	list_for_each_entry_safe(worker, next, &queue->workers, entry) {
		pthread_join(worker->thread, NULL);
		free(worker);
	}
	free(queue);
}

#endif
