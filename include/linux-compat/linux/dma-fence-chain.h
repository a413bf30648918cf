/* SPDX-License-Identifier: MIT */
/* linux/dma-fence-chain.h - chains of fences */
#ifndef LINUX_COMPAT_DMA_FENCE_CHAIN_H
#define LINUX_COMPAT_DMA_FENCE_CHAIN_H

#include <linux/dma-fence.h>
#include <linux/irq_work.h>
#include <linux/slab.h>

#include <dmabuf/dma-fence-chain.h>

#endif
