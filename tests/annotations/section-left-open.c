/* SPDX-License-Identifier: MIT */
/* refused: (mutex|read section) 'dmabuf_rcu' is not held on every path through here */
#include <dmabuf/dmabuf.h>

struct dma_fence *get(struct dma_fence **place);

struct dma_fence *get(struct dma_fence **place)
{
	struct dma_fence *fence;

	dmabuf_rcu_read_lock();
	fence = __atomic_load_n(place, __ATOMIC_ACQUIRE);
#ifdef BROKEN
	if (!fence)
		return NULL;
#endif
	if (fence)
		fence = dma_fence_get_rcu(fence);
	dmabuf_rcu_read_unlock();
	return fence;
}
