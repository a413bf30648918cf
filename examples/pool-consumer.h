/* SPDX-License-Identifier: MIT */
/* What consumers do, whichever way they wait: pool-consumer.c and pool-epoll.c. */
#ifndef POOL_CONSUMER_H
#define POOL_CONSUMER_H

#include "pool-common.h"

struct consumer {
	int sock;
	struct dma_buf_pool *pool;
	struct dma_fence_timeline *timeline; /* of what it reads */
	struct dma_buf *buffers[BUFFERS];    /* NULL: not heard of yet */
	uint32_t member;
};

/* Become a member of the pool of the producer that listens at a path. 0 or -errno. */
static inline int come(struct consumer *consumer, const char *path)
{
	int err;

	*consumer = (struct consumer){ .sock = open_socket(path, false) };
	consumer->timeline = dma_fence_timeline_create("consumer");
	if (consumer->sock < 0 || !consumer->timeline)
		return -ENOTCONN;
	err = dma_buf_pool_join(consumer->sock, 5 * PATIENCE_NS, &consumer->pool);
	if (err)
		return err;
	consumer->member = dma_buf_pool_self(consumer->pool);
	send_message(consumer->sock, &consumer->member, sizeof(consumer->member));
	return 0;
}

static inline void leave(struct consumer *consumer)
{
	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_buf_put(consumer->buffers[i]);
	dma_buf_pool_leave(consumer->pool);
	dma_fence_timeline_destroy(consumer->timeline);
	close(consumer->sock);
}

/* The buffer of a frame, which is mapped when it is first heard of, and stays so. */
static inline struct dma_buf **buffer_of(struct consumer *consumer, const struct frame *frame)
{
	return &consumer->buffers[frame->buffer.buffer % BUFFERS];
}

/* Say that this process reads the buffer until @done signals; answer in any case. 0 or -errno. */
static inline int take(struct consumer *consumer, const struct frame *frame, struct dma_fence *done)
{
	struct dma_buf **dmabuf = buffer_of(consumer, frame);
	int err = 0;

	if (!*dmabuf)
		err = dma_buf_pool_get_buf(consumer->pool, &frame->buffer, dmabuf);
	if (!err)
		err = add_fence(*dmabuf, done, DMA_RESV_USAGE_READ);
	send_message(consumer->sock, &consumer->member, sizeof(consumer->member));
	return err;
}

/* It is drawn. 0 or -errno. */
static inline int print(struct consumer *consumer, const struct frame *frame)
{
	struct dma_buf *dmabuf = *buffer_of(consumer, frame);
	char text[SIZE];
	void *pixels;
	int err;

	err = dma_buf_mmap_cpu(dmabuf, PROT_READ, &pixels);
	if (!err)
		err = dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE);
	if (err)
		return err;
	snprintf(text, sizeof(text), "%.*s", (int)dmabuf->size, (const char *)pixels);
	err = dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE);
	/* Nobody has waited for one that was evicted meanwhile: it cannot know what it has read. */
	if (!err)
		err = dma_buf_pool_status(consumer->pool);
	if (!err)
		printf("frame %u: %s\n", frame->number, text);
	return err;
}

static inline void report(const struct frame *frame, int err)
{
	if (err)
		printf("frame %u: %s\n", frame->number, strerror(-err));
}

#endif
