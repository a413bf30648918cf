/* SPDX-License-Identifier: MIT */
#include "resv/bulk.h"

/*
 * Those that were taken and not handed out go back; false: they are the last, and stay. What a
 * release does may come back here, or to the reservation that is in the middle of an add.
 */
static bool give_back(struct ww_acquire_ctx *ctx)
{
	uint32_t *const refs = &ctx->taken_fence->refcount.count;
	uint32_t count = load_relaxed(refs);

	do {
		if (count <= ctx->taken)
			return false;
	} while (!cas_release(refs, &count, count - ctx->taken));
	ctx->taken = 0;
	return true;
}

/* Forget them first: what a release does may come back here. */
static void put_all(struct dma_fence **fence, uint32_t *count)
{
	struct dma_fence *const last = *fence;
	const uint32_t n = *count;

	*fence = NULL;
	*count = 0;
	if (n)
		fence_put_many(last, n);
}

/* The second time in a row that it is @fence, there will be more: one for each lock. */
struct dma_fence *bulk_get_slowly(struct ww_acquire_ctx *ctx, struct dma_fence *fence)
{
	const bool again = ctx->taken_fence == fence;

	if (ctx->taken && !give_back(ctx))
		return fence_get(fence);
	ctx->taken_fence = fence;
	if (!again || ctx->acquired < 2 || watch_is_on())
		return fence_get(fence);
	fence_get_many(fence, ctx->acquired);
	ctx->taken = ctx->acquired - 1;
	return fence;
}

void bulk_put_slowly(struct ww_acquire_ctx *ctx, struct dma_fence *fence)
{
	while (ctx->dropped)
		put_all(&ctx->dropped_fence, &ctx->dropped);
	if (ctx->acquired < 2 || watch_is_on()) {
		fence_put(fence);
		return;
	}
	ctx->dropped_fence = fence;
	ctx->dropped = 1;
}

void bulk_settle(struct ww_acquire_ctx *ctx)
{
	while (ctx->taken || ctx->dropped) {
		put_all(&ctx->taken_fence, &ctx->taken);
		put_all(&ctx->dropped_fence, &ctx->dropped);
	}
}
