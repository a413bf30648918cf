/* SPDX-License-Identifier: MIT */
/*
 * A job ring: what is armed runs in that order, each job after what it depends on.
 *
 *	ring_job_init()			until it is armed, ring_job_drop() ends it
 *	ring_job_depend()		any number of times
 *	ring_job_arm()			from here on the fence exists, and must signal
 *	dma_resv_add_fence(&job->fence)	others may wait for it
 *	ring_job_push()
 */
#ifndef RING_H
#define RING_H

#include <linux/completion.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct ring_job;

/* What fences need of their ring. They may outlive it. */
struct ring_timeline {
	struct kref kref;
	struct rcu_head rcu;
	spinlock_t lock;	/* of all fences: they signal in order */
	const char *name;
	u64 context;
};

struct ring_job_ops {
	/* Do the work. It looks at ring_job_is_aborted() while it waits for anything. */
	int (*run)(struct ring_job *job);
	/* The job has ended, and its fence has signalled. May sleep. Frees nothing of the job. */
	void (*end)(struct ring_job *job);
};

enum ring_job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_ABORTED };

struct ring_job {
	struct dma_fence fence;	/* the job's memory is the fence's */
	struct ring_timeline *timeline; /* a reference, since arm */
	struct ring *ring;
	const struct ring_job_ops *ops;
	struct list_head link;	/* ring->jobs, under ring->lock */
	struct xarray deps;	/* what has not been waited for; the submitter's, then advance()'s */
	struct dma_fence *dep;	/* what is being waited for */
	struct dma_fence_cb cb;
	struct work_struct advance;
	atomic_t state;
	bool ready;		/* under ring->lock */
	bool cancelled;		/* constant after push */
};

struct ring {
	struct ring_timeline *timeline;
	spinlock_t lock;
	u64 seqno;		/* under lock */
	struct list_head jobs;	/* under lock; in the order of their numbers */
	wait_queue_head_t wait;
	struct task_struct *task;
	struct ring_job *running; /* under lock */
	struct delayed_work timeout;
	unsigned long timeout_jiffies;
	struct completion stopped;	/* the thread, after an abort */
	struct completion reset;	/* the ring, so that the thread may go on */
};

int ring_init(struct ring *ring, const char *name, unsigned int timeout_ms);
/* All jobs have been pushed. Waits for them. */
void ring_fini(struct ring *ring);

void ring_job_init(struct ring_job *job, struct ring *ring, const struct ring_job_ops *ops);
/* Consumes the reference on @fence, also on failure. NULL is fine. */
int ring_job_depend(struct ring_job *job, struct dma_fence *fence);
/* Everything in @resv up to @usage. The caller holds its lock. */
int ring_job_depend_on_resv(struct ring_job *job, struct dma_resv *resv, enum dma_resv_usage usage);
void ring_job_arm(struct ring_job *job);
void ring_job_push(struct ring_job *job);
/* Instead of arm and push. */
void ring_job_drop(struct ring_job *job);

static inline bool ring_job_is_aborted(struct ring_job *job)
{
	return atomic_read(&job->state) == JOB_ABORTED;
}

#endif
