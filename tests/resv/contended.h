/* SPDX-License-Identifier: MIT */
/* A context as it is after -EDEADLK. */
#ifndef RESV_CONTENDED_H
#define RESV_CONTENDED_H

#include <dmabuf/ww-mutex.h>

/* As if @ctx, which holds nothing, had backed off from @lock: now it may be locked slowly. */
static inline void ww_after_deadlock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	ctx->contending_lock = lock;
}

#endif
