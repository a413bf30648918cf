/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_resv_reserve_fences' requires holding ww_mutex 'obj->lock' */
#include <dmabuf/dmabuf.h>

int add(struct dma_resv *obj, struct dma_fence *fence);

int add(struct dma_resv *obj, struct dma_fence *fence)
{
	int err;

#ifndef BROKEN
	dma_resv_guard(obj);
#endif
	err = dma_resv_reserve_fences(obj, 1);
	if (err)
		return err;
	dma_resv_add_fence(obj, fence, DMA_RESV_USAGE_READ);
	return 0;
}
