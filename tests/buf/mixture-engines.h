/* SPDX-License-Identifier: MIT */
/*
 * The engines of the mixture. A job waits for its dependencies in one of many ways, finds in its
 * buffers what the job before it must have left there, and signals two fences: a point of the
 * engine's timeline, and a twin that is in category BOOKKEEP wherever the point is, so that
 * a set with one of the two only is torn.
 */
#ifndef MIXTURE_ENGINES_H
#define MIXTURE_ENGINES_H

#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/dma-fence-unwrap.h>
#include <semaphore.h>

#include "../fence/descriptors.h"
#include "mixture-buffers.h"

#define MAX_USES 3

enum { POINT, TWIN };

/* What a job does to a buffer: KERNEL moves it. */
struct use {
	struct buffer *buffer; /* with a reference */
	enum dma_resv_usage usage;
	struct store *from, *to;
	unsigned int version; /* what it leaves there */
};

struct job {
	struct use use[MAX_USES];
	unsigned int num_uses;
	struct dma_fence **deps; /* with references */
	unsigned int num_deps;
	struct dma_fence *point, *twin;
};

struct engine {
	struct dma_fence_timeline *timeline;
	uint64_t context[2]; /* of the points, of the twins */
	uint64_t emitted;    /* atomic */
	uint64_t announced[2]; /* atomic: about to be signalled */
	struct job **job;      /* atomic, each; by seqno */
};

static inline void make_engine(struct engine *engine, unsigned int max_jobs)
{
	struct dma_fence *first;

	*engine = (struct engine){
		.timeline = dma_fence_timeline_create("engine"),
		.job = calloc(max_jobs + 2, sizeof(void *)),
		.emitted = 1,
		.announced = { 1, 1 },
	};
	ASSERT_TRUE(engine->timeline && engine->job);
	first = dma_fence_timeline_emit(engine->timeline);
	engine->context[POINT] = first->context;
	engine->context[TWIN] = dma_fence_context_alloc(1);
	dma_fence_timeline_signal(engine->timeline, 1, 0);
	dma_fence_put(first);
}

static inline void end_engine(struct engine *engine)
{
	dma_fence_timeline_destroy(engine->timeline);
	free(engine->job);
}

/*
 * Waiting.
 */

static inline void wait_for_each(struct job *job)
{
	for (unsigned int i = 0; i < job->num_deps; i++)
		ASSERT_INT(dma_fence_wait(job->deps[i], false), ==, 0);
}

/* For any, without those that were told of, until none is left. */
static inline void wait_for_any(struct job *job)
{
	for (unsigned int left = job->num_deps; left; left--) {
		struct dma_fence *found;
		uint32_t which = left;

		ASSERT_INT(dma_fence_wait_any_timeout(job->deps, left, false, MAX_SCHEDULE_TIMEOUT,
						      &which), >, 0);
		ASSERT_INT(which, <, left);
		found = job->deps[which];
		ASSERT_TRUE(dma_fence_test_signaled_flag(found));
		job->deps[which] = job->deps[left - 1];
		job->deps[left - 1] = found;
	}
}

struct call {
	struct dma_fence_cb cb;
	sem_t *calls;
};

static inline void be_called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ASSERT_TRUE(dma_fence_test_signaled_flag(fence));
	sem_post(container_of(cb, struct call, cb)->calls);
}

static inline void wait_for_calls(struct job *job)
{
	struct call *call = calloc(job->num_deps + 1, sizeof(*call));
	unsigned int expected = 0;
	sem_t calls;

	ASSERT_TRUE(call);
	sem_init(&calls, 0, 0);
	for (unsigned int i = 0; i < job->num_deps; i++) {
		int err;

		call[i].calls = &calls;
		err = dma_fence_add_callback(job->deps[i], &call[i].cb, be_called);
		ASSERT_TRUE(!err || err == -ENOENT);
		expected += !err;
	}
	while (expected--)
		ASSERT_INT(sem_wait(&calls), ==, 0);
	sem_destroy(&calls);
	free(call);
}

static inline struct dma_fence *merge_deps(const struct job *job)
{
	struct dma_fence_unwrap *cursors = calloc(job->num_deps + 1, sizeof(*cursors));
	struct dma_fence *all = __dma_fence_unwrap_merge(job->num_deps, job->deps, cursors);

	ASSERT_TRUE(all);
	free(cursors);
	return all;
}

static inline void wait_for_all(struct job *job)
{
	struct dma_fence *all = merge_deps(job);

	while (!dma_fence_wait_timeout(all, true, 1000000))
		test_yield();
	dma_fence_put(all);
}

static inline void wait_readable(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(poll(&entry, 1, -1), ==, 1);
	ASSERT_INT(entry.revents, ==, POLLIN);
	close(fd);
}

static inline void poll_for_all(struct job *job)
{
	struct dma_fence *all = merge_deps(job);

	wait_readable(make_fd(all));
	ASSERT_TRUE(dma_fence_is_signaled(all));
	dma_fence_put(all);
}

static inline void wait_for_deps(struct job *job, uint32_t *chance)
{
	static void (*const ways[])(struct job *job) = {
		wait_for_each, wait_for_any, wait_for_calls, wait_for_all, poll_for_all,
	};

	ways[test_random(chance) % 5](job);
	for (unsigned int i = 0; i < job->num_deps; i++)
		dma_fence_put(job->deps[i]);
	free(job->deps);
}

/*
 * Running.
 */

static inline void do_use(const struct use *use)
{
	switch (use->usage) {
	case KERNEL:
		check_store(use->from, use->version);
		fill_store(use->to, use->version);
		fill_store(use->from, POISON);
		break;
	case WRITE:
		check_store(use->from, use->version - 1);
		fill_store(use->from, use->version);
		break;
	default:
		check_store(use->from, use->version);
	}
}

static inline void signal_job(struct engine *engine, const struct job *job, uint32_t *chance)
{
	const unsigned int first = test_random(chance) % 2;

	for (unsigned int i = 0; i < 2; i++) {
		const uint64_t seqno = job->point->seqno;

		store_release(&engine->announced[i ^ first], seqno);
		if ((i ^ first) == POINT)
			ASSERT_INT(dma_fence_timeline_signal(engine->timeline, seqno, 0), ==, 0);
		else
			ASSERT_INT(dma_fence_signal(job->twin), ==, 0);
	}
}

static inline void run_job(struct engine *engine, struct job *job, uint32_t *chance)
{
	bool cookie;

	wait_for_deps(job, chance);
	cookie = dma_fence_begin_signalling();
	for (unsigned int i = 0; i < job->num_uses; i++)
		do_use(&job->use[i]);
	signal_job(engine, job, chance);
	dma_fence_end_signalling(cookie);
	for (unsigned int i = 0; i < job->num_uses; i++)
		dma_buf_put(job->use[i].buffer->dmabuf);
	dma_fence_put(job->point);
	dma_fence_put(job->twin);
	free(job);
	test_operation();
}

/* Until nobody submits any more, and all that was submitted is done. */
static inline void run_engine(struct engine *engine, const unsigned int *submitting)
{
	uint32_t chance = test_thread_seed();

	for (uint64_t seqno = 2;; seqno++) {
		struct job *job;

		while (!(job = load_acquire(&engine->job[seqno]))) {
			if (!load_acquire(submitting) && seqno > load_acquire(&engine->emitted))
				return;
			test_yield();
		}
		run_job(engine, job, &chance);
	}
}

#endif
