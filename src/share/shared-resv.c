/* SPDX-License-Identifier: MIT */
/*
 * What stands behind the reservation of a shared buffer (resv/backing.h).
 *
 * While a thread of this process holds the shared lock, nobody else can commit, and the container
 * is that thread's: it is its keeper. Else whoever looks, and finds that the commit word is not the one
 * that the container shows, becomes its keeper and makes it anew. So no thread of this process sees less
 * than another process has seen: between the two parts of a commit it waits.
 *
 * Except for callbacks that a keeper calls while it changes a container, since somebody was found dead:
 * they do not wait for another keeper, which may wait for this one, and see the container as it was.
 */
#include "share/shared-resv.h"

#include <errno.h>

#include "os/alloc.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "share/member.h"
#include "share/shared-fence.h"
#include "share/shared-lock.h"
#include "share/shared-log.h"

#define LOOKS 64 /* at a log that changes all the time */

static struct shared_resv *to_shared(struct resv_backing *backing)
{
	return container_of(backing, struct shared_resv, base);
}

/* How many containers this thread is changing. */
static __thread unsigned int changing __attribute__((tls_model("initial-exec")));

/* Become its keeper, or false: somebody is. */
static bool keep(struct shared_resv *shared)
{
	uint32_t nobody = false;

	return cas_acquire(&shared->is_kept, &nobody, true);
}

static void keep_no_more(struct shared_resv *shared)
{
	store_release(&shared->is_kept, false);
}

/*
 * The mirror.
 */

enum { FEW = 16 }; /* entries, for which no memory is needed */

/* What a mirror is made of. */
struct picture {
	struct point *point;
	struct dma_fence **fence;
	enum dma_resv_usage *usage;
	uint32_t count; /* of fences */
	void *memory;	/* or NULL, while they are few */
	struct point few_points[FEW];
	struct dma_fence *few_fences[FEW];
	enum dma_resv_usage few_usages[FEW];
};

static bool begin_picture(struct picture *picture, uint32_t length)
{
	const size_t points = length * sizeof(*picture->point);
	const size_t fences = length * sizeof(struct dma_fence *);

	picture->count = 0;
	picture->memory = NULL;
	picture->point = picture->few_points;
	picture->fence = picture->few_fences;
	picture->usage = picture->few_usages;
	if (length <= FEW)
		return true;
	picture->memory = os_alloc_raw(points + fences + length * sizeof(*picture->usage));
	if (!picture->memory)
		return false;
	picture->point = picture->memory;
	picture->fence = (void *)((char *)picture->memory + points);
	picture->usage = (void *)((char *)picture->memory + points + fences);
	return true;
}

static void end_picture(struct picture *picture)
{
	while (picture->count)
		dma_fence_put(picture->fence[--picture->count]);
	os_free(picture->memory);
}

/* Does a later one of the same timeline make @i superfluous? */
static bool is_superseded(const struct point *point, uint32_t i, uint32_t length)
{
	for (uint32_t j = i + 1; j < length; j++) {
		if (point[j].id == point[i].id && point[j].timeline == point[i].timeline &&
		    point[j].seqno >= point[i].seqno && point[j].usage <= point[i].usage)
			return true;
	}
	return false;
}

/* The fence that the container has for @point, with a reference, or NULL. */
static struct dma_fence *find_known(struct shared_resv *shared, const struct point *point)
{
	const struct dma_resv_snapshot set = set_staged(&shared->base.resv.fences);
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;
	struct point known;

	dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP) {
		if (fence_is_point(fence, shared->pool, &known) && known.id == point->id &&
		    known.timeline == point->timeline && known.seqno == point->seqno)
			return dma_fence_get(fence);
	}
	return NULL;
}

/* False: no memory. */
static bool add_to_picture(struct shared_resv *shared, struct picture *picture,
			   const struct point *point)
{
	struct dma_fence *fence;

	if (point->timeline >= shared->pool->shape.timelines)
		return true; /* nobody wrote that in good faith */
	if (point_status(shared->pool, point) == 1)
		return true;
	fence = find_known(shared, point);
	if (!fence)
		fence = fence_of_point(shared->pool, point);
	if (dmabuf_is_err(fence))
		return false;
	picture->usage[picture->count] = point->usage;
	picture->fence[picture->count++] = fence;
	return true;
}

static bool draw(struct shared_resv *shared, struct picture *picture, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		if (!is_superseded(picture->point, i, length) &&
		    !add_to_picture(shared, picture, &picture->point[i]))
			return false;
	}
	return resv_backing_show(&shared->base, picture->fence, picture->usage, picture->count);
}

/* 0; -ENOMEM; -EAGAIN: somebody changes it all the time. */
static int mirror(struct shared_resv *shared)
{
	const struct pool_shape *shape = &shared->pool->shape;
	struct picture picture;
	struct commit commit;
	uint64_t word;
	int err = -EAGAIN;

	for (unsigned int i = 0; err == -EAGAIN && i < LOOKS; i++) {
		commit = shared_log_look(shape, shared->shm, &word);
		if (word == load_relaxed(&shared->mirrored))
			return 0;
		if (!begin_picture(&picture, commit.length))
			return -ENOMEM;
		if (shared_log_read(shape, shared->shm, &commit, picture.point))
			err = draw(shared, &picture, commit.length) ? 0 : -ENOMEM;
		end_picture(&picture);
	}
	if (!err)
		store_release(&shared->mirrored, word);
	return err;
}

static bool is_current(const struct shared_resv *shared)
{
	return load_acquire(&shared->shm->commit) == load_acquire(&shared->mirrored);
}

#define PATIENCE 1024 /* looks, with others let run between them */

/*
 * For the keeper. A look that needs memory and has none tries again: the caller has asked who uses
 * the buffer, and there is no answer that would be safe. So does one that cannot get a quiet moment; but
 * then only an enemy can be at work, and this process takes no part in that.
 */
static void mirror_until_done(struct shared_resv *shared)
{
	unsigned int unquiet = 0;

	changing++;
	while (!is_current(shared) && !load_acquire(&shared->pool->error)) {
		const int err = mirror(shared);

		if (!err)
			break;
		if (err == -EAGAIN && ++unquiet == PATIENCE)
			pool_fail(shared->pool, -EPROTO);
		os_yield();
	}
	changing--;
}

/*
 * Another thread that holds the lock is about to make the container current; unless it has lost it, or
 * an enemy changed the word.
 */
static void refresh(struct resv_backing *backing)
{
	struct shared_resv *shared = to_shared(backing);

	if (!pool_is_here(shared->pool))
		return;
	while (!is_current(shared) && !load_acquire(&shared->lost) && !pool_check(shared->pool)) {
		if (keep(shared)) {
			mirror_until_done(shared);
			keep_no_more(shared);
			return;
		}
		if (changing)
			return;
		os_yield();
	}
}

/* Is one of those asked for busy? -EAGAIN: it changed. */
static int any_is_busy(struct shared_resv *shared, enum dma_resv_usage usage)
{
	const struct pool_shape *shape = &shared->pool->shape;
	struct commit commit;
	uint64_t word;
	bool busy = false;

	commit = shared_log_look(shape, shared->shm, &word);
	for (uint32_t i = commit.length; i-- && !busy;) {
		const struct point point = shared_log_entry(shape, shared->shm, &commit, i);

		busy = point.usage <= usage && !point_status(shared->pool, &point);
	}
	return shared_log_stands(shared->shm, &commit) ? busy : -EAGAIN;
}

static bool test(struct resv_backing *backing, enum dma_resv_usage usage)
{
	struct shared_resv *shared = to_shared(backing);
	int busy = -EAGAIN;

	if (load_acquire(&shared->pool->error) == -ECHILD)
		return true;
	for (unsigned int i = 0; busy == -EAGAIN && i < LOOKS; i++)
		busy = any_is_busy(shared, usage);
	return !busy;
}

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

static __attribute__((noinline)) int take_patiently(struct shared_resv *shared,
						     struct ww_acquire_ctx *ctx,
						     const struct resv_wish *wish)
{
	const struct lock_patience patience = {
		.base = {
			.deadline = wish->deadline,
			.interruptible = wish->interruptible,
			/* This one counts already. */
			.backs_off = ctx && ctx->acquired > 1 ? backs_off : NULL,
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
	int taken;

	store_release(shm_stamp(&shared->pool->shape, shared->pool->self->map, shared->handle.buffer),
		      ctx ? ctx->stamp : NO_STAMP);
	if (unlikely(!shared_lock_quickly(shared->pool, &shared->shm->lock))) {
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

/*
 * The container is the holder's from now on. In a forked child its keeper may be a thread that is not
 * there; nobody else changes it.
 */
static void become_keeper(struct shared_resv *shared)
{
	while (!keep(shared) && pool_is_here(shared->pool))
		os_yield();
}

static void begin(struct shared_resv *shared)
{
	struct commit commit;

	if (unlikely(!is_current(shared)))
		mirror_until_done(shared);
	commit = shared_log_look(&shared->pool->shape, shared->shm, &shared->word);
	shared->half = commit.half;
	shared->length = commit.length;
	shared->staged = 0;
	shared->rewrites = false;
}

static int lock(struct resv_backing *backing, struct ww_acquire_ctx *ctx, const struct resv_wish *wish)
{
	struct shared_resv *shared = to_shared(backing);
	int err;

	err = pool_check(shared->pool);
	if (!err)
		err = take(shared, ctx, wish);
	if (err && !wish->cannot_fail)
		return err;
	become_keeper(shared);
	if (err)
		store_release(&shared->lost, true);
	else
		begin(shared);
	return 0;
}

enum { SPARES = 4 }; /* that are kept for the next time */

static void unlock(struct resv_backing *backing)
{
	struct shared_resv *shared = to_shared(backing);

	if (shared->promised && own_stock_put(shared->pool, &shared->stock))
		shared->promised--;
	if (shared->promised)
		own_release(shared->pool, shared->promised);
	shared->promised = 0;
	if (unlikely(shared->spare.count > SPARES))
		own_spare_trim(&shared->spare, SPARES);
	if (unlikely(shared->lost))
		store_release(&shared->lost, false);
	keep_no_more(shared);
	if (pool_is_here(shared->pool))
		shared_unlock(shared->pool, &shared->shm->lock); /* unless it was taken over, or never had */
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
	struct shared_resv *shared = to_shared(backing);
	const struct pool_shape *shape = &shared->pool->shape;
	const uint64_t all = (uint64_t)shared->length + shared->staged + n;
	int err;

	err = pool_check(shared->pool);
	if (err)
		return err;
	if (shared->lost)
		return -ESTALE;
	if (all > shape->fences && (uint64_t)count_live(shared) + n > shape->fences)
		return -ENOSPC;
	err = promise(shared, n);
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
	struct shared_resv *shared = to_shared(backing);
	struct point point;

	if (shared->rewrites || shared->lost || !pool_is_here(shared->pool) || !carry(shared, fence, &point))
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
	struct shared_resv *shared = to_shared(backing);
	int err;

	err = pool_check(shared->pool);
	if (err)
		return err;
	if (live > shared->pool->shape.fences)
		return -ENOSPC;
	err = promise(shared, shared->promised + n);
	if (!err)
		shared->rewrites = true;
	return err;
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
	struct shared_resv *shared = to_shared(backing);
	bool is_written = true;
	uint64_t word;

	changing++;
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
	shared->rewrites = false;
	shared->commits = true;
}

/* Until here, whoever of this process looks finds that the container is not current, and waits. */
static void end_commit(struct resv_backing *backing)
{
	struct shared_resv *shared = to_shared(backing);

	if (shared->commits)
		store_release(&shared->mirrored, shared->word);
	shared->commits = false;
	changing--;
}

static const struct resv_backing_ops shared_ops = {
	.lock = lock,
	.unlock = unlock,
	.reserve = reserve,
	.add = add,
	.edit = edit,
	.begin_commit = begin_commit,
	.end_commit = end_commit,
	.refresh = refresh,
	.test = test,
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
	return backing->ops == &shared_ops ? to_shared(backing) : NULL;
}
