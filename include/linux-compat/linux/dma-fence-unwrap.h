/* SPDX-License-Identifier: MIT */
/* linux/dma-fence-unwrap.h - the plain fences inside of containers */
#ifndef LINUX_COMPAT_DMA_FENCE_UNWRAP_H
#define LINUX_COMPAT_DMA_FENCE_UNWRAP_H

#include <linux/dma-fence.h>

#include <dmabuf/dma-fence-unwrap.h>

#endif
