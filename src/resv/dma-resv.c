/* SPDX-License-Identifier: MIT */
/* The reservation object: its lock, and what happens at unlock. */
#include <errno.h>

#include "os/clock.h"
#include "os/report.h"
#include "resv/backing.h"
#include "resv/fences.h"
#include "resv/ww-mutex-internal.h"
#include "resv/ww-rules.h"

_Static_assert(sizeof(void *) != 8 || sizeof(struct dma_resv) <= 96, "one for each buffer");

struct ww_class reservation_ww_class = {
	.name = "reservation_ww_class",
	.is_wait_die = true,
	.is_timed = true,
};

void dma_resv_init(struct dma_resv *obj)
{
	if (lockdep_is_on())
		lockdep_born(obj);
	ww_mutex_init(&obj->lock, &reservation_ww_class);
	dma_resv_fences_init(&obj->fences, obj);
}

void dma_resv_fini(struct dma_resv *obj)
{
	resv_check_alive(obj, __func__);
	dma_resv_fences_fini(&obj->fences);
	ww_mutex_destroy(&obj->lock);
	if (lockdep_is_on())
		lockdep_freed(obj);
}

/*
 * An object that no cache has is two lines, and the holder needs both; but behind the locked
 * operation of the lock, which waits for the first, nothing begins to load the second.
 */
static void prefetch_end(const struct dma_resv *obj)
{
	__builtin_prefetch((const char *)(obj + 1) - 1, 1);
}

/* The caller has the local lock of @obj. If not what stands behind it, neither that. */
DMABUF_UNCHECKED("this is the lock")
static int lock_or_drop(struct dma_resv *obj, struct ww_acquire_ctx *ctx, const struct resv_wish *wish)
{
	struct resv_backing *backing = resv_backing_of(&obj->fences);
	const int err = backing->ops->lock(backing, ctx, wish);

	if (err)
		ww_mutex_unlock(&obj->lock);
	return err;
}

/*
 * Others wanted the local lock, which was of no use without what stands behind it. The caller, who holds
 * nothing else, has dropped it, and comes after them.
 */
DMABUF_UNCHECKED("this is the lock")
static __attribute__((noinline)) int lock_in_turn(struct dma_resv *obj, struct ww_acquire_ctx *ctx,
						  const struct resv_wish *wish)
{
	struct resv_wish again = *wish;
	int err;

	again.is_quick = false;
	do {
		err = ww_lock_patiently(&obj->lock, ctx,
					(struct ww_patience){ wish->deadline, wish->interruptible });
		if (!err)
			err = lock_or_drop(obj, ctx, &again);
	} while (err == -EAGAIN);
	return err;
}

/* As lock_or_drop(), to the end. */
DMABUF_UNCHECKED("this is the lock")
static __attribute__((cold, noinline)) int lock_backing(struct dma_resv *obj,
							struct ww_acquire_ctx *ctx,
							const struct resv_wish *wish)
{
	int err = lock_or_drop(obj, ctx, wish);

	if (unlikely(err == -EAGAIN))
		err = lock_in_turn(obj, ctx, wish);
	if (ctx && err == -EDEADLK)
		ctx->contending_lock = &obj->lock;
	return err;
}

/* The same. If the wait is given up, what was contended @before still is, as with a ww_mutex. */
DMABUF_UNCHECKED("this is the lock")
static __attribute__((cold, noinline)) int lock_backing_patiently(struct dma_resv *obj,
								  struct ww_acquire_ctx *ctx,
								  const struct resv_wish *wish,
								  struct ww_mutex *before)
{
	const int err = lock_backing(obj, ctx, wish);

	if (ctx && (err == -EINTR || err == -ETIME))
		ctx->contending_lock = before;
	return err;
}

static struct ww_mutex *contended(const struct ww_acquire_ctx *ctx)
{
	return ctx ? ctx->contending_lock : NULL;
}

int dma_resv_lock(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	static const struct resv_wish wish = { .deadline = INT64_MAX };
	static const struct resv_wish quick = { .deadline = INT64_MAX, .is_quick = true };
	int err;

	prefetch_end(obj);
	if (ww_lock_quickly(&obj->lock, ctx))
		return unlikely(obj->fences.is_backed) ? lock_backing(obj, ctx, &quick) : 0;
	resv_check_alive(obj, __func__);
	err = ww_mutex_lock(&obj->lock, ctx);
	if (err)
		return err;
	return unlikely(obj->fences.is_backed) ? lock_backing(obj, ctx, &wish) : 0;
}

int dma_resv_lock_interruptible(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	static const struct resv_wish wish = { .deadline = INT64_MAX, .interruptible = true };
	struct ww_mutex *const before = contended(ctx);

	prefetch_end(obj);
	if (!ww_lock_quickly(&obj->lock, ctx)) {
		int err;

		resv_check_alive(obj, __func__);
		err = ww_mutex_lock_interruptible(&obj->lock, ctx);
		if (err)
			return err;
	}
	return unlikely(obj->fences.is_backed) ? lock_backing_patiently(obj, ctx, &wish, before) : 0;
}

int dma_resv_lock_timeout(struct dma_resv *obj, struct ww_acquire_ctx *ctx, int64_t timeout)
{
	struct ww_mutex *const before = contended(ctx);
	struct resv_wish wish;
	int err;

	if (dmabuf_warn_on(timeout < 0, "dma_resv_lock_timeout(): negative timeout"))
		return -EINVAL;
	resv_check_alive(obj, __func__);
	wish = (struct resv_wish){ .deadline = os_deadline_ns(timeout) };
	err = ww_lock_patiently(&obj->lock, ctx, (struct ww_patience){ wish.deadline, false });
	if (err)
		return err;
	return unlikely(obj->fences.is_backed) ? lock_backing_patiently(obj, ctx, &wish, before) : 0;
}

DMABUF_UNCHECKED("this is the lock")
void dma_resv_lock_slow(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	static const struct resv_wish wish = { .deadline = INT64_MAX, .cannot_fail = true };

	resv_check_alive(obj, __func__);
	ww_mutex_lock_slow(&obj->lock, ctx);
	if (unlikely(obj->fences.is_backed))
		lock_backing(obj, ctx, &wish);
}

DMABUF_UNCHECKED("this is the lock")
void resv_lock_surely(struct dma_resv *obj)
{
	static const struct resv_wish wish = { .deadline = INT64_MAX, .cannot_fail = true };

	const int err = ww_mutex_lock(&obj->lock, NULL);

	dmabuf_check(!err); /* without a context */
	(void)err;
	if (unlikely(obj->fences.is_backed))
		lock_backing(obj, NULL, &wish);
}

int dma_resv_lock_slow_interruptible(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	static const struct resv_wish wish = { .deadline = INT64_MAX, .interruptible = true };
	struct ww_mutex *const before = contended(ctx);
	int err;

	resv_check_alive(obj, __func__);
	err = ww_mutex_lock_slow_interruptible(&obj->lock, ctx);
	if (err)
		return err;
	return unlikely(obj->fences.is_backed) ? lock_backing_patiently(obj, ctx, &wish, before) : 0;
}

bool dma_resv_trylock(struct dma_resv *obj)
{
	static const struct resv_wish wish = { .deadline = 0 };

	resv_check_alive(obj, __func__);
	if (!ww_mutex_trylock(&obj->lock, NULL))
		return false;
	return !unlikely(obj->fences.is_backed) || !lock_backing(obj, NULL, &wish);
}

bool dma_resv_is_locked(struct dma_resv *obj)
{
	resv_check_alive(obj, __func__);
	return ww_mutex_is_locked(&obj->lock);
}

struct ww_acquire_ctx *dma_resv_locking_ctx(struct dma_resv *obj)
{
	return ww_mutex_ctx(&obj->lock);
}

/* For @function. What has ended, nobody holds. */
static bool is_held_for(const char *function, struct dma_resv *obj)
{
	const bool is_held = ww_is_mine(&obj->lock);

	if (unlikely(!is_held))
		resv_check_alive(obj, function);
	return is_held;
}

bool dma_resv_held(struct dma_resv *obj)
{
	return is_held_for(__func__, obj);
}

void dma_resv_assert_held(struct dma_resv *obj)
{
	dmabuf_bug_on(!is_held_for(__func__, obj),
		      "reservation %p is not locked by this thread: call dma_resv_lock() first",
		      (void *)obj);
}

void dma_resv_unlock(struct dma_resv *obj)
{
	rule_bug_on(!is_held_for(__func__, obj), DMABUF_RULE_UNLOCK, &obj->lock,
		    "reservation %p is not locked by this thread, which unlocks it: "
		    "let the thread unlock that locked", (void *)obj);
	fences_assume_held(&obj->fences);
	if (obj->fences.touched)
		fences_end(&obj->fences);
	if (unlikely(obj->fences.is_backed))
		resv_backing_of(&obj->fences)->ops->unlock(resv_backing_of(&obj->fences));
	if (watch_is_on())
		ww_mutex_unlock(&obj->lock);
	else
		ww_drop(&obj->lock);
}

void dma_resv_reset_max_fences(struct dma_resv *obj)
{
	dma_resv_assert_held(obj);
	fences_assume_held(&obj->fences);
	fences_forget_reserved(&obj->fences);
}

void dma_resv_commit(struct dma_resv *obj)
{
	dma_resv_fences_commit(obj, &obj->fences);
}

int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences)
{
	if (dmabuf_warn_on(!num_fences, "dma_resv_reserve_fences() for no fence"))
		return -EINVAL;
	return dma_resv_fences_reserve(obj, &obj->fences, num_fences);
}

void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence, enum dma_resv_usage usage)
{
	dma_resv_fences_add(&obj->fences, fence, usage);
}
