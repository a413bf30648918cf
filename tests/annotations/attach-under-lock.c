/* SPDX-License-Identifier: MIT */
/* refused: cannot call function 'dma_buf_attach' while (mutex|ww_mutex) 'dmabuf->resv->lock' is held */
#include <dmabuf/dmabuf.h>

struct dma_buf_attachment *attach(struct dma_buf *dmabuf, struct device *dev);

struct dma_buf_attachment *attach(struct dma_buf *dmabuf, struct device *dev)
{
#ifdef BROKEN
	struct dma_buf_attachment *attachment;

	if (!dma_resv_trylock(dmabuf->resv))
		return NULL;
	attachment = dma_buf_attach(dmabuf, dev);
	dma_resv_unlock(dmabuf->resv);
	return attachment;
#else
	return dma_buf_attach(dmabuf, dev);
#endif
}
