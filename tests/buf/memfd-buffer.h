/* SPDX-License-Identifier: MIT */
#ifndef MEMFD_BUFFER_H
#define MEMFD_BUFFER_H

#include <dmabuf/dma-buf-memfd.h>

#include "harness.h"

static inline struct dma_buf *new_memfd_buffer(size_t size)
{
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_memfd_create("test", size, &dmabuf), ==, 0);
	return dmabuf;
}

#endif
