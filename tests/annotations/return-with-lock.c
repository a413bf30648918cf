/* SPDX-License-Identifier: MIT */
/* refused: (mutex|ww_mutex) 'obj->lock' is not held on every path through here */
#include <dmabuf/dmabuf.h>

int commit(struct dma_resv *obj, unsigned int n);

int commit(struct dma_resv *obj, unsigned int n)
{
	int err;

	err = dma_resv_lock_interruptible(obj, NULL);
	if (err)
		return err;
	err = dma_resv_reserve_fences(obj, n);
#ifdef BROKEN
	if (err)
		return err;
#endif
	dma_resv_unlock(obj);
	return err;
}
