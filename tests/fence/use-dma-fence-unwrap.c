/* SPDX-License-Identifier: MIT */
/* Compiled as C11 and as C++17 by scripts/check-headers.py: what the macros become. */
#include <dmabuf/dma-fence-unwrap.h>

struct dma_fence *use_merge(struct dma_fence *a, struct dma_fence *b);

struct dma_fence *use_merge(struct dma_fence *a, struct dma_fence *b)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf, *iter;
	unsigned int count = 0;

	dma_fence_unwrap_for_each(leaf, &cursor, a)
		count++;
	dma_fence_chain_for_each(iter, b)
		count++;
	return count ? dma_fence_unwrap_merge(a, b) : NULL;
}
