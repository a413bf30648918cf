/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_fence_get_rcu_safe' requires holding read section 'dmabuf_rcu' */
#include <dmabuf/dmabuf.h>

struct dma_fence *newest(struct dma_fence **place);

struct dma_fence *newest(struct dma_fence **place)
{
	struct dma_fence *fence;

#ifdef BROKEN
	fence = dma_fence_get_rcu_safe(place);
#else
	dmabuf_rcu_read_lock();
	fence = dma_fence_get_rcu_safe(place);
	dmabuf_rcu_read_unlock();
#endif
	return fence;
}
