/* SPDX-License-Identifier: MIT */
/* Fences as values, for those who send them themselves. */
#include <errno.h>

#include "debug/lockdep.h"
#include "share/own.h"
#include "share/shared-fence.h"

/* A fence of this process, with its own promise. */
static int carry(struct dma_buf_pool *pool, struct dma_fence *fence, struct point *ret_point)
{
	struct own_spare spare = { 0 };
	enum carriage carriage;
	int err;

	err = own_spare_fill(&spare, 1);
	if (err)
		return err;
	err = own_promise(pool, 1);
	if (err) {
		own_spare_trim(&spare, 0);
		return err;
	}
	carriage = own_carry(pool, fence, &spare, ret_point);
	own_spare_trim(&spare, 0);
	if (carriage != CARRIED_NOW)
		own_release(pool, 1);
	return carriage == CARRIED_NEVER ? own_over(pool, fence->error, ret_point) : 0;
}

int dma_buf_pool_export_fence(struct dma_buf_pool *pool, struct dma_fence *fence,
			      struct dma_buf_pool_fence *ret_value)
{
	struct point point;
	int err;

	lockdep_might_alloc();
	if (!pool || !fence || !ret_value)
		return -EINVAL;
	err = pool_check(pool);
	if (!err && !fence_is_point(fence, pool, &point))
		err = carry(pool, fence, &point);
	if (err)
		return err;
	*ret_value = (struct dma_buf_pool_fence){ point.id, point.timeline, point.seqno };
	return 0;
}

struct dma_fence *dma_buf_pool_import_fence(struct dma_buf_pool *pool,
					    const struct dma_buf_pool_fence *value)
{
	struct point point;
	int err;

	lockdep_might_alloc();
	lockdep_might_sleep();
	if (!pool || !value)
		return dmabuf_err_ptr(-EINVAL);
	err = pool_check(pool);
	if (err)
		return dmabuf_err_ptr(err);
	point = (struct point){
		.id = value->member,
		.timeline = value->timeline,
		.seqno = value->seqno,
	};
	return fence_of_point(pool, &point);
}
