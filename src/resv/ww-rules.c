/* SPDX-License-Identifier: MIT */
#include "resv/ww-rules.h"

static struct lockdep_lock rules_lock(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	return (struct lockdep_lock){
		.kind = LOCKDEP_WW,
		.lock_class = lock->base.ww_class,
		.object = lock,
		.ctx = ctx,
		.name = lock->base.ww_class->name,
	};
}

void ww_rules_might_lock(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	const struct lockdep_lock it = rules_lock(lock, ctx);

	lockdep_might_lock(&it);
}

void ww_rules_locked(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	const struct lockdep_lock it = rules_lock(lock, ctx);

	lockdep_acquired(&it);
}

void ww_rules_tried(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	struct lockdep_lock it = rules_lock(lock, ctx);

	it.tried = true;
	lockdep_acquired(&it);
}
