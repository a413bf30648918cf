/* SPDX-License-Identifier: MIT */
/*
 * Mutexes and contexts, as far as nobody has to wait. The queue is in
 * ww-mutex-queue.c.
 *
 * Locking: a free mutex without waiters is taken by one compare and swap on its word, and
 * dropped by a store, or by another one. Everything else goes through wait_lock.
 */
#include "resv/ww-mutex-internal.h"

#include <errno.h>

#include "os/fault.h"
#include "os/report.h"
#include "os/stamp.h"
#include "resv/bulk.h"
#include "resv/trace.h"
#include "resv/ww-rules.h"

_Static_assert(sizeof(void *) != 8 || sizeof(struct ww_mutex) <= 40, "one for each buffer");

/*
 * The caller's contract.
 */

static void check_class(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	dmabuf_bug_on(ctx->task != os_self(),
		      "ww_mutex %p: context %p belongs to another thread or is finished; "
		      "let each thread call ww_acquire_init() on its own",
		      (const void *)lock, (const void *)ctx);
	dmabuf_bug_on(ctx->ww_class != lock->base.ww_class,
		      "ww_mutex %p: context %p is of class %s; "
		      "use the class that ww_mutex_init() was given",
		      (const void *)lock, (const void *)ctx, ctx->ww_class->name);
}

/* Rare states of a context, in which it should not lock. Both are survived. */
static void check_state(const struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	dmabuf_warn_on(ctx->done_acquire,
		       "ww_mutex %p: context %p locks again; call ww_acquire_done() after the last lock",
		       (const void *)lock, (const void *)ctx);
	if (!ctx->contending_lock)
		return;
	rule_warn_on(ctx->acquired, DMABUF_RULE_BACK_OFF, NULL,
		       "ww_mutex %p: context %p got -EDEADLK and still holds %u locks; "
		       "unlock all of them, then call ww_mutex_lock_slow()",
		       (const void *)lock, (const void *)ctx, ctx->acquired);
	ctx->contending_lock = NULL;
}

static void check_ctx(const struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	check_class(lock, ctx);
	if (unlikely(ctx->contending_lock || ctx->done_acquire))
		check_state(lock, ctx);
	if (!ctx->acquired)
		store_relaxed(&ctx->wounded, false); /* it holds nothing: nobody can wound it now */
}

#ifdef DMABUF_SEAMS

static bool inject; /* relaxed: a setting */

void ww_mutex_inject_deadlocks(bool on)
{
	store_relaxed(&inject, on);
}

bool ww_makes_up_deadlocks(void)
{
	return load_relaxed(&inject);
}

static bool deadlock_is_made_up(struct ww_acquire_ctx *ctx)
{
	if (!ww_makes_up_deadlocks() || !ctx->acquired || ctx->inject_countdown--)
		return false;
	ctx->inject_interval = 2 * ctx->inject_interval + 1;
	ctx->inject_countdown = ctx->inject_interval;
	return true;
}

#else

static bool deadlock_is_made_up(struct ww_acquire_ctx *ctx)
{
	(void)ctx;
	return false;
}

#endif

/*
 * The interface.
 */

static int lock_or_back_off(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
			    struct ww_patience patience)
{
	int err = 0;

	if (ctx && ww_ctx_in(ww_word(lock)) == ctx)
		return -EALREADY;
	if (ctx && deadlock_is_made_up(ctx))
		return -EDEADLK;
	if (unlikely(!ww_take_free(lock, ctx))) {
		rule_bug_on(ww_mutex_is_held(lock), DMABUF_RULE_RECURSION, lock,
			      "ww_mutex %p: its holder locks it again; it would wait for itself: "
			      "lock it once, or under the context that holds it",
			      (void *)lock);
		lock_trace(DMABUF_TRACE_RESV_CONTENDED, lock, 0);
		OS_RACE_POINT("ww_mutex: contended");
		err = ww_mutex_lock_contended(lock, ctx, patience);
	}
	if (!err)
		ww_note_holder(lock, ctx);
	lock_trace(DMABUF_TRACE_RESV_LOCK, lock, err);
	return err;
}

static __attribute__((cold, noinline)) int lock_with_rules(struct ww_mutex *lock,
							   struct ww_acquire_ctx *ctx,
							   struct ww_patience patience)
{
	int err;

	ww_rules_might_lock(lock, ctx);
	err = lock_or_back_off(lock, ctx, patience);
	if (!err)
		ww_rules_locked(lock, ctx);
	return err;
}

/* @lock was not taken. @before: what was contended then; if the wait was given up, it still is. */
static void note_contended(struct ww_acquire_ctx *ctx, struct ww_mutex *lock,
			   struct ww_mutex *before, int err)
{
	if (err == -EDEADLK)
		ctx->contending_lock = lock;
	else if (err == -EINTR || err == -ETIME)
		ctx->contending_lock = before;
}

static int lock_common(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
		       struct ww_patience patience)
{
	struct ww_mutex *before = NULL;
	int err;

	if (ctx) {
		before = ctx->contending_lock;
		check_ctx(lock, ctx);
	}
	if (lockdep_is_on())
		err = lock_with_rules(lock, ctx, patience);
	else
		err = lock_or_back_off(lock, ctx, patience);
	if (unlikely(err) && ctx)
		note_contended(ctx, lock, before, err);
	return err;
}

int ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return ww_lock_quickly(lock, ctx) ? 0 : lock_common(lock, ctx, WW_FOR_EVER);
}

int ww_mutex_lock_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return ww_lock_quickly(lock, ctx) ? 0 : lock_common(lock, ctx, WW_INTERRUPTIBLE);
}

int ww_lock_patiently(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, struct ww_patience patience)
{
	return ww_lock_quickly(lock, ctx) ? 0 : lock_common(lock, ctx, patience);
}

static int lock_slow(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, struct ww_patience patience)
{
	dmabuf_bug_on(!ctx, "ww_mutex %p: locked slowly without a context; call ww_mutex_lock()",
		      (void *)lock);
	rule_bug_on(ctx->acquired, DMABUF_RULE_BACK_OFF, NULL,
		    "ww_mutex %p: context %p still holds %u locks; "
		    "unlock all of them before ww_mutex_lock_slow()",
		    (void *)lock, (void *)ctx, ctx->acquired);
	if (lockdep_is_on())
		rule_warn_on(ctx->contending_lock != lock, DMABUF_RULE_SLOW, NULL,
			     "ww_mutex %p: locked slowly, but context %p got no -EDEADLK from it; "
			     "call ww_mutex_lock()",
			     (void *)lock, (void *)ctx);
	return lock_common(lock, ctx, patience);
}

DMABUF_UNCHECKED("this is the lock")
void ww_mutex_lock_slow(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	const int err = lock_slow(lock, ctx, WW_FOR_EVER);

	dmabuf_check(!err);
	(void)err;
}

int ww_mutex_lock_slow_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return lock_slow(lock, ctx, WW_INTERRUPTIBLE);
}

int ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	if (ctx)
		check_ctx(lock, ctx);
	if (!ww_take_free(lock, ctx) &&
	    ((ww_word(lock) & ~WW_BY_CAS) != WW_WAITERS || !ww_mutex_pass(lock, ctx)))
		return 0;
	ww_note_holder(lock, ctx);
	ww_tried(lock, ctx);
	lock_trace(DMABUF_TRACE_RESV_LOCK, lock, 0);
	return 1;
}

static __attribute__((cold)) void tell_unlock(struct ww_mutex *lock)
{
	lock_trace(DMABUF_TRACE_RESV_UNLOCK, lock, 0);
	ww_unlocked(lock);
}

DMABUF_UNCHECKED("this is the lock")
void ww_mutex_unlock(struct ww_mutex *lock)
{
	rule_bug_on(!ww_is_mine(lock), DMABUF_RULE_UNLOCK, lock,
		      "ww_mutex %p: unlocked by a thread that does not hold it; "
		      "let the thread unlock that locked",
		      (void *)lock);
	if (watch_is_on())
		tell_unlock(lock);
	ww_drop(lock);
}

bool ww_mutex_is_locked(const struct ww_mutex *lock)
{
	return !ww_is_free(lock);
}

bool ww_mutex_is_held(const struct ww_mutex *lock)
{
	return ww_is_mine(lock);
}

struct ww_acquire_ctx *ww_mutex_ctx(const struct ww_mutex *lock)
{
	return ww_mutex_is_held(lock) ? ww_ctx_in(ww_word(lock)) : NULL;
}

void ww_mutex_init(struct ww_mutex *lock, struct ww_class *ww_class)
{
	if (lockdep_is_on())
		lockdep_forget(lock);
	*lock = (struct ww_mutex){ .base = { .ww_class = ww_class } };
}

void ww_mutex_destroy(struct ww_mutex *lock)
{
	dmabuf_bug_on(load_acquire(&lock->base.owner),
		      "ww_mutex %p: destroyed while it is in use; unlock it first", (void *)lock);
	lock->base.ww_class = NULL;
}

/* The time, or a moment after the stamp before: a number, nothing else. */
static uint64_t timed_stamp(struct ww_class *ww_class)
{
	const uint64_t now = (uint64_t)os_stamp_ns();
	uint64_t old = load_relaxed(&ww_class->stamp), new;

	do
		new = now > old ? now : old + 1;
	while (!cas_release(&ww_class->stamp, &old, new));
	return new;
}

static uint64_t next_stamp(struct ww_class *ww_class)
{
	if (ww_class->is_timed)
		return timed_stamp(ww_class);
	return fetch_add_relaxed(&ww_class->stamp, 1) + 1; /* a number, nothing else */
}

void ww_acquire_init(struct ww_acquire_ctx *ctx, struct ww_class *ww_class)
{
	*ctx = (struct ww_acquire_ctx){
		.task = os_self(),
		.stamp = next_stamp(ww_class),
		.ww_class = ww_class,
		.is_wait_die = ww_class->is_wait_die,
	};
}

void ww_acquire_done(struct ww_acquire_ctx *ctx)
{
	dmabuf_warn_on(ctx->done_acquire, "context %p: ww_acquire_done() twice; call it once",
		       (void *)ctx);
	ctx->done_acquire = true;
}

void ww_acquire_fini(struct ww_acquire_ctx *ctx)
{
	dmabuf_bug_on(ctx->task != os_self(),
		      "context %p: finished by another thread, or twice; "
		      "call ww_acquire_fini() once, where ww_acquire_init() was called",
		      (void *)ctx);
	dmabuf_bug_on(ctx->acquired,
		      "context %p: finished with %u locks held; unlock them first",
		      (void *)ctx, ctx->acquired);
	bulk_end(ctx);
	ctx->task = 0;
}
