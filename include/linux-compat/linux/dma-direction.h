/* SPDX-License-Identifier: MIT */
/* linux/dma-direction.h - which way data goes */
#ifndef LINUX_COMPAT_DMA_DIRECTION_H
#define LINUX_COMPAT_DMA_DIRECTION_H

#include <compat/tags.h>

#include <dmabuf/scatterlist.h>

static inline int valid_dma_direction(enum dma_data_direction direction)
{
	return direction == DMA_BIDIRECTIONAL || direction == DMA_TO_DEVICE ||
	       direction == DMA_FROM_DEVICE;
}

#endif
