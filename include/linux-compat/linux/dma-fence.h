/* SPDX-License-Identifier: MIT */
/*
 * linux/dma-fence.h - fences by Linux's names, which are the library's
 *
 * What differs between versions of Linux is told apart by the arguments.
 *
 * fence->lock is there for fences that were given a lock. A fence with a lock of its own
 * (NULL at dma_fence_init(); the library's arrays, chains and stubs) is locked through
 * dma_fence_lock_irqsave().
 */
#ifndef LINUX_COMPAT_DMA_FENCE_H
#define LINUX_COMPAT_DMA_FENCE_H

#include <compat/tags.h>
#include <compat/timers.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <dmabuf/dma-fence.h>

/* __dma_fence_is_later() of later Linux: are the numbers of @fence's timeline 64 bits? */
static inline bool lc_fence_is_later(const struct dma_fence *fence, u64 f1, u64 f2)
{
	static const struct dma_fence_ops wraps, wide = { .use_64bit_seqno = true };

	return (__dma_fence_is_later)(f1, f2,
				      test_bit(DMA_FENCE_FLAG_SEQNO64_BIT, &fence->flags) ?
					      &wide : &wraps);
}

/* (f1, f2, ops) until 6.17, (fence, f1, f2) since then */
#define __dma_fence_is_later(a, b, c)                                    \
	_Generic((a),                                                    \
		struct dma_fence *: lc_fence_is_later,               \
		const struct dma_fence *: lc_fence_is_later,         \
		default: (__dma_fence_is_later))(a, b, c)

/* Until 6.5: no timestamp, and an error pointer. */
static inline struct dma_fence *lc_private_stub_now(void)
{
	struct dma_fence *stub = dma_fence_allocate_private_stub(ktime_get());

	return stub ? stub : (struct dma_fence *)ERR_PTR(-ENOMEM);
}

#define lc_private_stub(none, timestamp, function, ...) function
#define dma_fence_allocate_private_stub(...)                                     \
	lc_private_stub(0, ##__VA_ARGS__, (dma_fence_allocate_private_stub), \
			    lc_private_stub_now, 0)(__VA_ARGS__)

/*
 * Waits. In Linux a timer is never later than a longer time-out that began before it was due;
 * where a jiffy is a nanosecond, threads would decide. So a wait that ends by time-out lets
 * those timers run, and looks once more.
 */

static inline int64_t lc_fence_wait_timeout(struct dma_fence *fence, bool intr, int64_t timeout)
{
	const int64_t deadline = lc_deadline(timeout);
	const int64_t left = (dma_fence_wait_timeout)(fence, intr, timeout);

	if (left || timeout <= 0)
		return left;
	lc_timers_run_until(deadline);
	return dma_fence_is_signaled(fence);
}
#define dma_fence_wait_timeout(fence, intr, timeout) lc_fence_wait_timeout(fence, intr, timeout)

static inline int64_t lc_fence_default_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	const int64_t deadline = lc_deadline(timeout);
	const int64_t left = (dma_fence_default_wait)(fence, intr, timeout);

	if (left || timeout <= 0)
		return left;
	lc_timers_run_until(deadline);
	return dma_fence_test_signaled_flag(fence);
}
#define dma_fence_default_wait(fence, intr, timeout) lc_fence_default_wait(fence, intr, timeout)

static inline int64_t lc_fence_wait_any_timeout(struct dma_fence **fences, uint32_t count,
						bool intr, int64_t timeout, uint32_t *idx)
{
	const int64_t deadline = lc_deadline(timeout);
	const int64_t left = (dma_fence_wait_any_timeout)(fences, count, intr, timeout, idx);

	if (left || timeout <= 0)
		return left;
	lc_timers_run_until(deadline);
	return (dma_fence_wait_any_timeout)(fences, count, intr, 0, idx);
}
#define dma_fence_wait_any_timeout(fences, count, intr, timeout, idx) \
	lc_fence_wait_any_timeout(fences, count, intr, timeout, idx)

#define lc_fence_printk(level, f, fmt, ...)                                     \
	printk(level "f %llu#%llu: " fmt, (unsigned long long)(f)->context,        \
	       (unsigned long long)(f)->seqno, ##__VA_ARGS__)
#define DMA_FENCE_WARN(f, fmt, ...) lc_fence_printk(KERN_WARNING, f, fmt, ##__VA_ARGS__)
#define DMA_FENCE_ERR(f, fmt, ...)  lc_fence_printk(KERN_ERR, f, fmt, ##__VA_ARGS__)

#endif
