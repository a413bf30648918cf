/* SPDX-License-Identifier: MIT */
/*
 * A port: how an engine gets at the pool where fences say who may. It is a device to the
 * buffers: it attaches to each of them and finds the memory in the table that mapping the
 * attachment gives. Its timeline says how far the engine has got. It knows its own jobs
 * and their buffers, and no other engine.
 *
 * Fences order what devices do. dma_buf_begin_cpu_access() is for the CPU, that is, for
 * the client: in an engine it would wait for the fence of the very job that calls it.
 */
#ifndef DEMO_PORT_H
#define DEMO_PORT_H

#include <dmabuf/dma-buf-pool.h>

#include "engine.h"
#include "job.h"
#include "race-point.h"
#include "trace.h"

/* One buffer, as an engine sees it. */
struct import {
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	uint8_t *memory; /* its one segment */
};

struct port {
	struct engine *engine;
	struct device device;
	enum dma_data_direction direction; /* what it does to the buffers it is attached to */
	struct import import[POOL_MAX];
	unsigned int imports;
	struct dma_fence_timeline *timeline;
	struct trace trace;      /* the engine's thread; others when it has ended */
	struct race_point *race; /* constant; NULL unless a rule is broken */

	/*
	 * Where engines are processes, else NULL: ends this one if it has no right any more to touch
	 * what its jobs were given; and the pool, where fences have names that all processes know.
	 */
	void (*may_go_on)(struct port *port);
	struct dma_buf_pool *share;
};

/* False: no memory. port_fini() in any case. */
bool port_init(struct port *port, struct engine *engine);

/* When the engine's thread has ended: detach, too. */
void port_fini(struct port *port);

/*
 * Attach to all buffers of @pool and map them, for reading or for writing too. Returns 0
 * or a negative errno.
 */
int port_attach(struct port *port, struct pool *pool, enum dma_data_direction direction);

/* Begin the engine's thread: it runs the jobs in its ring until that is closed. */
bool port_start(struct port *port);

/*
 * Wait for the fences that the job depends on, let go of them, and begin its bar. What
 * it waited for is noted there.
 */
void port_begin(struct job *job, struct trace_bar *bar);

/* What a fence is called in a trace. */
void port_name(struct port *port, struct dma_fence *fence, uint64_t *ret_context,
	       uint64_t *ret_seqno);

/* Tell the race point, if there is one, that the engine has written a buffer. */
void port_wrote(struct port *port, struct buffer *buffer);

#endif
