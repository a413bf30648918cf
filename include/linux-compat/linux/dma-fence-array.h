/* SPDX-License-Identifier: MIT */
/*
 * linux/dma-fence-array.h - arrays of fences
 *
 * Linux dropped the last argument, signal_on_any, in 2026: it may be left out.
 */
#ifndef LINUX_COMPAT_DMA_FENCE_ARRAY_H
#define LINUX_COMPAT_DMA_FENCE_ARRAY_H

#include <linux/dma-fence.h>
#include <linux/irq_work.h>

#include <dmabuf/dma-fence-array.h>

#define lc_seqno_and_any(seqno, any, ...) seqno, any

#define dma_fence_array_init(array, num_fences, fences, context, ...)    \
	(dma_fence_array_init)(array, num_fences, fences, context,       \
			       lc_seqno_and_any(__VA_ARGS__, false, 0))

#define dma_fence_array_create(num_fences, fences, context, ...)         \
	(dma_fence_array_create)(num_fences, fences, context,            \
				 lc_seqno_and_any(__VA_ARGS__, false, 0))

#endif
