/* SPDX-License-Identifier: MIT */
/*
 * The CPU: access between begin and end, and addresses.
 *
 * Locking: vmapping_counter and vmap_ptr are under the reservation lock.
 */
#include <dmabuf/dma-buf.h>

#include <errno.h>
#include <sys/mman.h>

#include "buf/buffer.h"

int dma_buf_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	const bool writes = direction != DMA_FROM_DEVICE;
	int err = 0;

	if (dmabuf_warn_on(!dmabuf, "dma_buf_begin_cpu_access() needs a buffer"))
		return -EINVAL;
	buffer_assert_not_held(dmabuf, __func__);
	buffer_might_lock(dmabuf);
	__dma_fence_might_wait();
	if (!direction_is_valid(direction))
		return -EINVAL;
	if (dmabuf->ops->begin_cpu_access)
		err = dmabuf->ops->begin_cpu_access(dmabuf, direction);
	if (err)
		return err;
	/* The exporter may have queued work of its own: wait after it. */
	err = buffer_wait(dmabuf, dma_resv_usage_rw(writes));
	if (err && dmabuf->ops->end_cpu_access)
		dmabuf->ops->end_cpu_access(dmabuf, direction);
	return err;
}

int dma_buf_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	if (dmabuf_warn_on(!dmabuf, "dma_buf_end_cpu_access() needs a buffer"))
		return -EINVAL;
	buffer_assert_not_held(dmabuf, __func__);
	buffer_might_lock(dmabuf);
	if (!direction_is_valid(direction))
		return -EINVAL;
	return dmabuf->ops->end_cpu_access ? dmabuf->ops->end_cpu_access(dmabuf, direction) : 0;
}

int dma_buf_mmap_cpu(struct dma_buf *dmabuf, int prot, void **ret_addr)
{
	if (!dmabuf || !ret_addr || (prot != PROT_READ && prot != (PROT_READ | PROT_WRITE)))
		return -EINVAL;
	buffer_assert_not_held(dmabuf, __func__);
	if (prot & PROT_WRITE && !to_buffer(dmabuf)->writable)
		return -EACCES;
	if (!dmabuf->ops->mmap_cpu)
		return -EOPNOTSUPP;
	return dmabuf->ops->mmap_cpu(dmabuf, prot, ret_addr);
}

static const struct iosys_map no_map = { .vaddr = NULL };

int dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct iosys_map first = no_map;

	if (dmabuf_warn_on(!dmabuf || !map, "dma_buf_vmap() needs a buffer and a map"))
		return -EINVAL;
	*map = no_map;
	buffer_check_alive(dmabuf, __func__);
	dma_resv_assert_held(dmabuf->resv);
	if (!dmabuf->ops->vmap)
		return -EINVAL;
	if (!dmabuf->vmapping_counter) {
		const int err = dmabuf->ops->vmap(dmabuf, &first);

		if (err)
			return err;
		dmabuf->vmap_ptr = first;
	}
	dmabuf->vmapping_counter++;
	*map = dmabuf->vmap_ptr;
	return 0;
}

void dma_buf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	if (dmabuf_warn_on(!dmabuf || !map, "dma_buf_vunmap() needs a buffer and a map"))
		return;
	buffer_check_alive(dmabuf, __func__);
	dma_resv_assert_held(dmabuf->resv);
	dmabuf_bug_on(!dmabuf->vmapping_counter,
		      "dma_buf_vunmap(): buffer %p is not mapped; call it once for each dma_buf_vmap()",
		      (void *)dmabuf);
	dmabuf_bug_on(map->vaddr != dmabuf->vmap_ptr.vaddr,
		      "dma_buf_vunmap(): %p is not what dma_buf_vmap() gave, %p; give that back",
		      map->vaddr, dmabuf->vmap_ptr.vaddr);
	if (--dmabuf->vmapping_counter)
		return;
	if (dmabuf->ops->vunmap)
		dmabuf->ops->vunmap(dmabuf, map);
	dmabuf->vmap_ptr = no_map;
}

int dma_buf_vmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
{
	int err;

	if (dmabuf_warn_on(!dmabuf || !map, "dma_buf_vmap_unlocked() needs a buffer and a map"))
		return -EINVAL;
	buffer_assert_not_held(dmabuf, __func__);
	buffer_lock(dmabuf);
	err = dma_buf_vmap(dmabuf, map);
	buffer_unlock(dmabuf);
	return err;
}

void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
{
	if (dmabuf_warn_on(!dmabuf || !map, "dma_buf_vunmap_unlocked() needs a buffer and a map"))
		return;
	buffer_assert_not_held(dmabuf, __func__);
	buffer_lock(dmabuf);
	dma_buf_vunmap(dmabuf, map);
	buffer_unlock(dmabuf);
}
