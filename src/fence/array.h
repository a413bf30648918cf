/* SPDX-License-Identifier: MIT */
/* Arrays, for layers above. */
#ifndef FENCE_ARRAY_H
#define FENCE_ARRAY_H

#include <dmabuf/dma-fence-array.h>

#include "os/thread.h"

/*
 * dma_fence_array_alloc() for an array that will signal on all, never on any: room
 * for one callback instead of one each.
 */
struct dma_fence_array *fence_array_alloc_for_all(unsigned int num_fences);

#endif
