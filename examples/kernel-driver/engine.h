/* SPDX-License-Identifier: MIT */
/* The importer, inside. */
#ifndef ENGINE_H
#define ENGINE_H

#include <drm/drm_gem.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/kref.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "blit.h"
#include "ring.h"

struct blit {
	struct device dev;
	struct ring copies;	/* FILL, COPY, moves */
	struct ring sums;	/* ADD, HANG */
	struct xarray bos;	/* handle: struct blit_bo, a reference */
	struct workqueue_struct *unmap_wq;
};

/* An imported buffer. */
struct blit_bo {
	struct drm_gem_object base;	/* shares the reservation of the buffer */
	struct blit *blit;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct blit_map *map;		/* under the reservation lock; NULL: map before use */
	bool closed;			/* under the reservation lock */
};

/* Where a buffer is. Jobs that are under way may have an older one than bo->map. */
struct blit_map {
	struct kref kref;
	struct blit_bo *bo;		/* a reference */
	struct sg_table *sgt;
	struct work_struct unmap;
};

/* A new reference; NULL: no such handle. */
struct blit_bo *blit_bo_get(struct blit *blit, u32 handle);
void blit_bo_put(struct blit_bo *bo);
/* A new reference on where the buffer is now, or an error pointer. Under the lock. */
struct blit_map *blit_bo_map(struct blit_bo *bo);
/* Callable anywhere, NULL is fine. */
void blit_map_put(struct blit_map *map);

#endif
