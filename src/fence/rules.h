/* SPDX-License-Identifier: MIT */
/* Fences, as the rules see them. Nothing happens where they are not checked. */
#ifndef FENCE_RULES_H
#define FENCE_RULES_H

#include <dmabuf/dma-fence.h>

#include "debug/lockdep.h"

void fence_rules_might_lock(struct dma_fence *fence) __attribute__((cold));
void fence_rules_lock(struct dma_fence *fence) __attribute__((cold)); /* at once */
void fence_rules_could_lock(struct dma_fence *fence, const char *function) __attribute__((cold));
void fence_rules_locked(struct dma_fence *fence) __attribute__((cold));
void fence_rules_unlocked(struct dma_fence *fence) __attribute__((cold));
void fence_rules_signal(struct dma_fence *fence) __attribute__((cold));
void fence_rules_begin_callbacks(struct dma_fence *fence) __attribute__((cold));
void fence_rules_end_callbacks(struct dma_fence *fence) __attribute__((cold));
void fence_rules_might_wait(struct dma_fence *fence) __attribute__((cold));
void fence_rules_begin_release(struct dma_fence *fence) __attribute__((cold));

/* This thread may take the fence's lock. */
static inline void fence_might_lock(struct dma_fence *fence)
{
	if (lockdep_is_on())
		fence_rules_might_lock(fence);
}

/* @function uses the fence, and takes its lock if it does not return early. */
static inline void fence_could_lock(struct dma_fence *fence, const char *function)
{
	if (lockdep_is_on())
		fence_rules_could_lock(fence, function);
}

/* It may wait for the fence, if that has not signalled yet. */
static inline void fence_might_wait(struct dma_fence *fence)
{
	if (lockdep_is_on())
		fence_rules_might_wait(fence);
}

static inline void fence_check_alive(const struct dma_fence *fence, const char *function)
{
	if (lockdep_is_on())
		lockdep_check_alive(fence, "fence", function);
}

#endif
