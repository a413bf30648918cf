/* SPDX-License-Identifier: MIT */
/*
 * References in bulk: a submission adds one fence to many buffers, where it mostly supersedes one
 * fence that it had added to all of them before. To count each of these references on its own
 * would be two locked operations a buffer.
 *
 * So a ticket that adds the same fence again takes at once as many references as it holds locks,
 * and hands them out; and what it drops at a commit it only counts, as long as that is the
 * same fence. Both are settled by ww_acquire_fini() at the latest, so a fence may have references
 * too many until then, as many as locks were held, and never one too few.
 *
 * Locking: a ticket is its thread's.
 */
#ifndef RESV_BULK_H
#define RESV_BULK_H

#include "fence/fence.h"
#include "resv/ww-mutex-internal.h"

struct dma_fence *bulk_get_slowly(struct ww_acquire_ctx *ctx, struct dma_fence *fence);
void bulk_put_slowly(struct ww_acquire_ctx *ctx, struct dma_fence *fence);
void bulk_settle(struct ww_acquire_ctx *ctx);

/* A reference on @fence, for a reservation that the caller holds @lock of. */
static inline struct dma_fence *bulk_get(const struct ww_mutex *lock, struct dma_fence *fence)
{
	struct ww_acquire_ctx *ctx = ww_ctx_in(ww_word(lock));

	if (!ctx)
		return fence_get(fence);
	if (unlikely(ctx->taken_fence != fence || !ctx->taken))
		return bulk_get_slowly(ctx, fence);
	ctx->taken--;
	return fence;
}

/* The reservation drops one. */
static inline void bulk_put(const struct ww_mutex *lock, struct dma_fence *fence)
{
	struct ww_acquire_ctx *ctx = ww_ctx_in(ww_word(lock));

	if (!ctx)
		fence_put(fence);
	else if (unlikely(ctx->dropped_fence != fence))
		bulk_put_slowly(ctx, fence);
	else
		ctx->dropped++;
}

/* Before the ticket ends. */
static inline void bulk_end(struct ww_acquire_ctx *ctx)
{
	if (ctx->taken || ctx->dropped)
		bulk_settle(ctx);
}

#endif
