/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_fence_driver_name' requires holding read section 'dmabuf_rcu' */
#include <dmabuf/dmabuf.h>

void say(struct dma_fence *fence);

void say(struct dma_fence *fence)
{
	const char *name;

	dmabuf_rcu_read_lock();
#ifdef BROKEN
	dmabuf_rcu_read_unlock();
#endif
	name = dma_fence_driver_name(fence);
	puts(name);
#ifndef BROKEN
	dmabuf_rcu_read_unlock();
#endif
}
