/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <string.h>

#include "progress.h"

/* With a broken rule: one frame in so many is held between its halves. */
#define HOLD_EVERY 16

bool port_init(struct port *port, struct engine *engine)
{
	port->engine = engine;
	port->trace.name = engine->name;
	port->device.name = engine->name;
	port->timeline = dma_fence_timeline_create(engine->name);
	return port->timeline != NULL;
}

static int import_buffer(struct port *port, struct import *import, struct dma_buf *dmabuf)
{
	import->attachment = dma_buf_attach(dmabuf, &port->device);
	if (dmabuf_is_err(import->attachment))
		return (int)dmabuf_ptr_err(import->attachment);

	import->table = dma_buf_map_attachment_unlocked(import->attachment, port->direction);
	if (dmabuf_is_err(import->table)) {
		dma_buf_detach(dmabuf, import->attachment);
		return (int)dmabuf_ptr_err(import->table);
	}
	/* A device without limits gets all of a memory file in one piece. */
	import->memory = import->table->sgl[0].address;
	return 0;
}

int port_attach(struct port *port, struct pool *pool, enum dma_data_direction direction)
{
	port->direction = direction;
	for (unsigned int i = 0; i < pool->count; i++) {
		int err = import_buffer(port, &port->import[i], pool->buffers[i].dmabuf);

		if (err)
			return err;
		port->imports++;
	}
	return 0;
}

static void detach(struct port *port)
{
	while (port->imports) {
		struct import *import = &port->import[--port->imports];

		dma_buf_unmap_attachment_unlocked(import->attachment, import->table,
						  port->direction);
		dma_buf_detach(import->attachment->dmabuf, import->attachment);
	}
}

void port_fini(struct port *port)
{
	detach(port);
	dma_fence_timeline_destroy(port->timeline);
	trace_fini(&port->trace);
}

void port_name(struct port *port, struct dma_fence *fence, uint64_t *ret_context,
	       uint64_t *ret_seqno)
{
	struct dma_buf_pool_fence value;

	*ret_context = fence->context;
	*ret_seqno = fence->seqno;
	if (!port->share || dma_buf_pool_export_fence(port->share, fence, &value))
		return;
	*ret_context = (uint64_t)value.member << 32 | value.timeline;
	*ret_seqno = value.seqno;
}

static void wait_for(struct port *port, struct dma_fence *fence, struct trace_bar *bar)
{
	if (dma_fence_is_signaled(fence))
		return;
	if (bar->waits < TRACE_WAITS) {
		port_name(port, fence, &bar->wait[bar->waits].context,
			  &bar->wait[bar->waits].seqno);
		bar->waits++;
	}
	dma_fence_wait(fence, false);
}

void port_begin(struct job *job, struct trace_bar *bar)
{
	struct port *port = job->port;

	*bar = (struct trace_bar){ .frame = job->work.frame, .turn = now_ns() };
	port_name(port, job->fence, &bar->context, &bar->seqno);
	for (unsigned int i = 0; i < job->work.count; i++) {
		struct dma_resv_snapshot_cursor cursor;
		struct dma_fence *fence;

		dma_resv_snapshot_for_each(fence, &cursor, &job->needs[i], job->wait_usage)
			wait_for(port, fence, bar);
	}
	/* Snapshots pin sets of fences, so they go before the job's own fence signals. */
	for (unsigned int i = 0; i < job->work.count; i++)
		dma_resv_put_snapshot(&job->needs[i]);
	bar->begin = now_ns();
	if (port->may_go_on)
		port->may_go_on(port);
}

void port_wrote(struct port *port, struct buffer *buffer)
{
	if (port->race)
		race_point_wrote(port->race, buffer->index);
}

/* Where a job's i-th picture is in the memory that this engine has mapped. */
static void find_picture(struct port *port, struct job *job, unsigned int i)
{
	const struct buffer *buffer = job->buffer[i];
	const struct import *import = &port->import[buffer->index];

	port->engine->copied += picture_move(&job->work.picture[i], buffer->decoder_memory,
					     import->memory, buffer->dmabuf->size);
}

/* A codec has let go of its picture. */
static void let_go(void *keeper, uint8_t *memory)
{
	struct buffer *buffer = keeper;

	(void)memory;
	dma_fence_timeline_signal(buffer->encoder_hold, buffer->encoder_point, 0);
}

/* The codec's own fence says until when it keeps the buffer. */
static void lend(struct port *port, struct job *job)
{
	struct buffer *buffer = job->buffer[0];

	buffer->encoder_point = job->hold->seqno;
	job->work.memory = port->import[buffer->index].memory;
	job->work.size = buffer->dmabuf->size;
	job->work.let_go = let_go;
	job->work.keeper = buffer;
}

/* Half way through a picture, wait for a writer that does not wait for this reader. */
static void half_way(const struct work *work)
{
	const struct job *job = job_of(work);

	if (work->frame % HOLD_EVERY == HOLD_EVERY / 4)
		race_point_hold(job->port->race, job->buffer[0]->index, job->writes);
}

static void run_job(struct port *port, struct job *job)
{
	struct trace_bar bar;
	int err;

	port_begin(job, &bar);
	if (job->hold)
		lend(port, job);
	err = job_sort_out(job);
	for (unsigned int i = 0; i < job->work.count; i++)
		find_picture(port, job, i);
	if (port->race) {
		job->writes = race_point_writes(port->race, job->buffer[0]->index);
		job->work.half_way = half_way;
	}
	if (!err)
		err = engine_work(port->engine, &job->work);
	else if (job->hold)
		job->work.let_go(job->work.keeper, job->work.memory);
	bar.end = now_ns();
	trace_add(&port->trace, &bar);
	if (job->usage == DMA_RESV_USAGE_WRITE)
		port_wrote(port, job->buffer[0]);
	/* From here on others may use the buffers. */
	dma_fence_timeline_signal(port->timeline, job->fence->seqno, err);
	job_free(job);
}

static void *run_jobs(void *arg)
{
	struct port *port = arg;
	struct job *job;

	while ((job = ring_pop(&port->engine->ring)))
		run_job(port, job);
	engine_finish(port->engine);
	return NULL;
}

bool port_start(struct port *port)
{
	return engine_start(port->engine, run_jobs, port);
}
