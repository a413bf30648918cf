/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_resv_add_fence' requires holding ww_mutex 'obj->lock' */
#include <dmabuf/dmabuf.h>

void add(struct dma_resv *obj, struct dma_fence *fence);

void add(struct dma_resv *obj, struct dma_fence *fence)
{
#ifndef BROKEN
	dma_resv_assert_held(obj);
#endif
	dma_resv_add_fence(obj, fence, DMA_RESV_USAGE_READ);
}
