/* SPDX-License-Identifier: MIT */
/* drm/drm_exec.h - lock any number of objects; the last argument of init came with 6.8 */
#ifndef LINUX_COMPAT_DRM_EXEC_H
#define LINUX_COMPAT_DRM_EXEC_H

#include <drm/drm_gem.h>
#include <linux/ww_mutex.h>

#define lc_flags_and_nr(flags, nr, ...) flags, nr
#define drm_exec_init(exec, ...) (drm_exec_init)(exec, lc_flags_and_nr(__VA_ARGS__, 0, 0))

#endif
