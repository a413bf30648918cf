/* SPDX-License-Identifier: MIT */
/*
 * What stands behind the reservation of a shared buffer (resv/backing.h): its lock, what is staged, and
 * commits. shared-mirror.c has what is shown of them.
 */
#include "share/shared-mirror.h"

#include <errno.h>

#include "os/alloc.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "resv/ww-mutex-internal.h"
#include "share/member.h"
#include "share/shared-fence.h"
#include "share/shared-lock.h"
#include "share/shared-log.h"

/*
 * The lock.
 */

struct lock_patience {
	struct patience base;
	const struct shared_resv *shared;
	const struct ww_acquire_ctx *ctx; /* NULL: waits for everybody */
};

/* It holds others, and whoever holds this one is older, or as old. */
static bool backs_off(const struct patience *base, uint32_t holder)
{
	const struct lock_patience *patience = container_of(base, struct lock_patience, base);
	const struct shared_resv *shared = patience->shared;
	struct member *member = member_get(shared->pool, holder);
	uint64_t stamp;

	if (!member)
		return false; /* nobody: it will be replaced */
	stamp = load_acquire(shm_stamp(&shared->pool->shape, member->map, shared->handle.buffer));
	member_put(member);
	return stamp != NO_STAMP && (int64_t)(patience->ctx->stamp - stamp) >= 0;
}

/*
 * It holds nothing else, and so awaits the oldest holder, too; but threads of this process that hold others
 * wait for its local lock, and would not give way to whom it waits for: who has the local lock must be one
 * whom they may wait for, or be about to drop it.
 */
static bool gives_turn(const struct patience *base)
{
	const struct lock_patience *patience = container_of(base, struct lock_patience, base);

	return load_relaxed(&patience->shared->base.resv.lock.base.owner) & WW_WAITERS; /* it looks again */
}

static __attribute__((noinline)) int take_patiently(struct shared_resv *shared,
						     struct ww_acquire_ctx *ctx,
						     const struct resv_wish *wish)
{
	const bool holds_others = ctx && ctx->acquired > 1; /* this one counts already */
	const struct lock_patience patience = {
		.base = {
			.deadline = wish->deadline,
			.interruptible = wish->interruptible,
			.backs_off = holds_others ? backs_off : NULL,
			.gives_turn = holds_others ? NULL : gives_turn,
		},
		.shared = shared,
		.ctx = ctx,
	};

	if (!wish->deadline)
		return shared_trylock(shared->pool, &shared->shm->lock);
	return shared_lock(shared->pool, &shared->shm->lock, &patience.base);
}

/*
 * The count of evictions is read under the lock: whoever had that before and was revoked has read an
 * earlier one. Who took it while it was being evicted may have read the same, and is refused in reserve().
 */
static int take(struct shared_resv *shared, struct ww_acquire_ctx *ctx, const struct resv_wish *wish)
{
	store_release(shm_stamp(&shared->pool->shape, shared->pool->self->map, shared->handle.buffer),
		      ctx ? ctx->stamp : NO_STAMP);
	if (unlikely(!shared_lock_quickly(shared->pool, &shared->shm->lock))) {
		int taken;

		mirror_let_go(shared);
		taken = take_patiently(shared, ctx, wish);
		if (taken < 0)
			return taken;
		if (taken == TAKEN_OVER)
			shared_log_take_over(shared->shm, shared->pool->self->id);
	}
	OS_RACE_POINT("shared resv: locked");
	shared->evictions = load_seq_cst(&pool_head(shared->pool)->evictions) & ENTRY_MOST_EVICTIONS;
	return 0;
}

/* The lock is dropped, but not the local one. */
static void drop(struct shared_resv *shared)
{
	mirror_keep_no_more(shared);
	shared_unlock(shared->pool, &shared->shm->lock); /* unless it was taken over, or never had */
}

/* 0; -ETIME: it could not see in time what is committed. */
static int begin(struct shared_resv *shared, int64_t deadline)
{
	struct commit commit;

	if (unlikely(!mirror_is_current(shared)) && !mirror_renew(shared, deadline)) {
		drop(shared);
		return -ETIME;
	}
	OS_RACE_POINT("shared resv: mirrored");
	/* Of what the container has, whatever is there by now: so there is no more in it than in the log. */
	shared->word = load_relaxed(&shared->mirrored);
	commit = shared_log_of(&shared->pool->shape, shared->word);
	shared->half = commit.half;
	shared->length = commit.length;
	shared->staged = 0;
	shared->owed = 0;
	shared->rewrites = false;
	return 0;
}

static int lock(struct resv_backing *backing, struct ww_acquire_ctx *ctx, const struct resv_wish *wish)
{
	struct shared_resv *shared = shared_resv_from(backing);
	int err;

	if (!wish->is_quick)
		mirror_let_go(shared);
	err = pool_check(shared->pool);
	if (!err)
		err = take(shared, ctx, wish);
	if (err == -EAGAIN || (err && !wish->cannot_fail)) {
		mirror_take_back(shared);
		return err;
	}
	mirror_keep(shared);
	if (!err)
		return begin(shared, wish->deadline);
	store_release(&shared->lost, true);
	return 0;
}

enum { SPARES = 4 }; /* that are kept for the next time */

static void unlock(struct resv_backing *backing)
{
	struct shared_resv *shared = shared_resv_from(backing);

	if (shared->promised && own_stock_put(shared->pool, &shared->stock))
		shared->promised--;
	if (shared->promised)
		own_release(shared->pool, shared->promised);
	shared->promised = 0;
	if (unlikely(shared->spare.count > SPARES))
		own_spare_trim(&shared->spare, SPARES);
	if (unlikely(shared->lost))
		store_release(&shared->lost, false);
	if (pool_is_here(shared->pool))
		drop(shared);
	else
		mirror_keep_no_more(shared);
}

/*
 * Staging.
 */

static int promise(struct shared_resv *shared, uint32_t n)
{
	int err;

	if (n <= shared->promised)
		return 0;
	err = own_spare_fill(&shared->spare, n);
	if (err)
		return err;
	if (own_stock_take(&shared->stock) && ++shared->promised == n)
		return 0;
	err = own_promise(shared->pool, n - shared->promised);
	if (!err)
		shared->promised = n;
	return err;
}

static uint32_t count_live(struct shared_resv *shared)
{
	const struct dma_resv_snapshot set = set_staged(&shared->base.resv.fences);

	return set_count_live(&set);
}

static int reserve(struct resv_backing *backing, unsigned int n)
{
	struct shared_resv *shared = shared_resv_from(backing);
	const struct pool_shape *shape = &shared->pool->shape;
	const uint64_t all = (uint64_t)shared->length + shared->staged + n;
	const bool may_be_full = shared->rewrites || all > shape->fences; /* what is edited is not staged */
	int err;

	err = pool_check(shared->pool);
	if (err)
		return err;
	if (shared->lost)
		return -ESTALE;
	if (may_be_full && (uint64_t)count_live(shared) + n > shape->fences)
		return -ENOSPC;
	err = promise(shared, shared->owed + n);
	if (!err && all > half_capacity(shape))
		shared->rewrites = true;
	return err;
}

/* False: it has signalled, and nobody needs to know of it. */
static bool carry(struct shared_resv *shared, struct dma_fence *fence, struct point *ret_point)
{
	enum carriage carriage;

	if (fence_is_point(fence, shared->pool, ret_point))
		return true;
	carriage = own_carry(shared->pool, fence, &shared->spare, ret_point);
	if (carriage == CARRIED_NOW)
		shared->promised--;
	return carriage != CARRIED_NEVER;
}

static void add(struct resv_backing *backing, struct dma_fence *fence, enum dma_resv_usage usage)
{
	struct shared_resv *shared = shared_resv_from(backing);
	struct point point;

	if (shared->lost || !pool_is_here(shared->pool) || !carry(shared, fence, &point) || shared->rewrites)
		return;
	point.usage = usage;
	if (shared_log_write(&shared->pool->shape, shared->shm, shared->half,
			     shared->length + shared->staged, &point, shared->evictions))
		shared->staged++;
	else
		store_release(&shared->lost, true);
}

static int edit(struct resv_backing *backing, unsigned int live, unsigned int n)
{
	struct shared_resv *shared = shared_resv_from(backing);
	int err;

	err = pool_check(shared->pool);
	if (err)
		return err;
	if (live > shared->pool->shape.fences)
		return -ENOSPC;
	err = promise(shared, shared->promised + n);
	if (err)
		return err;
	shared->owed += n;
	shared->rewrites = true;
	return 0;
}

/*
 * Committing.
 */

/* All of the container to the other half: the commit word of that. False: the lock was lost. */
static bool rewrite(struct shared_resv *shared, uint64_t *ret_word)
{
	const struct dma_resv_snapshot set = set_staged(&shared->base.resv.fences);
	struct commit new = commit_unpack(shared->word);
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;

	new.flips++;
	new.half ^= 1;
	new.length = 0;
	dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP) {
		struct point point;

		if (dma_fence_is_signaled(fence) || !carry(shared, fence, &point))
			continue;
		point.usage = cursor.fence_usage;
		if (!shared_log_write(&shared->pool->shape, shared->shm, new.half, new.length++,
				      &point, shared->evictions))
			return false;
	}
	shared->half = new.half;
	shared->length = new.length;
	*ret_word = commit_pack(&new);
	return true;
}

/* What is staged, behind what is there: reserve() has seen to it that there is room. */
static uint64_t append(struct shared_resv *shared)
{
	shared->length += shared->staged;
	return shared->word + shared->staged; /* the length is what is lowest */
}

static void begin_commit(struct resv_backing *backing)
{
	struct shared_resv *shared = shared_resv_from(backing);
	bool is_written = true;
	uint64_t word;

	mirror_is_changing(true);
	if (shared->lost || !pool_is_here(shared->pool))
		return;
	if (shared->rewrites)
		is_written = rewrite(shared, &word);
	else if (shared->staged)
		word = append(shared);
	else
		return;
	if (!is_written || !shared_log_commit(shared->shm, shared->word, word)) {
		store_release(&shared->lost, true);
		return;
	}
	shared->word = word;
	shared->staged = 0;
	shared->owed = 0;
	shared->rewrites = false;
	shared->commits = true;
}

/* Until here, whoever of this process looks finds that the container is not current, and waits. */
static void end_commit(struct resv_backing *backing)
{
	struct shared_resv *shared = shared_resv_from(backing);

	if (shared->commits)
		store_release(&shared->mirrored, shared->word);
	shared->commits = false;
	mirror_is_changing(false);
}

static const struct resv_backing_ops shared_ops = {
	.lock = lock,
	.unlock = unlock,
	.reserve = reserve,
	.add = add,
	.edit = edit,
	.begin_commit = begin_commit,
	.end_commit = end_commit,
	.refresh = mirror_refresh,
	.test = mirror_test,
};

/*
 * Life.
 */

struct shared_resv *shared_resv_create(struct dma_buf_pool *pool,
				       const struct dma_buf_pool_handle *handle)
{
	struct shared_resv *shared = os_alloc(sizeof(*shared));

	if (!shared)
		return NULL;
	resv_backing_init(&shared->base, &shared_ops);
	shared->pool = pool_get(pool);
	shared->handle = *handle;
	shared->shm = shm_resv(&pool->shape, pool->base, handle->buffer);
	shared->mirrored = UINT64_MAX; /* none: the first look makes one */
	return shared;
}

void shared_resv_destroy(struct shared_resv *shared)
{
	dma_resv_fini(&shared->base.resv);
	own_spare_trim(&shared->spare, 0);
	own_stock_drop(shared->pool, &shared->stock);
	pool_put(shared->pool);
	os_free(shared);
}

struct shared_resv *shared_resv_of(struct dma_resv *resv)
{
	struct resv_backing *backing;

	if (!resv->fences.is_backed)
		return NULL;
	backing = resv_backing_of(&resv->fences);
	return backing->ops == &shared_ops ? shared_resv_from(backing) : NULL;
}
