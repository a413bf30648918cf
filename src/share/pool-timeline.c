/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "share/own.h"
#include "share/pool.h"

int dma_buf_pool_share_timeline(struct dma_buf_pool *pool, struct dma_fence_timeline *tl,
				struct dma_buf_pool_fence *ret_origin)
{
	struct point point;
	int err;

	if (!pool || !tl || !ret_origin)
		return -EINVAL;
	err = pool_check(pool);
	if (!err)
		err = own_back(pool, tl, &point);
	if (err)
		return err;
	*ret_origin = (struct dma_buf_pool_fence){ point.id, point.timeline, point.seqno };
	return 0;
}
