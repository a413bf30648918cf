/* SPDX-License-Identifier: MIT */
/* trace/events/dma_fence.h - nothing: the library has probes of its own */
#ifndef LINUX_COMPAT_TRACE_EVENTS_DMA_FENCE_H
#define LINUX_COMPAT_TRACE_EVENTS_DMA_FENCE_H

#include <linux/dma-fence.h>

#define lc_trace_dma_fence(event)                                      \
	static inline void trace_dma_fence_##event(struct dma_fence *fence) \
	{                                                                  \
		(void)fence;                                               \
	}                                                                  \
	static inline bool trace_dma_fence_##event##_enabled(void)         \
	{                                                                  \
		return false;                                              \
	}

lc_trace_dma_fence(emit)
lc_trace_dma_fence(init)
lc_trace_dma_fence(destroy)
lc_trace_dma_fence(enable_signal)
lc_trace_dma_fence(signaled)
lc_trace_dma_fence(wait_start)
lc_trace_dma_fence(wait_end)

#endif
