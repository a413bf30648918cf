/* SPDX-License-Identifier: MIT */
/*
 * Fences whose life the tests of reservations can watch: each knows whether its
 * last reference is gone, and the test that made it can be told.
 */
#ifndef MOCK_H
#define MOCK_H

#include <dmabuf/dma-fence.h>

#include "harness.h"

#define MOCK_ALIVE 0x0a11fe5u

struct mock {
	struct dma_fence base; /* first, for dma_fence_free() */
	uint32_t magic;	       /* atomic: MOCK_ALIVE while it has references */
	uint32_t done;	       /* atomic: what the signaled op says */
	uint32_t asked;	       /* atomic: calls of the signaled op */
	uint32_t done_after;   /* atomic: it says yes after so many; 0: when it is done */
	bool *released;	       /* NULL, or set when the last reference is gone */
};

static inline struct mock *to_mock(struct dma_fence *fence)
{
	return container_of(fence, struct mock, base);
}

static inline const char *mock_name(struct dma_fence *fence)
{
	(void)fence;
	return "mock";
}

static inline bool mock_signaled(struct dma_fence *fence)
{
	struct mock *mock = to_mock(fence);

	const uint32_t after = load_acquire(&mock->done_after);
	const uint32_t asked = fetch_add_relaxed(&mock->asked, 1);

	return after ? asked >= after : load_acquire(&mock->done);
}

static inline void mock_release(struct dma_fence *fence)
{
	struct mock *mock = to_mock(fence);

	store_relaxed(&mock->magic, 0); /* a test that reads it holds a reference, or thinks so */
	if (mock->released)
		*mock->released = true;
	dma_fence_free(fence);
}

static const struct dma_fence_ops mock_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.release = mock_release,
};

/* With a signaled op: nobody signals them, they have to be asked. */
static const struct dma_fence_ops mock_lazy_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.signaled = mock_signaled,
	.release = mock_release,
};

static inline struct dma_fence *mock_init(const struct dma_fence_ops *ops, uint64_t context,
					  uint64_t seqno, bool *released)
{
	struct mock *mock = calloc(1, sizeof(*mock));

	if (!mock)
		abort();
	mock->magic = MOCK_ALIVE;
	mock->released = released;
	if (released)
		*released = false;
	dma_fence_init(&mock->base, ops, NULL, context, seqno);
	return &mock->base;
}

/* A point of @context. */
static inline struct dma_fence *mock_fence(uint64_t context, uint64_t seqno)
{
	return mock_init(&mock_ops, context, seqno, NULL);
}

/* A fence of a context of its own. */
static inline struct dma_fence *mock_lone(void)
{
	return mock_fence(dma_fence_context_alloc(1), 1);
}

static inline struct dma_fence *mock_lazy(void)
{
	return mock_init(&mock_lazy_ops, dma_fence_context_alloc(1), 1, NULL);
}

/* A fence of a context of its own that tells of its end. */
static inline struct dma_fence *mock_watched(bool *released)
{
	return mock_init(&mock_ops, dma_fence_context_alloc(1), 1, released);
}

static inline bool mock_is_alive(struct dma_fence *fence)
{
	return load_relaxed(&to_mock(fence)->magic) == MOCK_ALIVE;
}

#endif
