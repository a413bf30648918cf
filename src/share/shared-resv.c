/* SPDX-License-Identifier: MIT */
/*
 * What stands behind the reservation of a shared buffer (resv/backing.h).
 *
 * While a thread of this process holds the shared lock (`held`), nobody else can commit, and the container
 * is that thread's. Else whoever looks, and finds that the commit word is not the one that the container
 * shows, makes it anew. Who looks and who commits exclude each other by mirror_lock, so that no thread
 * of this process sees less than another process has seen.
 */
#include "share/shared-resv.h"

#include <errno.h>

#include "os/alloc.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "os/report.h"
#include "share/member.h"
#include "share/shared-fence.h"
#include "share/shared-lock.h"
#include "share/shared-log.h"

#define LOOKS 64 /* at a log that changes all the time */

static DEFINE_WW_CLASS(mirror_class);

static struct shared_resv *to_shared(struct resv_backing *backing)
{
	return container_of(backing, struct shared_resv, base);
}

DMABUF_UNCHECKED("without a context it cannot fail")
static void lock_mirror(struct shared_resv *shared) DMABUF_ACQUIRE(shared->mirror_lock)
{
	const int err = ww_mutex_lock(&shared->mirror_lock, NULL);

	dmabuf_check(!err);
	(void)err;
}

DMABUF_UNCHECKED("see lock_mirror()")
static void unlock_mirror(struct shared_resv *shared) DMABUF_RELEASE(shared->mirror_lock)
{
	ww_mutex_unlock(&shared->mirror_lock);
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

/*
 * A look that needs memory and has none, or cannot get a quiet moment, tries again: the caller has asked who
 * uses the buffer, and there is no answer that would be safe.
 */
static void mirror_until_done(struct shared_resv *shared) DMABUF_REQUIRES(shared->mirror_lock)
{
	while (!shared->held && !is_current(shared) && mirror(shared))
		os_yield();
}

static void refresh(struct resv_backing *backing)
{
	struct shared_resv *shared = to_shared(backing);

	if (load_acquire(&shared->pool->error) || is_current(shared))
		return;
	lock_mirror(shared);
	mirror_until_done(shared);
	unlock_mirror(shared);
}

/* Is one of those asked for busy? -EAGAIN: it changed. */
static int any_is_busy(struct shared_resv *shared, enum dma_resv_usage usage)
{
	const struct pool_shape *shape = &shared->pool->shape;
	struct commit commit, one;
	uint64_t word;
	int busy = 0;

	commit = shared_log_look(shape, shared->shm, &word);
	for (uint32_t i = commit.length; i-- && !busy;) {
		struct shm_entry *from = shm_entry(shape, shared->shm, commit.half, i);
		struct shm_entry entry;
		struct point point;

		entry.where = load_acquire(&from->where);
		entry.seqno = load_acquire(&from->seqno);
		point = entry_unpack(&entry);
		busy = point.usage <= usage && !point_status(shared->pool, &point);
	}
	one = commit_unpack(load_acquire(&shared->shm->commit));
	return one.flips == commit.flips ? busy : -EAGAIN;
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

static int take_once(struct shared_resv *shared, struct ww_acquire_ctx *ctx,
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
 * With the count of evictions as it was at the moment of taking, or what a holder writes who was revoked
 * before could not be told from what this one writes.
 */
static int take(struct shared_resv *shared, struct ww_acquire_ctx *ctx, const struct resv_wish *wish)
{
	const uint32_t *evictions = &pool_head(shared->pool)->evictions;

	store_release(shm_stamp(&shared->pool->shape, shared->pool->self->map, shared->handle.buffer),
		      ctx ? ctx->stamp : NO_STAMP);
	for (;;) {
		int taken;

		shared->evictions = load_seq_cst(evictions);
		taken = take_once(shared, ctx, wish);
		if (taken < 0)
			return taken;
		if (taken == TAKEN_OVER)
			shared_log_take_over(shared->shm);
		OS_RACE_POINT("shared resv: locked");
		if (load_seq_cst(evictions) == shared->evictions)
			return 0;
		shared_unlock(shared->pool, &shared->shm->lock);
	}
}

static void begin(struct shared_resv *shared)
{
	uint64_t word;

	shared->commit = shared_log_look(&shared->pool->shape, shared->shm, &word);
	shared->staged = 0;
	shared->rewrites = false;
	shared->held = true;
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
	lock_mirror(shared);
	if (!err)
		mirror_until_done(shared);
	begin(shared);
	shared->lost = err;
	unlock_mirror(shared);
	return 0;
}

static void unlock(struct resv_backing *backing)
{
	struct shared_resv *shared = to_shared(backing);

	if (shared->promised)
		own_release(shared->pool, shared->promised);
	shared->promised = 0;
	lock_mirror(shared);
	shared->held = false;
	unlock_mirror(shared);
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
	const uint64_t all = (uint64_t)shared->commit.length + shared->staged + n;
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
	carriage = own_carry(shared->pool, fence, ret_point);
	if (carriage == CARRIED_NOW)
		shared->promised--;
	return carriage != CARRIED_NEVER;
}

static void add(struct resv_backing *backing, struct dma_fence *fence, enum dma_resv_usage usage)
{
	struct shared_resv *shared = to_shared(backing);
	struct point point;

	if (shared->rewrites || shared->lost || !carry(shared, fence, &point))
		return;
	point.usage = usage;
	if (shared_log_write(&shared->pool->shape, shared->shm, shared->commit.half,
			     shared->commit.length + shared->staged, &point, shared->evictions))
		shared->staged++;
	else
		shared->lost = true;
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

/* All of the container to the other half. False: the lock was lost. */
static bool rewrite(struct shared_resv *shared, struct commit *new)
{
	const struct dma_resv_snapshot set = set_staged(&shared->base.resv.fences);
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;

	new->flips++;
	new->half ^= 1;
	new->length = 0;
	dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP) {
		struct point point;

		if (dma_fence_is_signaled(fence) || !carry(shared, fence, &point))
			continue;
		point.usage = cursor.fence_usage;
		if (!shared_log_write(&shared->pool->shape, shared->shm, new->half, new->length++,
				      &point, shared->evictions))
			return false;
	}
	return true;
}

static void publish(struct shared_resv *shared)
{
	struct commit new = shared->commit;
	bool is_written = true;

	if (shared->rewrites)
		is_written = rewrite(shared, &new);
	else if (shared->staged)
		new.length += shared->staged;
	else
		return;
	if (!is_written || !shared_log_commit(shared->shm, &shared->commit, &new)) {
		shared->lost = true;
		return;
	}
	shared->commit = new;
	shared->staged = 0;
	shared->rewrites = false;
	store_release(&shared->mirrored, commit_pack(&new));
}

DMABUF_UNCHECKED("it stays locked until end_commit()")
static void begin_commit(struct resv_backing *backing)
{
	struct shared_resv *shared = to_shared(backing);

	lock_mirror(shared);
	if (!shared->lost)
		publish(shared);
}

DMABUF_UNCHECKED("see begin_commit()")
static void end_commit(struct resv_backing *backing)
{
	unlock_mirror(to_shared(backing));
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
	ww_mutex_init(&shared->mirror_lock, &mirror_class);
	shared->pool = pool_get(pool);
	shared->handle = *handle;
	shared->shm = shm_resv(&pool->shape, pool->base, handle->buffer);
	shared->mirrored = UINT64_MAX; /* none: the first look makes one */
	return shared;
}

void shared_resv_destroy(struct shared_resv *shared)
{
	dma_resv_fini(&shared->base.resv);
	ww_mutex_destroy(&shared->mirror_lock);
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
