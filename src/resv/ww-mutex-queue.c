/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a mutex: the queue, who backs off, and who is woken.
 *
 * Locking: wait_lock guards the queue and, while WW_WAITERS is set, the word:
 * then nobody takes or drops the mutex but under wait_lock. That keeps the
 * holder's context alive for whoever looks at it there, since the holder cannot
 * get out. A waiter sleeps without wait_lock. No two wait_locks are held
 * together; the awkward case is wound(), where a waiter of one mutex wakes a
 * sleeper that may be in the queue of another: it touches only the sleeper's
 * context, and that is alive because it holds the first mutex.
 *
 * Who holds nothing, and so never backs off, looks for a moment whether the mutex becomes free
 * before it queues: that costs less than to be woken, and nobody waits for it meanwhile.
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
#include "resv/ww-mutex-internal.h"

#include <errno.h>

#include "os/fault.h"
#include "os/futex.h"
#include "os/list.h"

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

/* A stamp is older than another also across the wrap. */
static bool is_older(const struct ww_acquire_ctx *a, const struct ww_acquire_ctx *b)
{
	return (int64_t)(a->stamp - b->stamp) < 0;
}

/*
 * The queue. All under wait_lock.
 */

static struct waiter *first_waiter(const struct ww_mutex *lock)
	DMABUF_REQUIRES(lock->base.wait_lock)
{
	return lock->base.first ? list_entry(lock->base.first, struct waiter, node) : NULL;
}

static struct waiter *next_waiter(const struct ww_mutex *lock, const struct waiter *waiter)
	DMABUF_REQUIRES(lock->base.wait_lock)
{
	struct dmabuf_list_head *next = waiter->node.next;

	return next == lock->base.first ? NULL : list_entry(next, struct waiter, node);
}

#define for_each_waiter(waiter, lock) \
	for ((waiter) = first_waiter(lock); (waiter); (waiter) = next_waiter(lock, waiter))

/* The waiter in front of whom @ctx belongs; NULL: it goes to the end. */
static struct waiter *first_younger(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
	DMABUF_REQUIRES(lock->base.wait_lock)
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
	DMABUF_REQUIRES(lock->base.wait_lock)
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
	DMABUF_REQUIRES(lock->base.wait_lock)
{
	if (list_is_empty(&waiter->node))
		lock->base.first = NULL;
	else if (lock->base.first == &waiter->node)
		lock->base.first = waiter->node.next;
	list_remove(&waiter->node);
}

/* @word, with WW_WAITERS as the queue wants it. */
static void set_word(struct ww_mutex *lock, uintptr_t word) DMABUF_REQUIRES(lock->base.wait_lock)
{
	/* Release: with an empty queue the next holder comes without wait_lock. */
	store_release(&lock->base.owner, lock->base.first ? word | WW_WAITERS : word);
}

/* May this thread have the mutex before the first waiter? There is one. */
static bool may_pass(const struct ww_mutex *lock) DMABUF_REQUIRES(lock->base.wait_lock)
{
	return !list_entry(lock->base.first, struct waiter, node)->passed_over;
}

/*
 * Who backs off.
 */

/* Wait-die: the first waiter with locks that has somebody older before it. */
static struct waiter *first_to_die(const struct ww_mutex *lock)
	DMABUF_REQUIRES(lock->base.wait_lock)
{
	const struct ww_acquire_ctx *holder = ww_ctx_in(ww_word(lock));
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
	DMABUF_REQUIRES(lock->base.wait_lock)
{
	const struct ww_acquire_ctx *holder = ww_ctx_in(ww_word(lock));
	const struct dmabuf_list_head *node;

	if (holder && is_older(holder, self->ctx))
		return true;
	for (node = lock->base.first; node != &self->node; node = node->next) {
		if (list_entry(node, struct waiter, node)->ctx)
			return true;
	}
	return false;
}

static bool must_back_off(const struct ww_mutex *lock, const struct waiter *self)
	DMABUF_REQUIRES(lock->base.wait_lock)
{
	if (!self->ctx || !self->ctx->acquired)
		return false;
	if (!self->ctx->is_wait_die)
		return load_relaxed(&self->ctx->wounded); /* ordered by S1 */
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
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by the exchange */
static const uint32_t *kick(uint32_t *wake)
{
	return exchange_release(wake, WOKEN) == SLEEPING ? wake : NULL;
}

/* Wound-wait: mark the holder if somebody older waits. */
static const uint32_t *wound(const struct ww_mutex *lock) DMABUF_REQUIRES(lock->base.wait_lock)
{
	struct ww_acquire_ctx *holder = ww_ctx_in(ww_word(lock));
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
	DMABUF_REQUIRES(lock->base.wait_lock)
{
	struct waiter *waiter;

	if (!lock->base.first)
		return NULL;
	if (ww_is_free(lock))
		return kick(first_waiter(lock)->wake);
	if (!lock->base.ww_class->is_wait_die)
		return wound(lock);
	waiter = first_to_die(lock);
	return waiter ? kick(waiter->wake) : NULL;
}

/* Drop wait_lock, then wake who has to act. */
static void leave(struct ww_mutex *lock) DMABUF_RELEASE(lock->base.wait_lock)
{
	const uint32_t *wake = next_to_act(lock);

	dmabuf_spin_unlock(&lock->base.wait_lock);
	/* From here on the mutex may be gone, if the caller neither holds nor awaits it. */
	OS_RACE_POINT("ww_mutex: before wake");
	if (wake)
		os_futex_wake_one(wake); /* K3 */
}

/* S3 and S4. Returns -EINTR if a signal handler ran, -ETIMEDOUT at the deadline. */
static int sleep_on(uint32_t *wake, struct ww_patience patience)
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
		err = os_futex_wait(wake, SLEEPING, patience.deadline, patience.interruptible);
	return err;
}

/*
 * One look at the mutex, under wait_lock. Returns 0 if the caller has it now,
 * -EDEADLK if it must back off, else -EAGAIN.
 */
static int look(struct ww_mutex *lock, struct waiter *self) DMABUF_REQUIRES(lock->base.wait_lock)
{
	exchange_acquire(self->wake, AWAKE); /* S1 */
	OS_RACE_POINT("ww_mutex: before a look");
	if (ww_is_free(lock) && (first_waiter(lock) == self || may_pass(lock)))
		return 0;
	if (must_back_off(lock, self))
		return -EDEADLK;
	return -EAGAIN;
}

/* May the holder drop a mutex with this word by a store, over what is put into the word? */
static bool may_be_stored_over(uintptr_t word)
{
	const bool is_held = word & ~WW_WAITERS;

	return WW_BY_CAS && is_held && !(word & WW_BY_CAS);
}

/*
 * Say in the word that the queue is in use. From then on a held mutex is not dropped but under
 * wait_lock, and its holder's context may be looked at.
 */
static void announce_waiters(struct ww_mutex *lock) DMABUF_REQUIRES(lock->base.wait_lock)
{
	/* Q1, Q3. Acquire: the holder's context, or what the last holder wrote. */
	while (may_be_stored_over(fetch_or_acq_rel(&lock->base.owner, WW_WAITERS | WW_BY_CAS))) {
		OS_RACE_POINT("ww_mutex: before the barrier");
		os_rseq_barrier(); /* Q2 */
	}
}

/* While nobody waits, is it free in a moment? Then it is the caller's. */
static bool take_soon(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	for (unsigned int spins = os_spin_limit(); spins; spins--) {
		const uintptr_t word = ww_word(lock);

		if (word & WW_WAITERS)
			return false;
		if (!word && ww_take_free(lock, ctx))
			return true;
		os_cpu_relax();
	}
	return false;
}

int ww_mutex_lock_contended(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
			    struct ww_patience patience)
{
	struct waiter self = { .ctx = ctx };
	int interrupted = 0; /* or too late */
	int err;

	if ((!ctx || !ctx->acquired) && take_soon(lock, ctx))
		return 0;
	os_rseq_rest(); /* this thread meets others */
	self.wake = ctx ? &ctx->wake : &self.own_wake;
	dmabuf_spin_lock(&lock->base.wait_lock);
	announce_waiters(lock);
	enqueue(lock, &self);
	for (;;) {
		err = look(lock, &self);
		if (err != -EAGAIN || interrupted)
			break;
		leave(lock);
		interrupted = sleep_on(self.wake, patience);
		OS_RACE_POINT("ww_mutex: woken");
		dmabuf_spin_lock(&lock->base.wait_lock);
		if (!ww_is_free(lock) && first_waiter(lock) == &self)
			self.passed_over = true;
	}
	dequeue(lock, &self);
	set_word(lock, err ? ww_word(lock) & ~WW_WAITERS : ww_word_for(ctx));
	leave(lock);
	if (err != -EAGAIN)
		return err;
	return interrupted == -ETIMEDOUT ? -ETIME : interrupted;
}

bool ww_mutex_pass(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	bool taken = false;

	OS_RACE_POINT("ww_mutex: before passing");
	os_rseq_rest(); /* this thread meets others */
	dmabuf_spin_lock(&lock->base.wait_lock);
	if ((ww_word(lock) & ~WW_BY_CAS) == WW_WAITERS && may_pass(lock)) {
		set_word(lock, ww_word_for(ctx));
		taken = true;
	}
	leave(lock);
	return taken;
}

/*
 * False if the last waiter went away meanwhile: then the mutex must become free
 * outside wait_lock, since whoever takes it then may destroy it at once.
 */
bool ww_mutex_unlock_contended(struct ww_mutex *lock)
{
	OS_RACE_POINT("ww_mutex: unlock with waiters");
	dmabuf_spin_lock(&lock->base.wait_lock);
	if (!lock->base.first) {
		dmabuf_spin_unlock(&lock->base.wait_lock);
		OS_RACE_POINT("ww_mutex: nobody waits any more");
		return false;
	}
	set_word(lock, 0);
	leave(lock);
	return true;
}
