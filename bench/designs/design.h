/* SPDX-License-Identifier: MIT */
/* What all designs of reservations share: fences, as Linux's inline functions have them. */
#ifndef DESIGN_H
#define DESIGN_H

#include <errno.h>
#include <stdlib.h>

#include <dmabuf/dma-resv.h>

#include "fence/fence.h"
#include "os/alloc.h"
#include "os/fault.h"

static inline struct dma_fence *design_get(struct dma_fence *fence)
{
	fetch_add_relaxed(&fence->refcount.count, 1);
	return fence;
}

static inline bool design_get_unless_dead(struct dma_fence *fence)
{
	uint32_t count = load_relaxed(&fence->refcount.count);

	do {
		if (!count)
			return false;
	} while (!cas_acquire(&fence->refcount.count, &count, count + 1));
	return true;
}

static inline void design_put(struct dma_fence *fence)
{
	if (fence && fetch_sub_acq_rel(&fence->refcount.count, 1) == 1)
		dma_fence_release(&fence->refcount);
}

static inline bool design_is_signaled(struct dma_fence *fence)
{
	const enum fence_state state = fence_peek(fence);

	return state == FENCE_ASK ? dma_fence_is_signaled(fence) : state == FENCE_DONE;
}

/* All that has not signalled as one fence, made of what get_fences gives. */
static inline int design_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
				       struct dma_fence **ret_fence)
{
	struct dma_fence_array *array;
	struct dma_fence **fences;
	unsigned int n;
	const int err = dma_resv_get_fences(obj, usage, &n, &fences);

	if (err)
		return err;
	if (n <= 1) {
		*ret_fence = n ? fences[0] : NULL;
		free(fences);
		return 0;
	}
	array = dma_fence_array_create((int)n, fences, dma_fence_context_alloc(1), 1, false);
	if (!array) {
		while (n)
			design_put(fences[--n]);
		free(fences);
		return -ENOMEM;
	}
	*ret_fence = &array->base;
	return 0;
}

#endif
