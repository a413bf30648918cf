/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_buf_pin' requires holding ww_mutex 'attach->dmabuf->resv->lock' */
#include <dmabuf/dmabuf.h>

int pin(struct dma_buf_attachment *attach);

int pin(struct dma_buf_attachment *attach)
{
	int err;

	err = dma_resv_lock(attach->dmabuf->resv, NULL);
	if (err)
		return err;
#ifdef BROKEN
	dma_resv_unlock(attach->dmabuf->resv);
	return dma_buf_pin(attach);
#else
	err = dma_buf_pin(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	return err;
#endif
}
