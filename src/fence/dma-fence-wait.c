/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one fence, on its own flags (see dma-fence-signal.c, A1 to A3); wait-any.c has several.
 * And what concerns waiting: until when a fence is needed, and where nobody may wait.
 */
#include <errno.h>

#include "fence/fence.h"
#include "fence/rules.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "os/report.h"

int64_t fence_time_left(int64_t deadline, int64_t timeout)
{
	const int64_t left = os_remaining_ns(deadline);

	if (!left)
		return 1;
	/* A deadline beyond the end of time is no deadline, and nothing of it passes. */
	return left < timeout ? left : timeout;
}

static bool spin_for(struct dma_fence *fence)
{
	for (unsigned int spins = os_spin_limit(); spins; spins--) {
		if (dma_fence_test_signaled_flag(fence))
			return true;
		os_cpu_relax();
	}
	return false;
}

/* 0: it has signalled; -ETIMEDOUT; -EINTR. */
static int sleep_for(struct dma_fence *fence, bool intr, int64_t deadline)
{
	for (;;) {
		const unsigned long flags = fetch_or_acq_rel(&fence->flags, HAS_WAITERS); /* A1 */
		int err;

		if (flags & SIGNALED) /* A2 */
			return 0;
		err = os_futex_wait(fence_futex(fence), (uint32_t)(flags | HAS_WAITERS), deadline,
				    intr); /* A3 */
		if (err == -ETIMEDOUT || (err && !dma_fence_test_signaled_flag(fence)))
			return err;
	}
}

static int64_t default_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	int64_t deadline;

	if (dma_fence_test_signaled_flag(fence))
		return timeout ? timeout : 1;
	if (!timeout)
		return 0;
	deadline = os_deadline_ns(timeout);
	OS_RACE_POINT("wait: before it spins");
	if (!spin_for(fence)) {
		const int err = sleep_for(fence, intr, deadline);

		if (err)
			return err == -ETIMEDOUT ? 0 : -ERESTARTSYS;
	}
	return fence_time_left(deadline, timeout);
}

int64_t dma_fence_default_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	if (timeout < 0)
		return -EINVAL;
	if (timeout)
		fence_might_wait(fence);
	return default_wait(fence, intr, timeout);
}

static int64_t wait_for(struct dma_fence *fence, bool intr, int64_t timeout)
{
	int64_t (*const wait)(struct dma_fence *, bool, int64_t) = fence->ops->wait;

	/* By what it waits for, not by being told: then nobody need be asked to tell. */
	if (!(load_relaxed(&fence->flags) & OWN_WAIT))
		dma_fence_enable_sw_signaling(fence);
	if (wait && wait != dma_fence_default_wait)
		return wait(fence, intr, timeout);
	/* With an op to ask, a look at the flags alone would miss what is done. */
	if (!wait && dma_fence_is_signaled(fence))
		return timeout ? timeout : 1;
	return default_wait(fence, intr, timeout);
}

static int64_t full_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	int64_t ret;

	if (dmabuf_warn_on(timeout < 0, "dma_fence_wait_timeout(): negative timeout"))
		return -EINVAL;
	if (timeout)
		fence_might_wait(fence);
	fence_trace(DMABUF_TRACE_FENCE_WAIT_BEGIN, fence, timeout);
	ret = wait_for(fence, intr, timeout);
	fence_trace(DMABUF_TRACE_FENCE_WAIT_END, fence, ret);
	return ret;
}

int64_t dma_fence_wait_timeout(struct dma_fence *fence, bool intr, int64_t timeout)
{
	/* Often nobody has to wait, nor to be told of it. */
	if (!watch_is_on() && timeout > 0 && !fence->ops->wait && dma_fence_test_signaled_flag(fence))
		return timeout;
	return full_wait(fence, intr, timeout);
}

int64_t dma_fence_wait(struct dma_fence *fence, bool intr)
{
	const int64_t ret = dma_fence_wait_timeout(fence, intr, MAX_SCHEDULE_TIMEOUT);

	return ret < 0 ? ret : 0;
}

/*
 * Until when, and where not.
 */

void dma_fence_set_deadline(struct dma_fence *fence, int64_t deadline)
{
	fence_check_alive(fence, __func__);
	if (fence->ops->set_deadline && !dma_fence_is_signaled(fence))
		fence->ops->set_deadline(fence, deadline);
}

bool dma_fence_begin_signalling(void)
{
	return lockdep_is_on() ? lockdep_begin_section() : true;
}

void dma_fence_end_signalling(bool cookie)
{
	if (lockdep_is_on())
		lockdep_end_section(cookie);
}

void __dma_fence_might_wait(void)
{
	if (lockdep_is_on())
		lockdep_might_wait();
}
