/* SPDX-License-Identifier: MIT */
/* refused: calling function 'add_locked' requires holding ww_mutex 'dmabuf->resv->lock' */
#include <dmabuf/dmabuf.h>

static void add_locked(struct dma_buf *dmabuf, struct dma_fence *fence)
	DMABUF_REQUIRES(dmabuf->resv->lock)
{
	dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
}

int add(struct dma_buf *dmabuf, struct dma_fence *fence);

int add(struct dma_buf *dmabuf, struct dma_fence *fence)
{
	int err;

	err = dma_resv_lock(dmabuf->resv, NULL);
	if (err)
		return err;
	err = dma_resv_reserve_fences(dmabuf->resv, 1);
#ifdef BROKEN
	dma_resv_unlock(dmabuf->resv);
	if (!err)
		add_locked(dmabuf, fence);
#else
	if (!err)
		add_locked(dmabuf, fence);
	dma_resv_unlock(dmabuf->resv);
#endif
	return err;
}
