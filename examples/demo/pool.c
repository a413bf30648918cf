/* SPDX-License-Identifier: MIT */
/*
 * Why pool_pick() never waits, and never makes anybody wait for ever: frames leave the
 * engines in the order shown. Let F be the first frame that the decoder still holds,
 * or, if it holds none that was shown, the next one to be shown. Everything before F
 * gets done without the decoder's help, but for the last few frames before F, which a
 * reader may keep until it has seen later ones (pool->kept: an encoder with B-frames,
 * or a job over several frames). The pool has at least as many buffers as can be stuck
 * behind F, plus those, plus one. So there is always one to pick: either it is idle, or
 * its jobs are on their way and the decode job simply depends on their fences.
 */
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_private(void *owner, unsigned int index, const char *name, size_t size,
			struct dma_buf **ret_buf)
{
	(void)owner;
	(void)index;
	return dma_buf_memfd_create(name, size, ret_buf);
}

const struct pool_source pool_source_private = { .make = make_private };

static int buffer_init(struct buffer *buffer, const struct pool_source *source, unsigned int index,
		       size_t size)
{
	char name[32];
	int err;

	buffer->index = index;
	buffer->frame = NOT_SHOWN;
	snprintf(name, sizeof(name), "demo frame %u", index);
	err = source->make(source->owner, index, name, size, &buffer->dmabuf);
	if (err)
		return err;
	snprintf(name, sizeof(name), "decoder holds %u", index);
	buffer->decoder_hold = dma_fence_timeline_create(name);
	snprintf(name, sizeof(name), "encoder holds %u", index);
	buffer->encoder_hold = dma_fence_timeline_create(name);
	return buffer->decoder_hold && buffer->encoder_hold ? 0 : -ENOMEM;
}

static void buffer_fini(struct buffer *buffer)
{
	dma_fence_put(buffer->held);
	dma_fence_timeline_destroy(buffer->decoder_hold);
	dma_fence_timeline_destroy(buffer->encoder_hold);
	dma_buf_put(buffer->dmabuf);
}

bool pool_init(struct pool *pool, const struct pool_source *source, unsigned int count, size_t size,
	       struct problem *problem)
{
	pool->buffers = calloc(count, sizeof(*pool->buffers));
	if (!pool->buffers) {
		problem_set(problem, "out of memory");
		return false;
	}
	for (; pool->count < count; pool->count++) {
		struct buffer *buffer = &pool->buffers[pool->count];
		int err = buffer_init(buffer, source, pool->count, size);

		if (err) {
			buffer_fini(buffer);
			problem_set(problem, "cannot make a pool of %u buffers of %zu bytes: %s",
				    count, size, strerror(-err));
			return false;
		}
	}
	return true;
}

void pool_fini(struct pool *pool)
{
	while (pool->count)
		buffer_fini(&pool->buffers[--pool->count]);
	free(pool->buffers);
	pool->buffers = NULL;
}

static bool is_held(const struct buffer *buffer)
{
	return buffer->held && !dma_fence_is_signaled(buffer->held);
}

/* Frames before this one get done whatever the decoder does. */
static uint64_t first_stuck(const struct pool *pool, uint64_t shown)
{
	uint64_t first = shown;

	for (unsigned int i = 0; i < pool->count; i++) {
		const struct buffer *buffer = &pool->buffers[i];

		if (buffer->frame < first && is_held(buffer))
			first = buffer->frame;
	}
	return first < pool->kept ? 0 : first - pool->kept;
}

/* Nobody has plans for it but what its reservation says. */
static bool may_be_picked(const struct buffer *buffer)
{
	return !buffer->unsubmitted && !is_held(buffer);
}

struct buffer *pool_idle(struct pool *pool, bool ignore_readers)
{
	enum dma_resv_usage usage = ignore_readers ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_BOOKKEEP;
	struct buffer *idle = NULL;

	for (unsigned int i = 0; i < pool->count; i++) {
		struct buffer *buffer = &pool->buffers[i];

		if (may_be_picked(buffer) && (!idle || buffer->used < idle->used) &&
		    dma_resv_test_signaled(buffer->dmabuf->resv, usage))
			idle = buffer;
	}
	return idle;
}

struct buffer *pool_pick(struct pool *pool, uint64_t shown, bool ignore_readers)
{
	uint64_t stuck = first_stuck(pool, shown);
	struct buffer *idle = pool_idle(pool, ignore_readers), *busy = NULL;

	for (unsigned int i = 0; !idle && i < pool->count; i++) {
		struct buffer *buffer = &pool->buffers[i];

		if (may_be_picked(buffer) && buffer->frame < stuck &&
		    (!busy || buffer->frame < busy->frame))
			busy = buffer;
	}
	return idle ? idle : busy;
}

struct buffer *pool_find(struct pool *pool, const uint8_t *memory)
{
	for (unsigned int i = 0; i < pool->count; i++)
		if (pool->buffers[i].decoder_memory == memory)
			return &pool->buffers[i];
	return NULL;
}

unsigned int pool_in_flight(const struct pool *pool)
{
	unsigned int busy = 0;

	for (unsigned int i = 0; i < pool->count; i++) {
		const struct buffer *buffer = &pool->buffers[i];

		if (buffer->unsubmitted ||
		    !dma_resv_test_signaled(buffer->dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP))
			busy++;
	}
	return busy;
}
