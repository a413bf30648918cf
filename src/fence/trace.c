/* SPDX-License-Identifier: MIT */
/* Trace events of fences, and the time of birth that comes with them. */
#include "fence/fence.h"
#include "os/clock.h"

/*
 * 64 bits of flags are twice as many as there are bits to set, so the upper half tells
 * when the fence was made, in milliseconds; 0: not known. It wraps after 49 days.
 */
#define BIRTH_SHIFT 32

static uint32_t now_ms(void)
{
	return (uint32_t)(os_now_ns() / 1000000);
}

static void record_birth(struct dma_fence *fence)
{
#if __SIZEOF_LONG__ == 8
	const uint32_t now = now_ms();

	fetch_or_relaxed(&fence->flags, (unsigned long)(now ? now : 1) << BIRTH_SHIFT);
#else
	(void)fence;
#endif
}

int64_t fence_age_ns(const struct dma_fence *fence)
{
	const uint32_t birth = (uint32_t)((uint64_t)load_relaxed(&fence->flags) >> BIRTH_SHIFT);

	return birth ? (int64_t)(uint32_t)(now_ms() - birth) * 1000000 : -1;
}

void fence_trace_listened(enum dmabuf_trace_event event, struct dma_fence *fence, int64_t value)
{
	struct dmabuf_trace trace = { .event = event, .value = value, .fence = fence };

	if (fence) {
		trace.context = fence->context;
		trace.seqno = fence->seqno;
	}
	if (event == DMABUF_TRACE_FENCE_INIT) {
		record_birth(fence);
	} else if (fence) {
		/* Not dma_fence_driver_name(): who has signalled would be nobody. */
		trace.driver = fence->ops->get_driver_name(fence);
		trace.timeline = fence->ops->get_timeline_name(fence);
	}
	if (event == DMABUF_TRACE_FENCE_SIGNAL)
		trace.value = load_relaxed(&fence->error); /* the signaller's, or it was before */
	trace_emit(&trace);
}
