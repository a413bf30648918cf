/* SPDX-License-Identifier: MIT */
/* The malloc exporter: memory of this process, with no descriptor to give away. */
#include <dmabuf/dma-buf-memfd.h>

#include <errno.h>

#include "buf/buffer.h"
#include "buf/memory.h"

int dma_buf_malloc_create(const char *name, size_t size, struct dma_buf **ret_buf)
{
	lockdep_might_alloc();
	if (!ret_buf || !buffer_name_fits(name) || !size)
		return -EINVAL;
	return memory_export_block(name, size, ret_buf);
}
