/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-look.h - has a fence signalled?
 *
 * Part of dma-fence.h, which says what a fence is.
 *
 * A look is one load, so it is inline. The functions are in the library as well, for
 * who calls them by a pointer, from another language, or without optimisation.
 */
#ifndef DMABUF_DMA_FENCE_LOOK_H
#define DMABUF_DMA_FENCE_LOOK_H

#include <dmabuf/dma-fence.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Never a definition of its own, in any C or C++. One source of the library makes it one. */
#ifndef DMABUF_LOOK
#define DMABUF_LOOK extern __inline __attribute__((__gnu_inline__))
#endif

/**
 * dma_fence_is_signaled() - is the work done?
 * @fence: fence to look at; the caller holds a reference
 *
 * Asks the signaled op where there is one, and signals the fence if that says so.
 * Without that op, and while nobody enabled signalling, a lazy fence may stay
 * unsignalled for ever.
 *
 * Locking: takes the fence's lock only to signal it.
 *
 * Ordering: true: what the signaller wrote before dma_fence_signal() is visible.
 *
 * Return: true once signalled.
 *
 * Since: 0.1
 */
bool dma_fence_is_signaled(struct dma_fence *fence) DMABUF_EXCLUDES(dma_fence_spinlock(fence));

/**
 * dma_fence_test_signaled_flag() - has it signalled? Nothing else happens.
 * @fence: fence to look at; readable memory is enough, be it in an RCU section
 *
 * Ordering: as dma_fence_is_signaled().
 *
 * Return: true once signalled.
 *
 * Since: 0.1 (later Linux)
 */
bool dma_fence_test_signaled_flag(const struct dma_fence *fence);

/**
 * dma_fence_ask_signaled() - what dma_fence_is_signaled() does where the flags do not tell
 * @fence: as there, with a signaled op
 *
 * Asks that op. All others use dma_fence_is_signaled().
 *
 * Locking, Ordering: as there.
 *
 * Return: true once signalled.
 *
 * Since: 0.1. Extension.
 */
bool dma_fence_ask_signaled(struct dma_fence *fence) DMABUF_EXCLUDES(dma_fence_spinlock(fence));

DMABUF_LOOK bool dma_fence_test_signaled_flag(const struct dma_fence *fence)
{
	const unsigned long flags = __atomic_load_n(&fence->flags, __ATOMIC_ACQUIRE);

	return flags & (1ul << DMA_FENCE_FLAG_SIGNALED_BIT);
}

DMABUF_LOOK bool dma_fence_is_signaled(struct dma_fence *fence)
{
	const unsigned long flags = __atomic_load_n(&fence->flags, __ATOMIC_ACQUIRE);

	if (flags & (1ul << DMA_FENCE_FLAG_SIGNALED_BIT))
		return true;
	if (__builtin_expect((flags & (1ul << DMA_FENCE_FLAG_HAS_SIGNALED_OP_BIT)) != 0, 0))
		return dma_fence_ask_signaled(fence);
	return false;
}

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_LOOK_H */
