/* SPDX-License-Identifier: MIT */
/* Compiled as C11 and as C++17 by scripts/check-headers.py: what the macros become. */
#include <dmabuf/drm-exec.h>

static DEFINE_WW_CLASS(wound_wait);
static DEFINE_WD_CLASS(wait_die);

int use_drm_exec(struct drm_exec *exec, struct drm_gem_object **objects, unsigned int n);

int use_drm_exec(struct drm_exec *exec, struct drm_gem_object **objects, unsigned int n)
{
	struct drm_gem_object *obj;
	struct dma_resv *resv;
	unsigned long index;
	int err = 0;

	drm_exec_init(exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, n);
	drm_exec_until_all_locked(exec) {
		for (unsigned int i = 0; i < n; i++) {
			err = drm_exec_prepare_obj(exec, objects[i], 1);
			drm_exec_retry_on_contention(exec);
			if (err)
				goto out;
		}
	}
	/* Twice in one function. */
	drm_exec_until_all_locked(exec) {
		err = drm_exec_lock_obj(exec, objects[0]);
		drm_exec_retry_on_contention(exec);
	}
	/* Without contention in mind. */
	drm_exec_until_all_locked(exec)
		err = drm_exec_lock_obj(exec, objects[0]);
	drm_exec_for_each_locked_object(exec, index, obj)
		err += obj->resv != NULL;
	drm_exec_for_each_locked_object_reverse(exec, index, obj)
		drm_exec_unlock_obj(exec, obj);
	drm_exec_for_each_locked_resv(exec, index, resv)
		err += dma_resv_held(resv);
out:
	drm_exec_fini(exec);
	return err + wound_wait.is_wait_die + wait_die.is_wait_die;
}
