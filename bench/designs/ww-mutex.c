/* SPDX-License-Identifier: MIT */
/*
 * A mutex of transactions, wait-die, as Linux has it. The word is the thread that holds it, taken
 * and dropped by compare and swap. Its context is stored after that, behind a full barrier: either
 * the new holder sees that somebody waits, and looks at the queue, or who comes to wait sees the
 * context.
 *
 * Everything else happens under wait_lock. Who waits queues by age, sleeps, and tries again when it
 * is woken; others may take a free mutex before it. Once it was woken in vain, it sets HANDOFF, and
 * the next unlock gives the mutex to it, with PICKUP, so that nobody can take it away.
 *
 * A holder with WAITERS set takes wait_lock before it gets out: so its context is there for who
 * looks at it under wait_lock.
 */
#include <dmabuf/ww-mutex.h>
#include <errno.h>

#include "os/fault.h"
#include "os/futex.h"
#include "os/list.h"
#include "os/thread.h"

enum { WAITERS = 1, HANDOFF = 2, PICKUP = 4, FLAGS = WAITERS | HANDOFF | PICKUP };

DEFINE_WD_CLASS(reservation_ww_class);

struct waiter {
	struct dmabuf_list_head node;
	struct ww_acquire_ctx *ctx; /* constant; NULL: none */
	uintptr_t thread;	    /* constant */
	uint32_t wake;		    /* atomic */
};

enum { AWAKE, SLEEPING, WOKEN };

/* The thread: its own memory, so the flags are free. */
static uintptr_t self(void)
{
	return os_self();
}

void ww_mutex_init(struct ww_mutex *lock, struct ww_class *ww_class)
{
	(void)ww_class;
	lock->base.owner = 0;
	dmabuf_spin_lock_init(&lock->base.wait_lock);
	lock->base.first = NULL;
	lock->ctx = NULL;
}

void ww_mutex_destroy(struct ww_mutex *lock)
{
	(void)lock;
}

void ww_acquire_init(struct ww_acquire_ctx *ctx, struct ww_class *ww_class)
{
	ctx->stamp = fetch_add_relaxed(&ww_class->stamp, 1) + 1;
	ctx->acquired = 0;
	ctx->wounded = false;
	ctx->is_wait_die = ww_class->is_wait_die;
	ctx->contending_lock = NULL;
}

void ww_acquire_done(struct ww_acquire_ctx *ctx)
{
	(void)ctx;
}

void ww_acquire_fini(struct ww_acquire_ctx *ctx)
{
	(void)ctx;
}

static bool is_older(const struct ww_acquire_ctx *a, const struct ww_acquire_ctx *b)
{
	return (int64_t)(a->stamp - b->stamp) < 0;
}

/*
 * The queue, under wait_lock.
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
	for ((waiter) = first_waiter(lock); (waiter); (waiter) = next_waiter(lock, waiter))

/* In front of the first that is younger. */
static void enqueue(struct ww_mutex *lock, struct waiter *waiter)
{
	struct waiter *other;

	if (!lock->base.first) {
		list_init(&waiter->node);
		lock->base.first = &waiter->node;
		return;
	}
	for_each_waiter(other, lock) {
		if (waiter->ctx && other->ctx && is_older(waiter->ctx, other->ctx))
			break;
	}
	list_add_before(&waiter->node, other ? &other->node : lock->base.first);
	if (other && &other->node == lock->base.first)
		lock->base.first = &waiter->node;
}

/* The last takes the flags with it. */
static void dequeue(struct ww_mutex *lock, struct waiter *waiter)
{
	if (list_is_empty(&waiter->node)) {
		lock->base.first = NULL;
		__atomic_fetch_and(&lock->base.owner, ~(uintptr_t)(WAITERS | HANDOFF),
				   __ATOMIC_ACQ_REL);
	} else if (lock->base.first == &waiter->node) {
		lock->base.first = waiter->node.next;
	}
	list_remove(&waiter->node);
}

static bool wants_wake(struct waiter *waiter)
{
	return exchange_release(&waiter->wake, WOKEN) == SLEEPING;
}

static void wake(struct waiter *waiter)
{
	if (wants_wake(waiter))
		os_futex_wake_one(&waiter->wake);
}

/* Waiters with locks that are younger than @ctx, which holds the mutex or waits before them. */
static void kill_younger(struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	struct waiter *waiter;

	for_each_waiter(waiter, lock) {
		if (waiter->ctx && waiter->ctx->acquired && is_older(ctx, waiter->ctx))
			wake(waiter);
	}
}

/* Must @waiter, whose context has locks, back off? */
static bool must_die(const struct ww_mutex *lock, const struct waiter *waiter)
{
	const struct ww_acquire_ctx *holder = __atomic_load_n(&lock->ctx, __ATOMIC_SEQ_CST);
	const struct waiter *other;

	if (holder && is_older(holder, waiter->ctx))
		return true;
	for (other = first_waiter(lock); other != waiter; other = next_waiter(lock, other)) {
		if (other->ctx)
			return true;
	}
	return false;
}

/*
 * Taking.
 */

/* False: it is held, or another's turn. */
static bool take(struct ww_mutex *lock, bool is_first)
{
	uintptr_t owner = load_relaxed(&lock->base.owner);

	for (;;) {
		const uintptr_t thread = owner & ~(uintptr_t)FLAGS;

		if (thread && !(thread == self() && owner & PICKUP))
			return false;
		if (!thread && owner & HANDOFF && !is_first)
			return false;
		if (cas_acquire(&lock->base.owner, &owner, self() | (owner & WAITERS)))
			return true;
	}
}

static void set_ctx(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	ctx->acquired++;
	(void)__atomic_exchange_n(&lock->ctx, ctx, __ATOMIC_SEQ_CST);
}

/* Without wait_lock: if somebody waits, it may have to back off now. */
static void set_ctx_alone(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	set_ctx(lock, ctx);
	if (!(__atomic_load_n(&lock->base.owner, __ATOMIC_SEQ_CST) & WAITERS))
		return;
	dmabuf_spin_lock(&lock->base.wait_lock);
	kill_younger(lock, ctx);
	dmabuf_spin_unlock(&lock->base.wait_lock);
}

static int sleep_on(uint32_t *word, bool interruptible)
{
	uint32_t expected = AWAKE;
	int err = 0;

	for (unsigned int spins = os_spin_limit(); spins; spins--) {
		if (load_relaxed(word) != AWAKE)
			return 0;
		os_cpu_relax();
	}
	OS_RACE_POINT("ww_mutex: before sleep");
	if (!cas_acquire(word, &expected, SLEEPING))
		return 0;
	while (!err && load_relaxed(word) == SLEEPING)
		err = os_futex_wait(word, SLEEPING, INT64_MAX, interruptible);
	return err;
}

/* Under wait_lock, which it drops while it sleeps. */
static int wait_for_it(struct ww_mutex *lock, struct waiter *waiter, bool interruptible)
{
	bool was_woken = false;
	int err = 0;

	for (;; was_woken = true) {
		const bool is_first = first_waiter(lock) == waiter;

		exchange_acquire(&waiter->wake, AWAKE);
		if (take(lock, is_first))
			return 0;
		if (err)
			return err;
		if (waiter->ctx && waiter->ctx->acquired && must_die(lock, waiter))
			return -EDEADLK;
		if (is_first && was_woken)
			fetch_or_relaxed(&lock->base.owner, HANDOFF);
		dmabuf_spin_unlock(&lock->base.wait_lock);
		err = sleep_on(&waiter->wake, interruptible);
		OS_RACE_POINT("ww_mutex: woken");
		dmabuf_spin_lock(&lock->base.wait_lock);
	}
}

static __attribute__((noinline)) int lock_slowly(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
						 bool interruptible)
{
	struct waiter waiter = { .ctx = ctx, .thread = self() };
	int err;

	if (ctx && load_relaxed(&lock->ctx) == ctx)
		return -EALREADY;
	dmabuf_spin_lock(&lock->base.wait_lock);
	enqueue(lock, &waiter);
	__atomic_fetch_or(&lock->base.owner, WAITERS, __ATOMIC_SEQ_CST);
	if (ctx)
		kill_younger(lock, ctx);
	err = wait_for_it(lock, &waiter, interruptible);
	dequeue(lock, &waiter);
	if (!err && ctx) {
		set_ctx(lock, ctx);
		kill_younger(lock, ctx);
	}
	dmabuf_spin_unlock(&lock->base.wait_lock);
	return err;
}

static int lock_it(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, bool interruptible)
{
	uintptr_t expected = 0;

	if (!cas_acquire(&lock->base.owner, &expected, self()))
		return lock_slowly(lock, ctx, interruptible);
	if (ctx)
		set_ctx_alone(lock, ctx);
	return 0;
}

int ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return lock_it(lock, ctx, false);
}

int ww_mutex_lock_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return lock_it(lock, ctx, true);
}

void ww_mutex_lock_slow(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	(void)lock_it(lock, ctx, false); /* without locks, it waits */
}

int ww_mutex_lock_slow_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	return lock_it(lock, ctx, true);
}

int ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	if (!take(lock, false))
		return 0;
	if (ctx)
		set_ctx_alone(lock, ctx);
	return 1;
}

/* Somebody waits. */
static __attribute__((noinline)) void unlock_slowly(struct ww_mutex *lock, uintptr_t owner)
{
	struct waiter *first;
	bool wants;

	while (!(owner & HANDOFF)) {
		if (cas_release(&lock->base.owner, &owner, owner & WAITERS))
			break;
	}
	if (!(owner & WAITERS))
		return;
	dmabuf_spin_lock(&lock->base.wait_lock);
	first = first_waiter(lock);
	if (owner & HANDOFF)
		store_release(&lock->base.owner, first ? first->thread | PICKUP | WAITERS : 0);
	wants = first && wants_wake(first);
	dmabuf_spin_unlock(&lock->base.wait_lock);
	if (wants) /* by address: it may be gone */
		os_futex_wake_one(&first->wake);
}

void ww_mutex_unlock(struct ww_mutex *lock)
{
	uintptr_t owner = self();

	if (lock->ctx) {
		lock->ctx->acquired--;
		store_relaxed(&lock->ctx, NULL);
	}
	if (!cas_release(&lock->base.owner, &owner, 0))
		unlock_slowly(lock, owner);
}

bool ww_mutex_is_locked(const struct ww_mutex *lock)
{
	return load_relaxed(&lock->base.owner) & ~(uintptr_t)FLAGS;
}

bool ww_mutex_is_held(const struct ww_mutex *lock)
{
	return (load_relaxed(&lock->base.owner) & ~(uintptr_t)FLAGS) == self();
}

struct ww_acquire_ctx *ww_mutex_ctx(const struct ww_mutex *lock)
{
	return ww_mutex_is_held(lock) ? load_relaxed(&lock->ctx) : NULL;
}
