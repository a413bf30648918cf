/* SPDX-License-Identifier: MIT */
/*
 * Locking: memory and pins of a buffer are under its reservation lock. What was mapped
 * before a move stays memory until the move's job has ended: that depends on all jobs that
 * are in the reservation, and only then copies, and frees.
 */
#include <linux/atomic.h>
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "store.h"

struct store_buffer {
	void *memory;
	size_t size;
	unsigned int pins;
};

static atomic_t store_buffers = ATOMIC_INIT(0);

static int store_pin(struct dma_buf_attachment *attach)
{
	struct store_buffer *buffer = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	buffer->pins++;
	return 0;
}

static void store_unpin(struct dma_buf_attachment *attach)
{
	struct store_buffer *buffer = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	buffer->pins--;
}

/* A segment a page: the importer has no right to more. */
static void store_fill_table(struct sg_table *sgt, const struct store_buffer *buffer)
{
	struct scatterlist *sg;
	size_t done = 0;
	unsigned int i;

	for_each_sgtable_sg(sgt, sg, i) {
		const size_t length = min_t(size_t, buffer->size - done, PAGE_SIZE);

		sg_set_buf(sg, buffer->memory + done, length);
		done += length;
	}
}

static struct sg_table *store_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction direction)
{
	struct store_buffer *buffer = attach->dmabuf->priv;
	struct sg_table *sgt;
	int err;

	dma_resv_assert_held(attach->dmabuf->resv);
	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	err = sg_alloc_table(sgt, DIV_ROUND_UP(buffer->size, PAGE_SIZE), GFP_KERNEL);
	if (err)
		goto free_sgt;
	store_fill_table(sgt, buffer);
	err = dma_map_sgtable(attach->dev, sgt, direction, DMA_ATTR_SKIP_CPU_SYNC);
	if (err)
		goto free_table;
	return sgt;

free_table:
	sg_free_table(sgt);
free_sgt:
	kfree(sgt);
	return ERR_PTR(err);
}

static void store_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction direction)
{
	dma_unmap_sgtable(attach->dev, sgt, direction, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

/* Keep the memory where it is for the CPU, and wait until its content is there. */
static int store_settle(struct dma_buf *dmabuf)
{
	struct store_buffer *buffer = dmabuf->priv;
	long left;

	left = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, true,
				     MAX_SCHEDULE_TIMEOUT);
	if (left < 0)
		return left;
	buffer->pins++;
	return 0;
}

static int store_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct store_buffer *buffer = dmabuf->priv;
	int err;

	err = store_settle(dmabuf);
	if (err)
		return err;
	iosys_map_set_vaddr(map, buffer->memory);
	return 0;
}

static void store_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct store_buffer *buffer = dmabuf->priv;

	buffer->pins--;
}

static void store_vm_close(struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = vma->vm_private_data;
	struct store_buffer *buffer = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	buffer->pins--;
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

static const struct vm_operations_struct store_vm_ops = { .close = store_vm_close };

/* A mapping does not follow moves: while there is one, the memory stays. */
static int store_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct store_buffer *buffer = dmabuf->priv;
	int err;

	err = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (err)
		return err;
	err = store_settle(dmabuf);
	if (err)
		goto unlock;
	err = remap_vmalloc_range(vma, buffer->memory, vma->vm_pgoff);
	if (err) {
		buffer->pins--;
		goto unlock;
	}
	get_dma_buf(dmabuf);
	vma->vm_private_data = dmabuf;
	vma->vm_ops = &store_vm_ops;
unlock:
	dma_resv_unlock(dmabuf->resv);
	return err;
}

static void store_release(struct dma_buf *dmabuf)
{
	struct store_buffer *buffer = dmabuf->priv;

	vfree(buffer->memory);
	kfree(buffer);
	atomic_dec(&store_buffers);
}

static const struct dma_buf_ops store_ops = {
	.pin = store_pin,
	.unpin = store_unpin,
	.map_dma_buf = store_map,
	.unmap_dma_buf = store_unmap,
	.vmap = store_vmap,
	.vunmap = store_vunmap,
	.mmap = store_mmap,
	.release = store_release,
};

struct dma_buf *store_create(size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct store_buffer *buffer;
	struct dma_buf *dmabuf;

	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->size = PAGE_ALIGN(size);
	buffer->memory = vmalloc_user(buffer->size);
	if (!buffer->memory) {
		dmabuf = ERR_PTR(-ENOMEM);
		goto free_buffer;
	}
	info.ops = &store_ops;
	info.size = buffer->size;
	info.flags = O_RDWR;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		goto free_memory;
	atomic_inc(&store_buffers);
	return dmabuf;

free_memory:
	vfree(buffer->memory);
free_buffer:
	kfree(buffer);
	return dmabuf;
}

struct store_move_job {
	struct ring_job base;
	struct dma_buf *dmabuf;	/* a reference */
	void *from, *to;
	size_t size;
};

static int store_move_run(struct ring_job *base)
{
	struct store_move_job *job = container_of(base, struct store_move_job, base);

	memcpy(job->to, job->from, job->size);
	return 0;
}

static void store_move_end(struct ring_job *base)
{
	struct store_move_job *job = container_of(base, struct store_move_job, base);

	vfree(job->from);
	dma_buf_put(job->dmabuf);
}

static const struct ring_job_ops store_move_ops = {
	.run = store_move_run,
	.end = store_move_end,
};

/* The caller holds the lock. On success all that come wait for @job. */
static int store_move_locked(struct dma_buf *dmabuf, struct store_move_job *job)
{
	struct store_buffer *buffer = dmabuf->priv;
	int err;

	if (buffer->pins)
		return -EBUSY;
	err = ring_job_depend_on_resv(&job->base, dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP);
	if (err)
		return err;
	err = dma_resv_reserve_fences(dmabuf->resv, 1);
	if (err)
		return err;

	dma_buf_move_notify(dmabuf);
	get_dma_buf(dmabuf);
	job->dmabuf = dmabuf;
	job->from = buffer->memory;
	buffer->memory = job->to;
	ring_job_arm(&job->base);
	dma_resv_add_fence(dmabuf->resv, &job->base.fence, DMA_RESV_USAGE_KERNEL);
	ring_job_push(&job->base);
	return 0;
}

int store_move(struct dma_buf *dmabuf, struct ring *ring)
{
	struct store_buffer *buffer = dmabuf->priv;
	struct store_move_job *job;
	int err;

	job = kzalloc(sizeof(*job), GFP_KERNEL);
	if (!job)
		return -ENOMEM;
	job->size = buffer->size;
	job->to = vmalloc_user(buffer->size);
	if (!job->to) {
		kfree(job);
		return -ENOMEM;
	}
	ring_job_init(&job->base, ring, &store_move_ops);
	err = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (!err) {
		err = store_move_locked(dmabuf, job);
		dma_resv_unlock(dmabuf->resv);
	}
	if (err) {
		vfree(job->to);
		ring_job_drop(&job->base);
	}
	return err;
}

void *store_where(struct dma_buf *dmabuf)
{
	struct store_buffer *buffer = dmabuf->priv;
	void *memory;

	dma_resv_lock(dmabuf->resv, NULL);
	memory = buffer->memory;
	dma_resv_unlock(dmabuf->resv);
	return memory;
}

unsigned int store_count(void)
{
	return atomic_read(&store_buffers);
}
