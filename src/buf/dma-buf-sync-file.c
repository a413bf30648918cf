/* SPDX-License-Identifier: MIT */
/* A buffer's fences as a descriptor, and a descriptor's fences into a buffer. */
#include <dmabuf/dma-buf-sync-file.h>

#include <errno.h>

#include <dmabuf/dma-fence-unwrap.h>

#include "buf/buffer.h"
#include "fence/sync-file.h"

static bool flags_are_valid(unsigned int flags)
{
	return flags && !(flags & ~(unsigned int)DMA_BUF_SYNC_RW);
}

int dma_buf_export_sync_file(struct dma_buf *dmabuf, unsigned int flags)
{
	struct dma_fence *fence;
	int err, fd;

	lockdep_might_alloc();
	if (!dmabuf || !flags_are_valid(flags))
		return -EINVAL;
	buffer_check_alive(dmabuf, __func__);
	err = dma_resv_get_singleton(dmabuf->resv, dma_resv_usage_rw(flags & DMA_BUF_SYNC_WRITE),
				     &fence);
	if (err)
		return err;
	if (!fence)
		fence = dma_fence_get_stub();
	fd = sync_file_make_fd(fence, "");
	dma_fence_put(fence);
	return fd;
}

static unsigned int count_leaves(struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf;
	unsigned int count = 0;

	dma_fence_unwrap_for_each(leaf, &cursor, fence)
		count++;
	return count;
}

static int add_leaves(struct dma_resv *resv, struct dma_fence *fence, enum dma_resv_usage usage)
	DMABUF_REQUIRES(resv->lock)
{
	/* Links of a chain may go before the second walk, but none can come. */
	const unsigned int count = count_leaves(fence);
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf;
	int err;

	if (!count)
		return 0;
	err = dma_resv_reserve_fences(resv, count);
	if (err)
		return err;
	dma_fence_unwrap_for_each(leaf, &cursor, fence)
		dma_resv_add_fence(resv, leaf, usage);
	return 0;
}

int dma_buf_import_sync_file(struct dma_buf *dmabuf, unsigned int flags, int fd)
{
	const bool writes = flags & DMA_BUF_SYNC_WRITE;
	struct dma_fence *fence;
	int err;

	if (!dmabuf || !flags_are_valid(flags))
		return -EINVAL;
	buffer_assert_not_held(dmabuf, __func__);
	buffer_might_lock(dmabuf);
	lockdep_might_alloc();
	err = sync_file_find_fence(fd, &fence);
	if (err)
		return err;
	buffer_lock(dmabuf);
	err = add_leaves(dmabuf->resv, fence, writes ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	buffer_unlock(dmabuf);
	dma_fence_put(fence);
	return err;
}
