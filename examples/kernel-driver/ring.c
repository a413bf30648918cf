/* SPDX-License-Identifier: MIT */
/*
 * The ring's thread takes the oldest job, waits until that is ready, and runs it. A job gets
 * ready without anybody waiting: a callback on one dependency after the other queues work,
 * since in a callback the fence's lock is held.
 *
 * Arming puts a job into the ring, with the next number. So the fences of a ring signal in
 * order, whichever job is pushed or ready first. What a job depends on was armed before it, and
 * nobody waits in a circle.
 *
 * Timeouts: whoever moves the state of a job away from JOB_RUNNING signals its fence. The
 * thread does so when run() returns. The timeout does so first, then waits for the thread to
 * stop: memory that the job uses must not be touched after the signal.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "ring.h"

static struct ring_job *to_job(struct dma_fence *fence)
{
	return container_of(fence, struct ring_job, fence);
}

static const char *ring_driver_name(struct dma_fence *fence)
{
	return "blit";
}

static const char *ring_timeline_name(struct dma_fence *fence)
{
	return to_job(fence)->timeline->name;
}

static void ring_timeline_release(struct kref *kref)
{
	kfree_rcu(container_of(kref, struct ring_timeline, kref), rcu);
}

static void ring_fence_release(struct dma_fence *fence)
{
	kref_put(&to_job(fence)->timeline->kref, ring_timeline_release);
	dma_fence_free(fence);
}

static const struct dma_fence_ops ring_fence_ops = {
	.get_driver_name = ring_driver_name,
	.get_timeline_name = ring_timeline_name,
	.release = ring_fence_release,
};

static void ring_job_signal(struct ring_job *job, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&job->timeline->lock, flags);
	if (error)
		dma_fence_set_error(&job->fence, error);
	dma_fence_signal_locked(&job->fence);
	spin_unlock_irqrestore(&job->timeline->lock, flags);
}

static void ring_job_advance(struct work_struct *work);

void ring_job_init(struct ring_job *job, struct ring *ring, const struct ring_job_ops *ops)
{
	job->ring = ring;
	job->ops = ops;
	job->dep = NULL;
	job->ready = false;
	job->cancelled = false;
	INIT_LIST_HEAD(&job->link);
	INIT_WORK(&job->advance, ring_job_advance);
	xa_init_flags(&job->deps, XA_FLAGS_ALLOC);
	atomic_set(&job->state, JOB_QUEUED);
}

int ring_job_depend(struct ring_job *job, struct dma_fence *fence)
{
	struct dma_fence *entry;
	unsigned long index;
	u32 id;
	int err;

	if (!fence)
		return 0;
	/* Of one timeline, the latest is enough. */
	xa_for_each(&job->deps, index, entry) {
		if (entry->context != fence->context)
			continue;
		if (dma_fence_is_later(fence, entry)) {
			xa_store(&job->deps, index, fence, GFP_KERNEL);
			dma_fence_put(entry);
		} else {
			dma_fence_put(fence);
		}
		return 0;
	}
	err = xa_alloc(&job->deps, &id, fence, xa_limit_32b, GFP_KERNEL);
	if (err)
		dma_fence_put(fence);
	return err;
}

int ring_job_depend_on_resv(struct ring_job *job, struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int err;

	dma_resv_assert_held(resv);
	dma_resv_for_each_fence(&cursor, resv, usage, fence) {
		err = ring_job_depend(job, dma_fence_get(fence));
		if (err)
			return err;
	}
	return 0;
}

static void ring_job_forget_deps(struct ring_job *job)
{
	struct dma_fence *fence;
	unsigned long index;

	xa_for_each(&job->deps, index, fence)
		dma_fence_put(fence);
	xa_destroy(&job->deps);
}

static void ring_job_dep_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct ring_job *job = container_of(cb, struct ring_job, cb);

	schedule_work(&job->advance);
}

/* Wait for the next dependency that has not signalled, or be ready. */
static void ring_job_next_dep(struct ring_job *job)
{
	struct ring *ring = job->ring;
	struct dma_fence *fence;
	unsigned long index;

	dma_fence_put(job->dep);
	job->dep = NULL;
	xa_for_each(&job->deps, index, fence) {
		xa_erase(&job->deps, index);
		job->dep = fence;
		if (!dma_fence_add_callback(fence, &job->cb, ring_job_dep_signaled))
			return;
		job->dep = NULL;
		dma_fence_put(fence);
	}
	xa_destroy(&job->deps);

	spin_lock(&ring->lock);
	job->ready = true;
	spin_unlock(&ring->lock);
	wake_up(&ring->wait);
}

static void ring_job_advance(struct work_struct *work)
{
	ring_job_next_dep(container_of(work, struct ring_job, advance));
}

void ring_job_arm(struct ring_job *job)
{
	struct ring *ring = job->ring;

	job->timeline = ring->timeline;
	kref_get(&job->timeline->kref);
	spin_lock(&ring->lock);
	dma_fence_init(&job->fence, &ring_fence_ops, &job->timeline->lock, ring->timeline->context,
		       ++ring->seqno);
	list_add_tail(&job->link, &ring->jobs);
	spin_unlock(&ring->lock);
}

void ring_job_push(struct ring_job *job)
{
	ring_job_next_dep(job);
}

void ring_job_drop(struct ring_job *job)
{
	ring_job_forget_deps(job);
	kfree(job);
}

static struct ring_job *ring_take_ready(struct ring *ring)
{
	struct ring_job *job;

	spin_lock(&ring->lock);
	job = list_first_entry_or_null(&ring->jobs, struct ring_job, link);
	if (job && job->ready) {
		list_del_init(&job->link);
		ring->running = job;
	} else {
		job = NULL;
	}
	spin_unlock(&ring->lock);
	return job;
}

static void ring_run(struct ring *ring, struct ring_job *job)
{
	int err = -ECANCELED;

	atomic_set(&job->state, JOB_RUNNING);
	if (!job->cancelled) {
		schedule_delayed_work(&ring->timeout, ring->timeout_jiffies);
		err = job->ops->run(job);
	}
	if (atomic_cmpxchg(&job->state, JOB_RUNNING, JOB_DONE) == JOB_RUNNING) {
		cancel_delayed_work_sync(&ring->timeout);
		ring_job_signal(job, err);
	} else {
		complete(&ring->stopped);
		wait_for_completion(&ring->reset);
	}

	spin_lock(&ring->lock);
	ring->running = NULL;
	spin_unlock(&ring->lock);
	job->ops->end(job);
	dma_fence_put(&job->fence);
}

static void ring_timeout(struct work_struct *work)
{
	struct ring *ring = container_of(to_delayed_work(work), struct ring, timeout);
	struct ring_job *job;

	spin_lock(&ring->lock);
	job = ring->running;
	if (job && atomic_cmpxchg(&job->state, JOB_RUNNING, JOB_ABORTED) != JOB_RUNNING)
		job = NULL;
	spin_unlock(&ring->lock);
	if (!job)
		return;
	pr_warn("%s: job %llu takes too long\n", ring->timeline->name, job->fence.seqno);
	wait_for_completion(&ring->stopped);
	ring_job_signal(job, -ETIME);
	complete(&ring->reset);
}

static bool ring_has_work(struct ring *ring)
{
	struct ring_job *job;
	bool ready;

	spin_lock(&ring->lock);
	job = list_first_entry_or_null(&ring->jobs, struct ring_job, link);
	ready = job ? job->ready : kthread_should_stop();
	spin_unlock(&ring->lock);
	return ready;
}

static int ring_thread(void *data)
{
	struct ring *ring = data;
	struct ring_job *job;

	for (;;) {
		wait_event(ring->wait, ring_has_work(ring));
		job = ring_take_ready(ring);
		if (!job)
			return 0;
		ring_run(ring, job);
	}
}

static struct ring_timeline *ring_timeline_create(const char *name)
{
	struct ring_timeline *timeline = kzalloc(sizeof(*timeline), GFP_KERNEL);

	if (!timeline)
		return NULL;
	kref_init(&timeline->kref);
	spin_lock_init(&timeline->lock);
	timeline->name = name;
	timeline->context = dma_fence_context_alloc(1);
	return timeline;
}

int ring_init(struct ring *ring, const char *name, unsigned int timeout_ms)
{
	ring->timeline = ring_timeline_create(name);
	if (!ring->timeline)
		return -ENOMEM;
	spin_lock_init(&ring->lock);
	ring->seqno = 0;
	ring->running = NULL;
	INIT_LIST_HEAD(&ring->jobs);
	init_waitqueue_head(&ring->wait);
	INIT_DELAYED_WORK(&ring->timeout, ring_timeout);
	ring->timeout_jiffies = msecs_to_jiffies(timeout_ms);
	init_completion(&ring->stopped);
	init_completion(&ring->reset);
	ring->task = kthread_run(ring_thread, ring, "%s", name);
	if (IS_ERR(ring->task)) {
		kref_put(&ring->timeline->kref, ring_timeline_release);
		return PTR_ERR(ring->task);
	}
	return 0;
}

void ring_fini(struct ring *ring)
{
	kthread_stop(ring->task);
	cancel_delayed_work_sync(&ring->timeout);
	kref_put(&ring->timeline->kref, ring_timeline_release);
}
