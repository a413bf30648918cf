/* SPDX-License-Identifier: MIT */
#include "resv/bulk.h"

/* Those that were taken and not handed out. The caller of all this has one of its own. */
static void give_back(struct ww_acquire_ctx *ctx)
{
	const uint32_t n = ctx->taken;

	ctx->taken = 0;
	if (n)
		fence_put_many(ctx->taken_fence, n);
}

static void drop(struct ww_acquire_ctx *ctx)
{
	struct dma_fence *fence = ctx->dropped_fence;
	const uint32_t n = ctx->dropped;

	/* First: what a release does may come back here. */
	ctx->dropped_fence = NULL;
	ctx->dropped = 0;
	if (n)
		fence_put_many(fence, n);
}

/* The second time in a row that it is @fence, there will be more: one for each lock. */
struct dma_fence *bulk_get_slowly(struct ww_acquire_ctx *ctx, struct dma_fence *fence)
{
	const bool again = ctx->taken_fence == fence;

	give_back(ctx);
	ctx->taken_fence = fence;
	if (!again || ctx->acquired < 2 || watch_is_on())
		return fence_get(fence);
	fence_get_many(fence, ctx->acquired);
	ctx->taken = ctx->acquired - 1;
	return fence;
}

void bulk_put_slowly(struct ww_acquire_ctx *ctx, struct dma_fence *fence)
{
	drop(ctx);
	if (ctx->acquired < 2 || watch_is_on()) {
		fence_put(fence);
		return;
	}
	ctx->dropped_fence = fence;
	ctx->dropped = 1;
}

void bulk_settle(struct ww_acquire_ctx *ctx)
{
	give_back(ctx);
	drop(ctx);
}
