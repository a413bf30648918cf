/* SPDX-License-Identifier: MIT */
/* Where allocations may not wait for input or output. They never do, so nothing changes but what is checked. */
#ifndef LINUX_COMPAT_SCHED_MM_H
#define LINUX_COMPAT_SCHED_MM_H

#include <linux/gfp.h>
#include <linux/sched.h>

#define memalloc_noio_save() 0u
#define memalloc_noio_restore(flags) ((void)(flags))
#define memalloc_nofs_save() 0u
#define memalloc_nofs_restore(flags) ((void)(flags))
#define memalloc_noreclaim_save() 0u
#define memalloc_noreclaim_restore(flags) ((void)(flags))
#define fs_reclaim_acquire(flags) ((void)(flags))
#define fs_reclaim_release(flags) ((void)(flags))

#endif
