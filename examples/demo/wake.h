/* SPDX-License-Identifier: MIT */
/*
 * To be woken by a fence of another process: a callback, for which the pool's descriptor becomes readable.
 * What has happened, whoever was woken looks for himself.
 */
#ifndef DEMO_WAKE_H
#define DEMO_WAKE_H

#include <stdbool.h>

#include <dmabuf/dma-fence.h>

struct wake {
	struct dma_fence *fence; /* NULL: none */
	struct dma_fence_cb cb;
	bool is_set; /* cb is there; otherwise it had signalled */
};

static inline void wake_nothing(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
}

/* By @fence, whose reference is consumed, and not any more by the one before. NULL is fine. */
static inline void wake_by(struct wake *wake, struct dma_fence *fence)
{
	if (wake->is_set)
		dma_fence_remove_callback(wake->fence, &wake->cb);
	dma_fence_put(wake->fence);
	wake->fence = fence;
	wake->is_set = fence && !dma_fence_add_callback(fence, &wake->cb, wake_nothing);
}

#endif
