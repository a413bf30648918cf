/* SPDX-License-Identifier: MIT */
/*
 * linux/dma-resv.h - reservations
 *
 * To know: what is added under the lock shows to others at dma_resv_unlock().
 */
#ifndef LINUX_COMPAT_DMA_RESV_H
#define LINUX_COMPAT_DMA_RESV_H

#include <linux/cleanup.h>
#include <linux/dma-fence.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/ww_mutex.h>

#include <dmabuf/dma-resv.h>

/* As dma_fence_wait_timeout(): timers first. */
static inline int64_t lc_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage,
					   bool intr, int64_t timeout)
{
	const int64_t deadline = lc_deadline(timeout);
	const int64_t left = (dma_resv_wait_timeout)(obj, usage, intr, timeout);

	if (left || timeout <= 0)
		return left;
	lc_timers_run_until(deadline);
	return (dma_resv_wait_timeout)(obj, usage, intr, 0);
}
#define dma_resv_wait_timeout(obj, usage, intr, timeout) \
	lc_resv_wait_timeout(obj, usage, intr, timeout)

/* guard(dma_resv)(obj), scoped_cond_guard(dma_resv_intr, return -EINTR, obj), ... */
DEFINE_GUARD(dma_resv, struct dma_resv *, (void)dma_resv_lock(_T, NULL), dma_resv_unlock(_T))
DEFINE_GUARD_COND(dma_resv, _try, dma_resv_trylock(_T))
DEFINE_GUARD_COND(dma_resv, _intr, dma_resv_lock_interruptible(_T, NULL), _RET == 0)

#endif
