/* SPDX-License-Identifier: MIT */
/*
 * What layers above provide, whose fences signal in memory that processes share: the words that change then.
 * So who waits for several of them sleeps on those, and nobody need be told to signal them.
 */
#ifndef FENCE_WORDS_H
#define FENCE_WORDS_H

#include <dmabuf/dma-fence.h>

#include "os/atomic.h"
#include "os/futex.h"

/* Who sleeps on shared memory looks that often: an enemy can write it, so nothing there promises a wake-up. */
#define FENCE_SLICE_NS 10000000

#ifdef DMABUF_SEAMS
extern int64_t fence_slice_ns; /* tests that must see who is woken make it long */
#else
#define fence_slice_ns FENCE_SLICE_NS
#endif

/* A word in memory that is shared, which changes when the fence signals; and one of this process. */
enum { FENCE_SHARED_WORD, FENCE_OWN_WORD, FENCE_WORDS };

/* The ops of each fence with OWN_WAIT. */
struct fence_word_ops {
	struct dma_fence_ops ops;
	/*
	 * From now on one of the words changes when @fence signals, or might never; and who changes it
	 * wakes those who sleep there. Or, false: that was before, and the fence is to be asked.
	 */
	bool (*await)(struct dma_fence *fence, struct os_futex_word ret_word[FENCE_WORDS]);
};

static inline bool fence_await(struct dma_fence *fence, struct os_futex_word ret_word[FENCE_WORDS])
{
	return container_of(fence->ops, const struct fence_word_ops, ops)->await(fence, ret_word);
}

#endif
