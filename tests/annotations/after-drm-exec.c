/* SPDX-License-Identifier: MIT */
/* refused: calling function 'dma_resv_add_fence' requires holding ww_mutex 'obj->resv->lock' */
#include <dmabuf/dmabuf.h>

int submit(struct drm_gem_object *obj, struct dma_fence *fence);

int submit(struct drm_gem_object *obj, struct dma_fence *fence)
{
	struct drm_exec exec;
	int err = 0;

	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		err = drm_exec_prepare_obj(&exec, obj, 1);
		drm_exec_retry_on_contention(&exec);
		if (err)
			goto unlock;
	}
#ifndef BROKEN
	dma_resv_assert_held(obj->resv);
#endif
	dma_resv_add_fence(obj->resv, fence, DMA_RESV_USAGE_WRITE);
unlock:
	drm_exec_fini(&exec);
	return err;
}
