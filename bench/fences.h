/* SPDX-License-Identifier: MIT */
/* Fences that rows use: their memory is the row's own, and used again. */
#ifndef FENCES_H
#define FENCES_H

#include <dmabuf/dma-fence.h>

static const char *bench_name(struct dma_fence *fence)
{
	(void)fence;
	return "bench";
}

static void bench_keep(struct dma_fence *fence)
{
	(void)fence;
}

static const struct dma_fence_ops bench_ops = {
	.get_driver_name = bench_name,
	.get_timeline_name = bench_name,
	.release = bench_keep,
};

#endif
