/* SPDX-License-Identifier: MIT */
/* drm/drm_gem.h - GEM objects, as far as locking them goes: counted owners of a reservation */
#ifndef LINUX_COMPAT_DRM_GEM_H
#define LINUX_COMPAT_DRM_GEM_H

#include <linux/dma-resv.h>
#include <linux/kref.h>

#include <dmabuf/drm-exec.h>

struct drm_gem_object_funcs {
	void (*free)(struct drm_gem_object *obj); /* when the last reference is put */
};

static inline void lc_gem_free(struct drm_gem_object *obj)
{
	obj->funcs->free(obj);
}

/* @obj is zeroed memory; obj->resv may be set before, obj->funcs before the last put. */
static inline void drm_gem_private_object_init(struct drm_device *dev, struct drm_gem_object *obj,
					       size_t size)
{
	(drm_gem_object_init)(obj, obj->resv, lc_gem_free);
	obj->dev = dev;
	obj->size = size;
}

/* There is no shmem file behind it: the driver has the memory. */
static inline int lc_gem_object_init(struct drm_device *dev, struct drm_gem_object *obj,
				     size_t size)
{
	drm_gem_private_object_init(dev, obj, size);
	return 0;
}

#define drm_gem_object_init(dev, obj, size) lc_gem_object_init(dev, obj, size)

#endif
