/* SPDX-License-Identifier: MIT */
/*
 * The lock word, and the door between the fast paths (ww-mutex.c) and the queue
 * (ww-mutex-queue.c).
 *
 * The word is 0, or the holder's context, or the holder's thread tagged with
 * WW_NO_CTX; bit 0, WW_WAITERS, says that the queue is in use. So one compare and
 * swap publishes lock and context together: nobody ever sees a held lock without
 * its stamp.
 */
#ifndef RESV_WW_MUTEX_INTERNAL_H
#define RESV_WW_MUTEX_INTERNAL_H

#include <dmabuf/ww-mutex.h>

#include "os/atomic.h"
#include "os/thread.h"

#define WW_WAITERS ((uintptr_t)1)
#define WW_NO_CTX ((uintptr_t)2)

static inline uintptr_t ww_word_for(struct ww_acquire_ctx *ctx)
{
	return ctx ? (uintptr_t)ctx : os_self() | WW_NO_CTX;
}

/* Relaxed: for the holder, for callers under wait_lock, which orders it, and for hints. */
static inline uintptr_t ww_word(const struct ww_mutex *lock)
{
	return load_relaxed(&lock->base.owner);
}

static inline bool ww_is_free(const struct ww_mutex *lock)
{
	return !(ww_word(lock) & ~WW_WAITERS);
}

/* The context in a word, or NULL. Who may look into it: see ww-mutex-queue.c. */
static inline struct ww_acquire_ctx *ww_ctx_in(uintptr_t word)
{
	return (word & WW_NO_CTX) ? NULL : (struct ww_acquire_ctx *)(word & ~WW_WAITERS);
}

/* Wait for the mutex: 0, -EDEADLK, or -EINTR if @interruptible. */
int ww_mutex_lock_contended(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, bool interruptible);

/* Take a free mutex although somebody waits for it. */
bool ww_mutex_pass(struct ww_mutex *lock, struct ww_acquire_ctx *ctx);

/* Drop a mutex for which somebody waits. False: nobody does any more; it is still held. */
bool ww_mutex_unlock_contended(struct ww_mutex *lock);

#ifdef DMABUF_SEAMS
/*
 * Make up an -EDEADLK now and then where a context takes one more lock: first at
 * its second lock, then ever more rarely, so that every job ends. For all
 * threads; off at start.
 */
void ww_mutex_inject_deadlocks(bool on);
#endif

#endif
