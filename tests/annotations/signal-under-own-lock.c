/* SPDX-License-Identifier: MIT */
/* refused: cannot call function 'dma_fence_signal' while (mutex|short lock) 'dma_fence_spinlock\(fence\)' is held */
#include <dmabuf/dmabuf.h>

void end(struct dma_fence *fence);

void end(struct dma_fence *fence)
{
	unsigned long flags;

	dma_fence_lock_irqsave(fence, flags);
#ifdef BROKEN
	dma_fence_signal(fence);
#else
	dma_fence_signal_locked(fence);
#endif
	dma_fence_unlock_irqrestore(fence, flags);
}
