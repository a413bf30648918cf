/* SPDX-License-Identifier: MIT */
/*
 * The importer's buffers.
 *
 * A mapping stays for as long as a job may use it, also when the buffer has moved on. The
 * ring's thread puts the last reference, but takes no reservation lock: others wait for its
 * fences under one. So unmapping is left to a queue of its own.
 */
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "engine.h"
#include "store.h"

static void blit_map_unmap(struct work_struct *work)
{
	struct blit_map *map = container_of(work, struct blit_map, unmap);
	struct blit_bo *bo = map->bo;

	dma_resv_lock(bo->base.resv, NULL);
	dma_buf_unmap_attachment(bo->attach, map->sgt, DMA_BIDIRECTIONAL);
	dma_resv_unlock(bo->base.resv);
	blit_bo_put(bo);
	kfree(map);
}

static void blit_map_release(struct kref *kref)
{
	struct blit_map *map = container_of(kref, struct blit_map, kref);

	queue_work(map->bo->blit->unmap_wq, &map->unmap);
}

void blit_map_put(struct blit_map *map)
{
	if (map)
		kref_put(&map->kref, blit_map_release);
}

struct blit_map *blit_bo_map(struct blit_bo *bo)
{
	struct blit_map *map = bo->map;
	struct sg_table *sgt;

	dma_resv_assert_held(bo->base.resv);
	if (bo->closed)
		return ERR_PTR(-ENOENT);
	if (map)
		goto get;
	map = kzalloc(sizeof(*map), GFP_KERNEL);
	if (!map)
		return ERR_PTR(-ENOMEM);
	sgt = dma_buf_map_attachment(bo->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		kfree(map);
		return ERR_CAST(sgt);
	}
	kref_init(&map->kref);
	map->bo = bo;
	map->sgt = sgt;
	INIT_WORK(&map->unmap, blit_map_unmap);
	drm_gem_object_get(&bo->base);
	bo->map = map;
get:
	kref_get(&map->kref);
	return map;
}

static void blit_move_notify(struct dma_buf_attachment *attach)
{
	struct blit_bo *bo = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	blit_map_put(bo->map);
	bo->map = NULL;
}

static const struct dma_buf_attach_ops blit_attach_ops = {
	.allow_peer2peer = true,
	.move_notify = blit_move_notify,
};

static void blit_bo_free(struct drm_gem_object *gem)
{
	struct blit_bo *bo = container_of(gem, struct blit_bo, base);
	struct dma_buf *dmabuf = bo->dmabuf;

	if (bo->attach)
		dma_buf_detach(dmabuf, bo->attach);
	drm_gem_object_release(gem);
	kfree(bo);
	dma_buf_put(dmabuf);
}

static const struct drm_gem_object_funcs blit_bo_funcs = { .free = blit_bo_free };

void blit_bo_put(struct blit_bo *bo)
{
	if (bo)
		drm_gem_object_put(&bo->base);
}

struct blit_bo *blit_bo_get(struct blit *blit, u32 handle)
{
	struct blit_bo *bo;

	xa_lock(&blit->bos);
	bo = xa_load(&blit->bos, handle);
	if (bo)
		drm_gem_object_get(&bo->base);
	xa_unlock(&blit->bos);
	return bo;
}

static void blit_bo_close(struct blit_bo *bo)
{
	struct blit_map *map;

	dma_resv_lock(bo->base.resv, NULL);
	map = bo->map;
	bo->map = NULL;
	bo->closed = true;
	dma_resv_unlock(bo->base.resv);
	blit_map_put(map);
	blit_bo_put(bo);
}

int blit_import(struct blit *blit, int fd, __u32 *ret_handle)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;
	struct blit_bo *bo;
	u32 handle;
	int err;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	if (!bo) {
		dma_buf_put(dmabuf);
		return -ENOMEM;
	}
	bo->blit = blit;
	bo->dmabuf = dmabuf;
	bo->base.resv = dmabuf->resv;
	bo->base.funcs = &blit_bo_funcs;
	drm_gem_private_object_init(NULL, &bo->base, dmabuf->size);
	attach = dma_buf_dynamic_attach(dmabuf, &blit->dev, &blit_attach_ops, bo);
	if (IS_ERR(attach)) {
		err = PTR_ERR(attach);
		goto put_bo;
	}
	bo->attach = attach;
	err = xa_alloc(&blit->bos, &handle, bo, XA_LIMIT(1, INT_MAX), GFP_KERNEL);
	if (err)
		goto put_bo;
	*ret_handle = handle;
	return 0;

put_bo:
	blit_bo_put(bo);
	return err;
}

int blit_close(struct blit *blit, __u32 handle)
{
	struct blit_bo *bo = xa_erase(&blit->bos, handle);

	if (!bo)
		return -ENOENT;
	blit_bo_close(bo);
	return 0;
}

int blit_create(struct blit **ret_blit)
{
	struct blit *blit;
	int err = -ENOMEM;

	blit = kzalloc(sizeof(*blit), GFP_KERNEL);
	if (!blit)
		return -ENOMEM;
	blit->dev.name = "blit";
	dma_set_max_seg_size(&blit->dev, 1 << 20);
	xa_init_flags(&blit->bos, XA_FLAGS_ALLOC1);
	blit->unmap_wq = alloc_workqueue("blit-unmap", WQ_UNBOUND, 0);
	if (!blit->unmap_wq)
		goto free_blit;
	err = ring_init(&blit->copies, "blit-copies", 10000);
	if (err)
		goto destroy_wq;
	err = ring_init(&blit->sums, "blit-sums", 50);
	if (err)
		goto fini_copies;
	*ret_blit = blit;
	return 0;

fini_copies:
	ring_fini(&blit->copies);
destroy_wq:
	destroy_workqueue(blit->unmap_wq);
free_blit:
	kfree(blit);
	return err;
}

void blit_destroy(struct blit *blit)
{
	struct blit_bo *bo;
	unsigned long handle;

	xa_for_each(&blit->bos, handle, bo) {
		xa_erase(&blit->bos, handle);
		blit_bo_close(bo);
	}
	xa_destroy(&blit->bos);
	ring_fini(&blit->sums);
	ring_fini(&blit->copies);
	/* What the last jobs had mapped. */
	destroy_workqueue(blit->unmap_wq);
	kfree(blit);
}

int blit_buffer(size_t size)
{
	struct dma_buf *dmabuf = store_create(size);
	int fd;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = dma_buf_fd(dmabuf, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

int blit_close_fd(int fd)
{
	return close_fd(fd);
}

int blit_move(struct blit *blit, int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	int err;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	err = store_move(dmabuf, &blit->copies);
	dma_buf_put(dmabuf);
	return err;
}

/* Between begin and end of an access by the CPU. */
static int blit_read_begun(struct dma_buf *dmabuf, void *to, size_t size)
{
	struct iosys_map map;
	int err;

	err = dma_buf_vmap_unlocked(dmabuf, &map);
	if (err)
		return err;
	iosys_map_memcpy_from(to, &map, 0, size);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	return 0;
}

static int blit_read_vma(struct dma_buf *dmabuf, void *to, size_t size)
{
	struct vm_area_struct vma;
	int err;

	err = linux_compat_vma_open(&vma, PAGE_ALIGN(size), PROT_READ);
	if (err)
		return err;
	err = dma_buf_mmap(dmabuf, &vma, 0);
	if (!err)
		memcpy(to, (void *)vma.vm_start, size);
	linux_compat_vma_close(&vma);
	return err;
}

static int blit_read_by(int fd, void *to, size_t size,
			int (*read)(struct dma_buf *dmabuf, void *to, size_t size))
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	int err;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	err = size <= dmabuf->size ? dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE) : -EINVAL;
	if (!err) {
		err = read(dmabuf, to, size);
		dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE);
	}
	dma_buf_put(dmabuf);
	return err;
}

int blit_read(int fd, void *to, size_t size)
{
	return blit_read_by(fd, to, size, blit_read_begun);
}

int blit_read_mapped(int fd, void *to, size_t size)
{
	return blit_read_by(fd, to, size, blit_read_vma);
}

bool blit_maps(void)
{
	return linux_compat_maps_again();
}

unsigned int blit_buffers(void)
{
	return store_count();
}
