/* SPDX-License-Identifier: MIT */
/*
 * The lock word is 0, or the holder's context, or the holder's thread tagged
 * with NO_CTX; bit 0, WAITERS, says that the queue is in use. So one compare and
 * swap publishes lock and context together: nobody ever sees a held lock without
 * its stamp.
 *
 * Locking: wait_lock guards the queue and, while WAITERS is set, the word: then
 * nobody takes or drops the mutex but under wait_lock. That keeps the holder's
 * context alive for whoever looks at it there, since the holder cannot get out.
 * A waiter sleeps without wait_lock. No two wait_locks are held together; the
 * awkward case is wound(), where a waiter of one mutex wakes a sleeper that may
 * be in the queue of another: it touches only the sleeper's context, and that is
 * alive because it holds the first mutex.
 *
 * Order: a free mutex goes to whoever comes first, so that a short section is not
 * followed by a long wake-up; but once the first waiter has been woken in vain it
 * is passed over no more. Waiters are queued by age, see first_younger().
 *
 * Wake-ups: who changes the queue or the word under wait_lock wakes at most one
 * thread, the one that has something to do about it (next_to_act()). When that
 * one has done it, it asks the same question. So the chain never breaks, and no
 * list of sleepers must be carried out of wait_lock.
 */
#include <dmabuf/ww-mutex.h>

#include <errno.h>

#include "os/fault.h"
#include "os/futex.h"
#include "os/list.h"
#include "os/report.h"
#include "os/thread.h"
#include "resv/ww-mutex-internal.h"

#define WAITERS ((uintptr_t)1)
#define NO_CTX ((uintptr_t)2)

_Static_assert(sizeof(void *) != 8 || sizeof(struct ww_mutex) <= 40, "one for each buffer");

/* What is in the word that a waiter sleeps on. */
enum { AWAKE, SLEEPING, WOKEN };

/* On the waiter's stack. Gone once it is off the queue. */
struct waiter {
	struct dmabuf_list_head node;
	struct ww_acquire_ctx *ctx; /* constant; NULL: none */
	uint32_t *wake;             /* constant: the context's, so that wound() finds it, or own_wake */
	uint32_t own_wake;          /* atomic */
	bool passed_over;           /* under wait_lock: was woken in vain */
};

/*
 * The word.
 */

static uintptr_t word_for(struct ww_acquire_ctx *ctx)
{
	return ctx ? (uintptr_t)ctx : os_self() | NO_CTX;
}

/* The context in the word. Look into it under wait_lock only, with WAITERS set. */
static struct ww_acquire_ctx *ctx_in(uintptr_t word)
{
	return word & NO_CTX ? NULL : (struct ww_acquire_ctx *)(word & ~WAITERS);
}

/* Relaxed: for callers under wait_lock, which orders it, and for the holder. */
static uintptr_t word_of(const struct ww_mutex *lock)
{
	return load_relaxed(&lock->base.owner);
}

static bool is_free(const struct ww_mutex *lock)
{
	return !(word_of(lock) & ~WAITERS);
}

/* A stamp is older than another also across the wrap. */
static bool is_older(const struct ww_acquire_ctx *a, const struct ww_acquire_ctx *b)
{
	return (int64_t)(a->stamp - b->stamp) < 0;
}

/* The caller holds the mutex now. */
static void note_holder(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	/* Relaxed: whoever compares it with itself has written what it finds. */
	store_relaxed(&lock->base.holder, os_self());
	if (ctx)
		ctx->acquired++;
}

/* One step from free to held. Release: shows what ww_acquire_init() wrote. */
static bool take_free(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	uintptr_t expected = 0;

	return cas_acq_rel(&lock->base.owner, &expected, word_for(ctx));
}

/*
 * The queue. All under wait_lock.
 */

static struct waiter *first_waiter(const struct ww_mutex *lock)
{
	return lock->base.first ? list_entry(lock->base.first, struct waiter, node) : NULL;
}

static struct waiter *next_waiter(const struct ww_mutex *lock, const struct waiter *waiter)
{
	struct dmabuf_list_head *next = waiter->node.next;

	return next == lock->base.first ? NULL : list_entry(next, struct waiter, node);
}

#define for_each_waiter(waiter, lock) \
	for (waiter = first_waiter(lock); waiter; waiter = next_waiter(lock, waiter))

/* The waiter in front of whom @ctx belongs; NULL: it goes to the end. */
static struct waiter *first_younger(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	struct waiter *waiter;

	if (!ctx)
		return NULL;
	for_each_waiter(waiter, lock) {
		if (waiter->ctx && is_older(ctx, waiter->ctx))
			return waiter;
	}
	return NULL;
}

static void enqueue(struct ww_mutex *lock, struct waiter *waiter)
{
	struct waiter *younger = first_younger(lock, waiter->ctx);

	if (!lock->base.first) {
		list_init(&waiter->node);
		lock->base.first = &waiter->node;
		return;
	}
	/* In a ring, before the first is also behind the last. */
	list_add_before(&waiter->node, younger ? &younger->node : lock->base.first);
	if (younger && &younger->node == lock->base.first)
		lock->base.first = &waiter->node;
}

static void dequeue(struct ww_mutex *lock, struct waiter *waiter)
{
	if (list_is_empty(&waiter->node))
		lock->base.first = NULL;
	else if (lock->base.first == &waiter->node)
		lock->base.first = waiter->node.next;
	list_remove(&waiter->node);
}

/* @word, with WAITERS as the queue wants it. */
static void set_word(struct ww_mutex *lock, uintptr_t word)
{
	/* Release: with an empty queue the next holder comes without wait_lock. */
	store_release(&lock->base.owner, lock->base.first ? word | WAITERS : word);
}

/* May this thread have the mutex before the first waiter? */
static bool may_pass(const struct ww_mutex *lock)
{
	const struct waiter *first = first_waiter(lock);

	return !first || !first->passed_over;
}

/*
 * Who backs off.
 */

/* Wait-die: the first waiter with locks that has somebody older before it. */
static struct waiter *first_to_die(const struct ww_mutex *lock)
{
	const struct ww_acquire_ctx *holder = ctx_in(word_of(lock));
	bool behind_older = false;
	struct waiter *waiter;

	for_each_waiter(waiter, lock) {
		if (!waiter->ctx)
			continue;
		if (holder && is_older(holder, waiter->ctx))
			behind_older = true; /* and so are all after it */
		if (behind_older && waiter->ctx->acquired)
			return waiter;
		behind_older = true;
	}
	return NULL;
}

static bool must_die(const struct ww_mutex *lock, const struct waiter *self)
{
	const struct ww_acquire_ctx *holder = ctx_in(word_of(lock));
	const struct waiter *waiter;

	if (holder && is_older(holder, self->ctx))
		return true;
	for_each_waiter(waiter, lock) {
		if (waiter == self)
			break;
		if (waiter->ctx)
			return true;
	}
	return false;
}

static bool must_back_off(const struct ww_mutex *lock, const struct waiter *self)
{
	if (!self->ctx || !self->ctx->acquired)
		return false;
	if (!self->ctx->is_wait_die)
		return load_relaxed(&self->ctx->wounded); /* ordered by arm() */
	return must_die(lock, self);
}

/*
 * Sleeping and waking.
 *
 *   waiter, in a loop                             waker, under wait_lock
 *   S1  wake = AWAKE    exchange, acquire         K1  word, queue, wounded
 *   S2  look at word, queue, wounded              K2  wake = WOKEN    exchange, release
 *       drop wait_lock                                drop wait_lock
 *   S3  wake: AWAKE -> SLEEPING   compare, swap   K3  if K2 met SLEEPING: futex wake
 *   S4  futex wait while SLEEPING
 *
 *   K2 before S1: S2 sees K1.  K2 between S1 and S3: S3 fails, look again.
 *   K2 after S3: it meets SLEEPING, so K3 ends S4, or S4 finds the word changed.
 *
 *   After K2 the waiter may return and its word be gone. K3 uses the address
 *   only; a wake at an address where nobody or somebody else sleeps is harmless.
 */

/* K2. Returns what K3 has to wake, or NULL. */
static const uint32_t *kick(uint32_t *wake)
{
	return exchange_release(wake, WOKEN) == SLEEPING ? wake : NULL;
}

/* Wound-wait: mark the holder if somebody older waits. */
static const uint32_t *wound(const struct ww_mutex *lock)
{
	struct ww_acquire_ctx *holder = ctx_in(word_of(lock));
	const struct waiter *waiter;

	if (!holder || load_relaxed(&holder->wounded))
		return NULL;
	for_each_waiter(waiter, lock) {
		if (waiter->ctx && is_older(waiter->ctx, holder)) {
			store_relaxed(&holder->wounded, true); /* K1 */
			return kick(&holder->wake);
		}
	}
	return NULL;
}

/* Something has changed. Who acts on it? Returns what is to be woken, or NULL. */
static const uint32_t *next_to_act(const struct ww_mutex *lock)
{
	struct waiter *waiter;

	if (!lock->base.first)
		return NULL;
	if (is_free(lock))
		return kick(first_waiter(lock)->wake);
	if (!lock->base.ww_class->is_wait_die)
		return wound(lock);
	waiter = first_to_die(lock);
	return waiter ? kick(waiter->wake) : NULL;
}

/* Drop wait_lock, then wake who has to act. */
static void leave(struct ww_mutex *lock)
{
	const uint32_t *wake = next_to_act(lock);

	dmabuf_spin_unlock(&lock->base.wait_lock);
	/* From here on the mutex may be gone, if the caller neither holds nor awaits it. */
	OS_RACE_POINT("ww_mutex: before wake");
	if (wake)
		os_futex_wake_one(wake); /* K3 */
}

/* S3 and S4. Returns -EINTR if a signal handler ran. */
static int sleep_on(uint32_t *wake, bool interruptible)
{
	uint32_t expected = AWAKE;
	int err = 0;

	for (unsigned int spins = os_spin_limit(); spins; spins--) {
		if (load_relaxed(wake) != AWAKE)
			return 0;
		os_cpu_relax();
	}
	OS_RACE_POINT("ww_mutex: before sleep");
	if (!cas_acquire(wake, &expected, SLEEPING))
		return 0;
	while (!err && load_relaxed(wake) == SLEEPING)
		err = os_futex_wait(wake, SLEEPING, INT64_MAX, interruptible);
	return err;
}

/*
 * One look at the mutex, under wait_lock. Returns 0 if the caller has it now,
 * -EDEADLK if it must back off, else -EAGAIN.
 */
static int look(struct ww_mutex *lock, struct waiter *self)
{
	exchange_acquire(self->wake, AWAKE); /* S1 */
	if (is_free(lock) && (first_waiter(lock) == self || may_pass(lock)))
		return 0;
	if (must_back_off(lock, self))
		return -EDEADLK;
	return -EAGAIN;
}

static int lock_contended(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, bool interruptible)
{
	struct waiter self = { .ctx = ctx };
	int interrupted = 0;
	int err;

	self.wake = ctx ? &ctx->wake : &self.own_wake;
	dmabuf_spin_lock(&lock->base.wait_lock);
	/* Acquire: the holder's context, or what the last holder wrote. */
	fetch_or_acq_rel(&lock->base.owner, WAITERS);
	enqueue(lock, &self);
	for (;;) {
		err = look(lock, &self);
		if (err != -EAGAIN || interrupted)
			break;
		leave(lock);
		interrupted = sleep_on(self.wake, interruptible);
		OS_RACE_POINT("ww_mutex: woken");
		dmabuf_spin_lock(&lock->base.wait_lock);
		if (!is_free(lock) && first_waiter(lock) == &self)
			self.passed_over = true;
	}
	dequeue(lock, &self);
	set_word(lock, err ? word_of(lock) & ~WAITERS : word_for(ctx));
	leave(lock);
	if (!err)
		note_holder(lock, ctx);
	return err == -EAGAIN ? interrupted : err;
}

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
	dmabuf_warn_on(ctx->acquired,
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

static bool deadlock_is_made_up(struct ww_acquire_ctx *ctx)
{
	if (!load_relaxed(&inject) || !ctx->acquired || ctx->inject_countdown--)
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

static int lock_or_back_off(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, bool interruptible)
{
	if (ctx && (word_of(lock) & ~WAITERS) == (uintptr_t)ctx)
		return -EALREADY;
	if (ctx && deadlock_is_made_up(ctx))
		return -EDEADLK;
	if (likely(take_free(lock, ctx))) {
		note_holder(lock, ctx);
		return 0;
	}
	dmabuf_bug_on(ww_mutex_is_held(lock),
		      "ww_mutex %p: its holder locks it again; it would wait for itself: "
		      "lock it once, or under the context that holds it",
		      (void *)lock);
	OS_RACE_POINT("ww_mutex: contended");
	return lock_contended(lock, ctx, interruptible);
}

static int lock_common(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, bool interruptible)
{
	int err;

	if (ctx)
		check_ctx(lock, ctx);
	err = lock_or_back_off(lock, ctx, interruptible);
	if (unlikely(err == -EDEADLK))
		ctx->contending_lock = lock;
	return err;
}

int ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return lock_common(lock, ctx, false);
}

int ww_mutex_lock_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return lock_common(lock, ctx, true);
}

static int lock_slow(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, bool interruptible)
{
	dmabuf_bug_on(!ctx, "ww_mutex %p: locked slowly without a context; call ww_mutex_lock()",
		      (void *)lock);
	dmabuf_bug_on(ctx->acquired,
		      "ww_mutex %p: context %p still holds %u locks; "
		      "unlock all of them before ww_mutex_lock_slow()",
		      (void *)lock, (void *)ctx, ctx->acquired);
	return lock_common(lock, ctx, interruptible);
}

void ww_mutex_lock_slow(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	const int err = lock_slow(lock, ctx, false);

	dmabuf_check(!err);
	(void)err;
}

int ww_mutex_lock_slow_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return lock_slow(lock, ctx, true);
}

/* The mutex is free, but somebody waits. */
static bool try_to_pass(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	bool taken = false;

	dmabuf_spin_lock(&lock->base.wait_lock);
	if (word_of(lock) == WAITERS && may_pass(lock)) {
		set_word(lock, word_for(ctx));
		taken = true;
	}
	leave(lock);
	return taken;
}

int ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	if (ctx)
		check_ctx(lock, ctx);
	if (!take_free(lock, ctx) && (word_of(lock) != WAITERS || !try_to_pass(lock, ctx)))
		return 0;
	note_holder(lock, ctx);
	return 1;
}

/*
 * False if the last waiter went away meanwhile: then the mutex must become free
 * outside wait_lock, since whoever takes it then may destroy it at once.
 */
static bool unlock_contended(struct ww_mutex *lock)
{
	OS_RACE_POINT("ww_mutex: unlock with waiters");
	dmabuf_spin_lock(&lock->base.wait_lock);
	if (!lock->base.first) {
		dmabuf_spin_unlock(&lock->base.wait_lock);
		return false;
	}
	set_word(lock, 0);
	leave(lock);
	return true;
}

void ww_mutex_unlock(struct ww_mutex *lock)
{
	const uintptr_t word = word_of(lock) & ~WAITERS;
	struct ww_acquire_ctx *ctx = ctx_in(word);
	uintptr_t expected;

	dmabuf_bug_on(!ww_mutex_is_held(lock),
		      "ww_mutex %p: unlocked by a thread that does not hold it; "
		      "let the thread unlock that locked",
		      (void *)lock);
	if (ctx)
		ctx->acquired--;
	store_relaxed(&lock->base.holder, 0); /* before the next holder's, by the release below */
	expected = word;
	while (unlikely(!cas_release(&lock->base.owner, &expected, 0))) {
		if (unlock_contended(lock))
			return;
		expected = word;
	}
}

bool ww_mutex_is_locked(const struct ww_mutex *lock)
{
	return !is_free(lock);
}

bool ww_mutex_is_held(const struct ww_mutex *lock)
{
	return load_relaxed(&lock->base.holder) == os_self();
}

struct ww_acquire_ctx *ww_mutex_ctx(const struct ww_mutex *lock)
{
	return ww_mutex_is_held(lock) ? ctx_in(word_of(lock)) : NULL;
}

void ww_mutex_init(struct ww_mutex *lock, struct ww_class *ww_class)
{
	*lock = (struct ww_mutex){ .base = { .ww_class = ww_class } };
}

void ww_mutex_destroy(struct ww_mutex *lock)
{
	dmabuf_bug_on(load_acquire(&lock->base.owner),
		      "ww_mutex %p: destroyed while it is in use; unlock it first", (void *)lock);
	lock->base.ww_class = NULL;
}

void ww_acquire_init(struct ww_acquire_ctx *ctx, struct ww_class *ww_class)
{
	*ctx = (struct ww_acquire_ctx){
		.task = os_self(),
		.stamp = fetch_add_relaxed(&ww_class->stamp, 1) + 1, /* a number, nothing else */
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
	ctx->task = 0;
}
