/* SPDX-License-Identifier: MIT */
/*
 * An engine: a thread that does one kind of work, a ring of jobs that the client fills,
 * and a timeline that says how far it has got. It knows its own jobs and their buffers,
 * and no other engine.
 *
 * To the buffers it is a device: it attaches to each of them and finds the memory in the
 * table that mapping the attachment gives. Fences order what devices do.
 * dma_buf_begin_cpu_access() is for the CPU, that is, for the client: in an engine it
 * would wait for the fence of the very job that calls it.
 */
#ifndef DEMO_ENGINE_H
#define DEMO_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <dmabuf/dma-fence-timeline.h>

#include "job.h"
#include "problem.h"
#include "race-point.h"
#include "trace.h"

/*
 * Jobs in flight are bounded by the buffers in flight. With a broken rule, a reader
 * may lag behind by the whole pool, and the frames after it by another.
 */
#define RING_JOBS (4 * POOL_MAX)

/* One buffer, as an engine sees it. */
struct import {
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	uint8_t *memory; /* its one segment */
};

struct engine {
	struct device device;
	enum dma_data_direction direction; /* what it does to the buffers it is attached to */
	struct import import[POOL_MAX];
	unsigned int imports;
	struct dma_fence_timeline *timeline;
	int (*run)(struct engine *engine, struct job *job);
	/* After the last job, on the engine's thread; may be NULL. */
	void (*finish)(struct engine *engine);
	pthread_t thread;
	bool started;

	/* The ring, under its lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *ring[RING_JOBS];
	unsigned int head, tail; /* jobs taken, jobs pushed */
	bool closed;

	_Atomic bool failed;     /* a job has gone wrong */
	_Atomic uint64_t done;   /* jobs */
	_Atomic uint64_t copied; /* bytes of planes that were not in the pool */

	/* The engine's thread; others when it has ended. */
	struct problem problem;
	struct trace trace;
	struct race_point *race; /* constant; NULL unless a rule is broken */
};

/*
 * @run does one job, on the engine's thread, when its fences have signalled; it returns 0,
 * or a negative errno with the sentence in engine->problem. NULL for an engine with a
 * thread of its own making. False: no memory. engine_fini() in any case.
 */
bool engine_init(struct engine *engine, const char *name,
		 int (*run)(struct engine *engine, struct job *job));

/*
 * Attach to all buffers of @pool and map them, for reading or for writing too. Returns 0
 * or a negative errno; engine_detach() in any case, when the thread has ended.
 */
int engine_attach(struct engine *engine, struct pool *pool, enum dma_data_direction direction);
void engine_detach(struct engine *engine);

/* Begin the thread: @body, or, for NULL, one that runs jobs until the ring is closed. */
bool engine_start(struct engine *engine, void *(*body)(void *engine));

/* Wait until the thread has ended; close the ring first. */
void engine_join(struct engine *engine);
void engine_fini(struct engine *engine);

/* The client's side of the ring. Closing lets what is in it be done. */
void engine_push(struct engine *engine, struct job *job);
void engine_close(struct engine *engine);

/* The engine's side: the next job, or NULL: closed, and nothing is left. */
struct job *engine_pop(struct engine *engine);

/*
 * Wait for the fences that the job depends on, let go of them, and begin its bar. What
 * it waited for is noted there.
 */
void engine_begin(struct engine *engine, struct job *job, struct trace_bar *bar);

/* Tell the race point, if there is one, that the job has written its buffers. */
void engine_wrote(struct engine *engine, struct buffer *buffer);

/*
 * The picture in a job's i-th buffer, in the memory that this engine has mapped. A plane
 * that libavcodec put elsewhere stays there, and its bytes count as copied.
 */
struct picture engine_picture(struct engine *engine, const struct job *job, unsigned int i);

#endif
