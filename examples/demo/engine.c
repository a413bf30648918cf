/* SPDX-License-Identifier: MIT */
/*
 * Locking: engine->lock guards the ring and is held for a moment only. Nothing else is
 * shared: order between engines comes from fences alone.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

bool engine_init(struct engine *engine, const char *name,
		 int (*run)(struct engine *engine, struct job *job))
{
	memset(engine, 0, sizeof(*engine));
	engine->run = run;
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->changed, NULL);
	engine->trace.name = name;
	engine->device.name = name;
	engine->timeline = dma_fence_timeline_create(name);
	return engine->timeline != NULL;
}

static int import_buffer(struct engine *engine, struct import *import, struct dma_buf *dmabuf)
{
	import->attachment = dma_buf_attach(dmabuf, &engine->device);
	if (dmabuf_is_err(import->attachment))
		return (int)dmabuf_ptr_err(import->attachment);

	import->table = dma_buf_map_attachment_unlocked(import->attachment, engine->direction);
	if (dmabuf_is_err(import->table)) {
		dma_buf_detach(dmabuf, import->attachment);
		return (int)dmabuf_ptr_err(import->table);
	}
	/* A device without limits gets all of a memory file in one piece. */
	import->memory = import->table->sgl[0].address;
	return 0;
}

int engine_attach(struct engine *engine, struct pool *pool, enum dma_data_direction direction)
{
	engine->direction = direction;
	for (unsigned int i = 0; i < pool->count; i++) {
		int err = import_buffer(engine, &engine->import[i], pool->buffers[i].dmabuf);

		if (err)
			return err;
		engine->imports++;
	}
	return 0;
}

void engine_detach(struct engine *engine)
{
	while (engine->imports) {
		struct import *import = &engine->import[--engine->imports];

		dma_buf_unmap_attachment_unlocked(import->attachment, import->table,
						  engine->direction);
		dma_buf_detach(import->attachment->dmabuf, import->attachment);
	}
}

void engine_fini(struct engine *engine)
{
	dma_fence_timeline_destroy(engine->timeline);
	trace_fini(&engine->trace);
	pthread_cond_destroy(&engine->changed);
	pthread_mutex_destroy(&engine->lock);
}

void engine_push(struct engine *engine, struct job *job)
{
	pthread_mutex_lock(&engine->lock);
	while (engine->tail - engine->head == RING_JOBS)
		pthread_cond_wait(&engine->changed, &engine->lock);
	engine->ring[engine->tail++ % RING_JOBS] = job;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
}

void engine_close(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	engine->closed = true;
	pthread_cond_broadcast(&engine->changed);
	pthread_mutex_unlock(&engine->lock);
}

struct job *engine_pop(struct engine *engine)
{
	struct job *job = NULL;

	pthread_mutex_lock(&engine->lock);
	while (engine->tail == engine->head && !engine->closed)
		pthread_cond_wait(&engine->changed, &engine->lock);
	if (engine->tail != engine->head) {
		job = engine->ring[engine->head++ % RING_JOBS];
		pthread_cond_broadcast(&engine->changed);
	}
	pthread_mutex_unlock(&engine->lock);
	return job;
}

static void wait_for(struct dma_fence *fence, struct trace_bar *bar)
{
	if (dma_fence_is_signaled(fence))
		return;
	if (bar->waits < TRACE_WAITS) {
		bar->wait[bar->waits].context = fence->context;
		bar->wait[bar->waits].seqno = fence->seqno;
		bar->waits++;
	}
	dma_fence_wait(fence, false);
}

void engine_begin(struct engine *engine, struct job *job, struct trace_bar *bar)
{
	(void)engine;
	*bar = (struct trace_bar){
		.frame = job->frame,
		.context = job->fence->context,
		.seqno = job->fence->seqno,
		.turn = now_ns(),
	};
	for (unsigned int i = 0; i < job->count; i++) {
		struct dma_resv_snapshot_cursor cursor;
		struct dma_fence *fence;

		dma_resv_snapshot_for_each(fence, &cursor, &job->needs[i], job->wait_usage)
			wait_for(fence, bar);
	}
	/* Snapshots pin sets of fences, so they go before the job's own fence signals. */
	for (unsigned int i = 0; i < job->count; i++)
		dma_resv_put_snapshot(&job->needs[i]);
	bar->begin = now_ns();
}

void engine_wrote(struct engine *engine, struct buffer *buffer)
{
	if (engine->race)
		race_point_wrote(engine->race, buffer->index);
}

struct picture engine_picture(struct engine *engine, const struct job *job, unsigned int i)
{
	const struct buffer *buffer = job->buffer[i];
	struct picture pic = job->picture[i];
	uintptr_t begin = (uintptr_t)buffer->decoder_memory;

	for (int plane = 0; plane < PICTURE_PLANES; plane++) {
		uintptr_t offset = (uintptr_t)pic.plane[plane] - begin;
		size_t bytes = picture_plane_bytes(&pic, plane);

		if (offset < buffer->dmabuf->size && bytes <= buffer->dmabuf->size - offset)
			pic.plane[plane] = engine->import[buffer->index].memory + offset;
		else
			engine->copied += bytes;
	}
	return pic;
}

static void run_job(struct engine *engine, struct job *job)
{
	struct trace_bar bar;
	int err;

	engine_begin(engine, job, &bar);
	err = engine->run(engine, job);
	if (err)
		engine->failed = true;
	bar.end = now_ns();
	trace_add(&engine->trace, &bar);
	if (job->usage == DMA_RESV_USAGE_WRITE)
		engine_wrote(engine, job->buffer[0]);
	engine->done++;
	/* From here on others may use the buffers. */
	dma_fence_timeline_signal(engine->timeline, job->fence->seqno, err);
	job_free(job);
}

static void *run_jobs(void *arg)
{
	struct engine *engine = arg;
	struct job *job;

	while ((job = engine_pop(engine)))
		run_job(engine, job);
	if (engine->finish)
		engine->finish(engine);
	return NULL;
}

bool engine_start(struct engine *engine, void *(*body)(void *engine))
{
	engine->started = !pthread_create(&engine->thread, NULL, body ? body : run_jobs, engine);
	return engine->started;
}

void engine_join(struct engine *engine)
{
	if (engine->started)
		pthread_join(engine->thread, NULL);
	engine->started = false;
}
