/* SPDX-License-Identifier: MIT */
/* Fences as values, for those who send them themselves. */
#include <errno.h>

#include "debug/lockdep.h"
#include "os/clock.h"
#include "share/lease.h"
#include "share/own.h"
#include "share/shared-fence.h"

/* A fence of this process, with its own promise. */
static int carry(struct dma_buf_pool *pool, struct dma_fence *fence, enum carriage *ret_carriage,
		 struct point *ret_point)
{
	struct own_spare spare = { 0 };
	int err;

	err = own_spare_fill(&spare, 1);
	if (err)
		return err;
	err = own_promise(pool, 1);
	if (err) {
		own_spare_trim(&spare, 0);
		return err;
	}
	*ret_carriage = own_carry(pool, fence, &spare, ret_point);
	own_spare_trim(&spare, 0);
	if (*ret_carriage != CARRIED_NOW)
		own_release(pool, 1);
	return 0;
}

static int carry_or_over(struct dma_buf_pool *pool, struct dma_fence *fence, struct point *ret_point)
{
	enum carriage carriage;
	int err;

	err = carry(pool, fence, &carriage, ret_point);
	if (!err && carriage == CARRIED_NEVER)
		err = own_over(pool, fence->error, ret_point);
	return err;
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
		err = carry_or_over(pool, fence, &point);
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

int dma_buf_pool_lease_fence(struct dma_buf_pool *pool, struct dma_fence *fence, int64_t timeout)
{
	enum carriage carriage;
	struct point point;
	int err;

	lockdep_might_alloc();
	if (!pool || !fence || timeout <= 0)
		return -EINVAL;
	err = pool_check(pool);
	if (err)
		return err;
	/* Of its own points, only those that are over look like others'. */
	if (fence_is_point(fence, pool, &point))
		return point.id == pool->self->id ? 0 : -EINVAL;
	/* Prolonging needs nothing. */
	if (!own_find_point(pool, fence, &point)) {
		err = carry(pool, fence, &carriage, &point);
		if (err || carriage == CARRIED_NEVER)
			return err;
	}
	return lease_make(pool, &point, os_deadline_ns(timeout));
}
