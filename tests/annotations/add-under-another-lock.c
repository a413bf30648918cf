/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_resv_reserve_fences' requires holding ww_mutex 'second->lock' */
#include <dmabuf/dmabuf.h>

#ifdef BROKEN
#define LOCKED first
#else
#define LOCKED second
#endif

int reserve(struct dma_resv *first, struct dma_resv *second);

int reserve(struct dma_resv *first, struct dma_resv *second)
{
	int err;

	(void)first;
	err = dma_resv_lock(LOCKED, NULL);
	if (err)
		return err;
	err = dma_resv_reserve_fences(second, 1);
	dma_resv_unlock(LOCKED);
	return err;
}
