/* SPDX-License-Identifier: MIT */
/*
 * A job: what one engine shall do with 1 to 8 buffers, what it must wait for, and the
 * fence that says it is done.
 */
#ifndef DEMO_JOB_H
#define DEMO_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include <dmabuf/dma-resv.h>

#include "pool.h"
#include "work.h"

struct port;

/* Is a picture good? */
struct job_input {
	struct dma_fence *fence; /* says so; NULL: no fence needs to */
	int error;		 /* it is known to have failed */
};

struct job {
	struct work work; /* first: see job_of() */
	struct port *port;
	struct buffer *buffer[WORK_FRAMES]; /* one a picture */

	/* The job does without pictures that have failed, and fails itself if none is left. */
	struct job_input input[WORK_FRAMES];

	/* READ or WRITE. Decides what it waits for, and how its fence is added. */
	enum dma_resv_usage usage;

	/*
	 * A codec's job: the codec may go on reading the buffer after the job is done.
	 * @holder, or NULL, is the timeline that says until when.
	 */
	struct dma_fence_timeline *holder;

	/* From job_submit() on. */
	enum dma_resv_usage wait_usage;
	struct dma_resv_snapshot needs[WORK_FRAMES]; /* the fences before it, of each buffer */
	struct dma_fence *fence;                     /* a point of the port's timeline */
	struct dma_fence *hold;                      /* a point of @holder's, or NULL */

	uint64_t writes; /* with a broken rule: of its first buffer, before it began */
};

static inline const struct job *job_of(const struct work *work)
{
	return (const struct job *)work;
}

/* A job for one buffer or the first of several. NULL: no memory. */
struct job *job_new(struct port *port, uint64_t frame, enum dma_resv_usage usage);
void job_add_buffer(struct job *job, struct buffer *buffer);

/* When its fences have signalled: leave out what has failed. 0, or the error of all. */
int job_sort_out(struct job *job);

/*
 * Give the job its place in the order of its buffers; then it must go to its engine, by
 * ring_push(), before the next job for that engine is submitted. With @ignore_readers a
 * writer does not wait for readers: the rule that --break-rule breaks.
 *
 * Returns 0, or a negative errno: nothing happened.
 */
int job_submit(struct job *job, bool ignore_readers);

/* Drop what is left of a job. */
void job_free(struct job *job);

#endif
