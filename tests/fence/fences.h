/* SPDX-License-Identifier: MIT */
/* Fences for the tests, and what they count. */
#ifndef TESTS_FENCES_H
#define TESTS_FENCES_H

#include <errno.h>

#include <dmabuf/dma-fence.h>

#include "harness.h"
#include "os/alloc.h"

static inline const char *test_driver_name(struct dma_fence *fence)
{
	(void)fence;
	return "driver";
}

static inline const char *test_timeline_name(struct dma_fence *fence)
{
	(void)fence;
	return "timeline";
}

/* Names and nothing else. */
static const struct dma_fence_ops plain_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
};

/* From malloc(), so that dma_fence_free() frees it. */
static inline struct dma_fence *make_fence_with(const struct dma_fence_ops *ops,
						struct dmabuf_spinlock *lock, uint64_t context,
						uint64_t seqno)
{
	struct dma_fence *fence = malloc(sizeof(*fence));

	if (!fence)
		abort();
	memset(fence, 0xa5, sizeof(*fence)); /* init must not count on zeroes */
	dma_fence_init(fence, ops, lock, context, seqno);
	return fence;
}

static inline struct dma_fence *make_fence(void)
{
	return make_fence_with(&plain_ops, NULL, dma_fence_context_alloc(1), 1);
}

static inline void signal_and_put(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static inline void signal_and_put_all(struct dma_fence *const *fences, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		signal_and_put(fences[i]);
}

/* A fence that knows what it was asked, and answers as told. */
struct asked_fence {
	struct dma_fence base;
	unsigned int enables; /* under the fence's lock */
	unsigned int peeks;   /* atomic */
	bool refuse;	      /* enable_signaling says: done already */
	bool done;	      /* signaled says so; atomic */
	int error;	      /* set by an op that says "done" */
};

static inline struct asked_fence *asked(struct dma_fence *fence)
{
	return container_of(fence, struct asked_fence, base);
}

static inline bool asked_enable(struct dma_fence *fence)
{
	asked(fence)->enables++;
	if (asked(fence)->refuse && asked(fence)->error)
		dma_fence_set_error(fence, asked(fence)->error);
	return !asked(fence)->refuse;
}

static inline bool asked_signaled(struct dma_fence *fence)
{
	const bool done = load_acquire(&asked(fence)->done);

	fetch_add_relaxed(&asked(fence)->peeks, 1);
	if (done && asked(fence)->error)
		dma_fence_set_error(fence, asked(fence)->error);
	return done;
}

/* Lazy: somebody must enable it, or ask. */
static const struct dma_fence_ops asked_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.enable_signaling = asked_enable,
	.signaled = asked_signaled,
};

static inline struct asked_fence *make_asked(void)
{
	struct asked_fence *fence = calloc(1, sizeof(*fence));

	if (!fence)
		abort();
	dma_fence_init(&fence->base, &asked_ops, NULL, dma_fence_context_alloc(1), 1);
	return fence;
}

/* A callback that counts its calls. */
struct counting_cb {
	struct dma_fence_cb cb;
	unsigned int calls; /* atomic, released by each */
};

static inline void count_call(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	fetch_add_release(&container_of(cb, struct counting_cb, cb)->calls, 1);
}

/*
 * System calls of futexes, counted by the race points in front of them, between
 * count_syscalls() and os_race_hook(NULL).
 */
static unsigned int syscall_wakes, syscall_sleeps; /* atomic */

static inline void count_syscall(const char *label)
{
	if (!strcmp(label, "futex: wake"))
		fetch_add_relaxed(&syscall_wakes, 1);
	if (!strcmp(label, "futex: before sleep"))
		__atomic_fetch_add(&syscall_sleeps, 1, __ATOMIC_ACQ_REL);
}

static inline void count_syscalls(void)
{
	store_relaxed(&syscall_wakes, 0);
	store_relaxed(&syscall_sleeps, 0);
	os_race_hook(count_syscall);
}

#endif
