/* SPDX-License-Identifier: MIT */
/* A fence with a lock of its creator's, from a cache whose memory is readable under RCU. */
#ifndef MOCK_FENCE_H
#define MOCK_FENCE_H

#include <linux/dma-fence.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct mock_fence {
	struct dma_fence base;
	spinlock_t lock;
};

static struct kmem_cache *mock_cache;

static const char *mock_name(struct dma_fence *fence)
{
	return "mock";
}

static void mock_release(struct dma_fence *fence)
{
	kmem_cache_free(mock_cache, container_of(fence, struct mock_fence, base));
}

static const struct dma_fence_ops mock_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.release = mock_release,
};

static struct dma_fence *mock_fence_with(const struct dma_fence_ops *ops, u64 context, u64 seqno)
{
	struct mock_fence *mock = kmem_cache_alloc(mock_cache, GFP_KERNEL);

	if (!mock)
		return NULL;
	spin_lock_init(&mock->lock);
	dma_fence_init(&mock->base, ops, &mock->lock, context, seqno);
	return &mock->base;
}

static inline struct dma_fence *mock_fence(void)
{
	return mock_fence_with(&mock_ops, dma_fence_context_alloc(1), 1);
}

static int mock_cache_create(void)
{
	mock_cache = KMEM_CACHE(mock_fence, SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN);
	return mock_cache ? 0 : -ENOMEM;
}

static void mock_cache_destroy(void)
{
	kmem_cache_destroy(mock_cache);
}

#endif
