/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_resv_commit' requires holding ww_mutex 'obj->lock' */
#include <dmabuf/dmabuf.h>

bool try_commit(struct dma_resv *obj);

bool try_commit(struct dma_resv *obj)
{
	if (!dma_resv_trylock(obj)) {
#ifdef BROKEN
		dma_resv_commit(obj);
#endif
		return false;
	}
	dma_resv_commit(obj);
	dma_resv_unlock(obj);
	return true;
}
