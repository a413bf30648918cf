/* SPDX-License-Identifier: MIT */
/*
 * The lock word, and the door between the fast paths (ww-mutex.c) and the queue
 * (ww-mutex-queue.c).
 *
 * The word is 0, or the holder's context, or the holder's thread tagged with
 * WW_NO_CTX; bit 0, WW_WAITERS, says that the queue is in use. So one compare and
 * swap publishes lock and context together: nobody ever sees a held lock without
 * its stamp.
 *
 * Who comes to wait must stop the holder from dropping the mutex unseen. A holder with
 * WW_BY_CAS drops it by a compare-and-swap, which finds WW_WAITERS. One without stores the 0
 * (os/rseq.h), with no locked operation; then the waiter's part is Q1 to Q3 there. It sets
 * WW_BY_CAS as well: from then on it is as if the holder had done so. In the word of a free mutex
 * it means nothing.
 */
#ifndef RESV_WW_MUTEX_INTERNAL_H
#define RESV_WW_MUTEX_INTERNAL_H

#include <dmabuf/ww-mutex.h>

#include "debug/trace.h"
#include "os/atomic.h"
#include "os/rseq.h"
#include "os/thread.h"

#define WW_WAITERS ((uintptr_t)1)
#define WW_NO_CTX ((uintptr_t)2)
#ifdef OS_HAS_RSEQ
#define WW_BY_CAS ((uintptr_t)4)
_Static_assert(_Alignof(struct ww_acquire_ctx) >= 8, "room for three bits");
#else
#define WW_BY_CAS ((uintptr_t)0) /* all do */
#endif

/* For a mutex that the calling thread takes. */
static inline uintptr_t ww_word_for(struct ww_acquire_ctx *ctx)
{
	const uintptr_t word = ctx ? (uintptr_t)ctx : os_self() | WW_NO_CTX;

	return os_rseq_is_ready() ? word : word | WW_BY_CAS;
}

/* Relaxed: for the holder, for callers under wait_lock, which orders it, and for hints. */
static inline uintptr_t ww_word(const struct ww_mutex *lock)
{
	return load_relaxed(&lock->base.owner);
}

static inline bool ww_word_is_free(uintptr_t word)
{
	return !(word & ~(WW_WAITERS | WW_BY_CAS));
}

static inline bool ww_is_free(const struct ww_mutex *lock)
{
	return ww_word_is_free(ww_word(lock));
}

/* The context in a word, or NULL. Who may look into it: see ww-mutex-queue.c. */
static inline struct ww_acquire_ctx *ww_ctx_in(uintptr_t word)
{
	return (word & WW_NO_CTX) ? NULL : (struct ww_acquire_ctx *)(word & ~(WW_WAITERS | WW_BY_CAS));
}

/* Drop a mutex for which somebody waits. False: nobody does any more; it is still held. */
bool ww_mutex_unlock_contended(struct ww_mutex *lock);

#ifdef DMABUF_SEAMS
/*
 * Make up an -EDEADLK now and then where a context takes one more lock: first at
 * its second lock, then ever more rarely, so that every job ends. For all
 * threads; off at start.
 */
void ww_mutex_inject_deadlocks(bool on);
bool ww_makes_up_deadlocks(void);
#else
static inline bool ww_makes_up_deadlocks(void)
{
	return false;
}
#endif

/* ww_mutex_is_held(). */
static inline bool ww_is_mine(const struct ww_mutex *lock)
{
	return load_relaxed(&lock->base.holder) == os_self();
}

/* The caller holds the mutex now. */
static inline void ww_note_holder(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	/* Relaxed: whoever compares it with itself has written what it finds. */
	store_relaxed(&lock->base.holder, os_self());
	if (ctx)
		ctx->acquired++;
}

/* One step from free to held. Release: shows what ww_acquire_init() wrote. */
static inline bool ww_take_free(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
{
	uintptr_t expected = 0;

	return cas_seq_cst(&lock->base.owner, &expected, ww_word_for(ctx)); /* X1 of shared-mirror.c */
}

/* Has all that ww_mutex_lock() asks of a context plainly been kept? */
static inline bool ww_ctx_is_fine(const struct ww_mutex *lock, const struct ww_acquire_ctx *ctx)
{
	return ctx->task == os_self() && ctx->ww_class == lock->base.ww_class &&
	       !ctx->contending_lock && !ctx->done_acquire;
}

/*
 * Take a free mutex where nobody watches and nothing is wrong: true. Else it was not taken, and
 * ww_mutex_lock() finds out why.
 */
DMABUF_UNCHECKED("this is the lock")
static inline bool ww_lock_quickly(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(true, *lock)
{
	if (watch_is_on() || ww_makes_up_deadlocks())
		return false;
	if (ctx) {
		if (unlikely(!ww_ctx_is_fine(lock, ctx)))
			return false;
		if (!ctx->acquired)
			store_relaxed(&ctx->wounded, false); /* it holds nothing: nobody can wound it now */
	}
	if (unlikely(!ww_take_free(lock, ctx)))
		return false;
	ww_note_holder(lock, ctx);
	return true;
}

/*
 * The calling thread is about to drop a mutex by compare-and-swap. If it need not have done so,
 * somebody has come, and maybe gone; then it is better to go on like that.
 */
static inline void ww_note_by_cas(const struct ww_acquire_ctx *ctx)
{
	if (unlikely(os_rseq_is_ready()))
		os_rseq_rest();
	else
		os_rseq_rested(!ctx || !ctx->acquired); /* it holds no more that were taken so */
}

/* Drop a mutex that the caller holds, without a word to who watches. */
DMABUF_UNCHECKED("this is the lock")
static inline void ww_drop(struct ww_mutex *lock) DMABUF_RELEASE(*lock)
{
	uintptr_t word = ww_word(lock) & ~WW_WAITERS;
	struct ww_acquire_ctx *ctx = ww_ctx_in(word);

	if (ctx)
		ctx->acquired--;
	store_relaxed(&lock->base.holder, 0); /* before the next holder's, by the release below */
	if (word & WW_BY_CAS)
		ww_note_by_cas(ctx);
	else if (os_rseq_store(&lock->base.owner, word, 0))
		return;
	/* Acquire: a waiter that went away has looked into our context; that is over. */
	while (unlikely(!cas_acq_rel(&lock->base.owner, &word, 0))) {
		os_rseq_rest();
		if (ww_mutex_unlock_contended(lock))
			return;
		word = ww_word(lock) & ~WW_WAITERS;
	}
}

/* How long somebody waits. */
struct ww_patience {
	int64_t deadline; /* INT64_MAX: for ever */
	bool interruptible;
};

#define WW_FOR_EVER ((struct ww_patience){ INT64_MAX, false })
#define WW_INTERRUPTIBLE ((struct ww_patience){ INT64_MAX, true })

/* Wait for the mutex: 0, -EDEADLK, -EINTR if that is wanted, -ETIME. */
int ww_mutex_lock_contended(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
			    struct ww_patience patience);

/* ww_mutex_lock(), with patience. */
int ww_lock_patiently(struct ww_mutex *lock, struct ww_acquire_ctx *ctx,
		      struct ww_patience patience) DMABUF_TRY_ACQUIRE(0, *lock);

/* Take a free mutex although somebody waits for it. */
bool ww_mutex_pass(struct ww_mutex *lock, struct ww_acquire_ctx *ctx);

#endif
