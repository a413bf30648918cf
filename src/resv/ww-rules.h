/* SPDX-License-Identifier: MIT */
/* Mutexes and reservations, as the rules see them. Nothing happens where they are not checked. */
#ifndef RESV_WW_RULES_H
#define RESV_WW_RULES_H

#include <dmabuf/dma-resv.h>

#include "debug/lockdep.h"

void ww_rules_might_lock(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
	__attribute__((cold));
void ww_rules_locked(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
	__attribute__((cold));
void ww_rules_tried(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
	__attribute__((cold));

/* This thread may take @lock under @ctx, and wait for that. */
static inline void ww_might_lock(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	if (lockdep_is_on())
		ww_rules_might_lock(lock, ctx);
}

/* This thread has got @lock by a trylock. */
static inline void ww_tried(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	if (lockdep_is_on())
		ww_rules_tried(lock, ctx);
}

static inline void ww_unlocked(const struct ww_mutex *lock)
{
	if (lockdep_is_on())
		lockdep_released(LOCKDEP_WW, lock);
}

static inline void resv_check_alive(const struct dma_resv *obj, const char *function)
{
	if (lockdep_is_on())
		lockdep_check_alive(obj, "reservation", function);
}

#endif
