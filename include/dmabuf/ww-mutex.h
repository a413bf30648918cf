/* SPDX-License-Identifier: MIT */
/*
 * ww-mutex.h - locks that several threads may take in any order
 *
 * Who needs a handful of buffers at once cannot know in which order others take
 * them. With these mutexes the order does not matter: all locks of one job are
 * taken under one context, each context has a stamp, and where two contexts
 * would wait for each other, the younger one is told to back off: it drops all it
 * holds, waits for the lock that it was refused, and takes the others again.
 *
 * The context keeps its stamp while it backs off. So it gets older compared with
 * the others, until it is the oldest and gets all it wants.
 *
 * The two kinds of class differ in who backs off, and when:
 *
 * wait-die (DEFINE_WD_CLASS; reservations are of this kind): who holds locks and
 *	comes upon an older context, as holder or in the queue, is told at once.
 * wound-wait (DEFINE_WW_CLASS): an older context marks the younger holder as
 *	wounded; the holder learns of it when it next has to wait.
 *
 * drm-exec.h does this for any number of objects.
 *
 * Example:
 *
 *	static int lock_both(struct ww_mutex *a, struct ww_mutex *b, struct ww_acquire_ctx *ctx)
 *	{
 *		struct ww_mutex *refused = b;
 *		int err;
 *
 *		err = ww_mutex_lock(a, ctx);	// holds nothing yet: not -EDEADLK
 *		if (!err)
 *			err = ww_mutex_lock(b, ctx);
 *		while (err == -EDEADLK) {
 *			struct ww_mutex *held = refused == b ? a : b;
 *
 *			ww_mutex_unlock(held);			// all that the context holds
 *			ww_mutex_lock_slow(refused, ctx);	// the one that was missing
 *			refused = held;
 *			err = ww_mutex_lock(refused, ctx);
 *		}
 *		return err;
 *	}
 */
#ifndef DMABUF_WW_MUTEX_H
#define DMABUF_WW_MUTEX_H

#include <dmabuf/dmabuf-types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ww_class - a kind of lock, whose contexts share one count of stamps
 * @stamp:       atomic: the last stamp given out
 * @name:        constant: for messages
 * @is_wait_die: constant: wait-die, else wound-wait
 * @is_timed:    constant: stamps are times, CLOCK_MONOTONIC, since contexts of several processes meet
 *
 * Lifetime: longer than that of its mutexes and contexts. What the rules learnt of it
 * (dmabuf-lockdep.h) lasts until dmabuf_lock_forget().
 */
struct ww_class {
	uint64_t stamp;
	const char *name;
	bool is_wait_die;
	bool is_timed;
};

/**
 * DEFINE_WW_CLASS() - define a wound-wait class
 * @classname: the variable; "static" may stand before the macro
 *
 * Since: 0.1
 */
#define DEFINE_WW_CLASS(classname) struct ww_class classname = { 0, #classname, false, false }

/**
 * DEFINE_WD_CLASS() - define a wait-die class
 * @classname: the variable; "static" may stand before the macro
 *
 * Since: 0.1
 */
#define DEFINE_WD_CLASS(classname) struct ww_class classname = { 0, #classname, true, false }

/**
 * struct ww_mutex - a lock that knows the context it was taken under
 * @base: for the library
 *
 * Where Linux keeps owner and context apart, one word here is both, so that
 * whoever meets a held lock also sees its context.
 */
struct DMABUF_CAPABILITY("ww_mutex") ww_mutex {
	struct {
		uintptr_t owner;                /* atomic: context, or tagged thread; bit 0: somebody waits */
		uintptr_t holder;               /* atomic: the thread; written by the holder only */
		struct ww_class *ww_class;      /* constant after init */
		struct dmabuf_list_head *first; /* under wait_lock: ring of waiters, NULL: none */
		struct dmabuf_spinlock wait_lock;
	} base;
};

/**
 * struct ww_acquire_ctx - one job's wish for several locks
 * @task:           constant: the thread that works with it; 0 after fini
 * @stamp:          constant: smaller is older, and wins
 * @ww_class:       constant
 * @contending_lock: the holder's: which lock the last -EDEADLK was about
 * @acquired:       the holder's: locks held under this context
 * @inject_interval:  the holder's: for made-up -EDEADLK in the library's tests
 * @inject_countdown: likewise
 * @wake:           atomic: what the holder sleeps on
 * @wounded:        atomic: an older context waits for one of the locks
 * @done_acquire:   the holder's: ww_acquire_done() was called
 * @is_wait_die:    constant
 *
 * All members are for the library. The structure lives on the caller's stack.
 */
struct ww_acquire_ctx {
	uintptr_t task;
	uint64_t stamp;
	struct ww_class *ww_class;
	struct ww_mutex *contending_lock;
	unsigned int acquired;
	unsigned int inject_interval;
	unsigned int inject_countdown;
	uint32_t wake;
	bool wounded;
	bool done_acquire;
	bool is_wait_die;
	struct dma_fence *taken_fence;	 /* the last that reservations under it took */
	struct dma_fence *dropped_fence; /* and dropped */
	uint32_t taken;			 /* references for later ones */
	uint32_t dropped;		 /* references to put */
};

/**
 * ww_mutex_init() - make a mutex unlocked
 * @lock:     memory to initialise
 * @ww_class: class it belongs to for life; borrowed
 *
 * Lifetime: ww_mutex_destroy() before the memory goes.
 *
 * Since: 0.1.
 */
void ww_mutex_init(struct ww_mutex *lock, struct ww_class *ww_class);

/**
 * ww_mutex_destroy() - end of use of a mutex
 * @lock: unlocked mutex that nobody waits for; else this aborts
 *
 * Lifetime: the memory may be reused at once, also when another thread has only
 * just unlocked the mutex and may still be inside ww_mutex_unlock().
 *
 * Since: 0.1.
 */
void ww_mutex_destroy(struct ww_mutex *lock);

/**
 * ww_acquire_init() - begin to take several locks
 * @ctx:      memory to initialise
 * @ww_class: class of all the locks that will be taken under @ctx; borrowed
 *
 * Gives @ctx the next stamp of the class. Keep the context while backing off;
 * a new one would be younger than all others again.
 *
 * Lifetime: @ctx is used by the library until ww_acquire_fini().
 *
 * Locking: @ctx belongs to the calling thread. A thread should have one context
 * a class at a time.
 *
 * Since: 0.1.
 */
void ww_acquire_init(struct ww_acquire_ctx *ctx, struct ww_class *ww_class);

/**
 * ww_acquire_done() - say that all locks have been taken
 * @ctx: context of the calling thread
 *
 * Optional. Locking more under @ctx afterwards is reported as a warning.
 *
 * Since: 0.1.
 */
void ww_acquire_done(struct ww_acquire_ctx *ctx);

/**
 * ww_acquire_fini() - end of use of a context
 * @ctx: context of the calling thread, under which nothing is held any more;
 *	else this aborts
 *
 * References on fences that reservations dropped under @ctx may be put here, not before: a
 * fence's release may run in this call.
 *
 * Since: 0.1.
 */
void ww_acquire_fini(struct ww_acquire_ctx *ctx);

/**
 * ww_mutex_lock() - take a mutex, waiting if need be
 * @lock: mutex to take
 * @ctx:  context of the calling thread and of the mutex's class, or NULL: just
 *	this one lock
 *
 * Waiters under a context get the mutex by age, the oldest first; waiters
 * without one in the order in which they came. Without a context the call never
 * fails; taking several locks of a class without one can deadlock, as with any
 * mutex.
 *
 * Locking: on success the calling thread holds @lock, and must unlock it itself.
 * A thread that takes a mutex it holds already, under no or another context,
 * would wait for itself: this aborts.
 *
 * Ordering: what the previous holder wrote before ww_mutex_unlock() is visible
 * after the call.
 *
 * Context: sleeps; not under a short lock or in a fence callback.
 *
 * Return: 0; -EALREADY if @lock is held under @ctx already; -EDEADLK if the
 * caller must unlock everything it holds under @ctx, then take @lock with
 * ww_mutex_lock_slow(), then the others again. A context that holds nothing
 * never gets -EDEADLK.
 *
 * Since: 0.1.
 */
int DMABUF_MUST_CHECK ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(0, *lock);

/**
 * ww_mutex_lock_interruptible() - ww_mutex_lock() that a signal can end
 * @lock: mutex to take
 * @ctx:  as for ww_mutex_lock()
 *
 * Locking, Ordering, Context: as ww_mutex_lock().
 *
 * Return: as ww_mutex_lock(); or -EINTR if a signal handler ran while the thread
 * slept. After -EINTR @lock is not held; what was held before still is. A signal
 * that comes before the thread sleeps is not seen.
 *
 * Since: 0.1.
 */
int DMABUF_MUST_CHECK ww_mutex_lock_interruptible(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(0, *lock);

/**
 * ww_mutex_lock_slow() - after -EDEADLK: wait for the mutex that was missing
 * @lock: the mutex for which ww_mutex_lock() returned -EDEADLK
 * @ctx:  the same context, under which nothing is held any more; else this aborts
 *
 * Never fails, since who holds nothing may always wait. Taking another mutex
 * than the contended one is harmless, but may meet the same obstacle again.
 *
 * Locking, Ordering, Context: as ww_mutex_lock().
 *
 * Since: 0.1.
 */
void ww_mutex_lock_slow(struct ww_mutex *lock, struct ww_acquire_ctx *ctx) DMABUF_ACQUIRE(*lock);

/**
 * ww_mutex_lock_slow_interruptible() - ww_mutex_lock_slow() that a signal can end
 * @lock: the mutex for which ww_mutex_lock() returned -EDEADLK
 * @ctx:  the same context, under which nothing is held any more; else this aborts
 *
 * Locking, Ordering, Context: as ww_mutex_lock().
 *
 * Return: 0, or -EINTR as ww_mutex_lock_interruptible().
 *
 * Since: 0.1.
 */
int DMABUF_MUST_CHECK ww_mutex_lock_slow_interruptible(struct ww_mutex *lock,
						       struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(0, *lock);

/**
 * ww_mutex_trylock() - take a mutex if that needs no waiting
 * @lock: mutex to take
 * @ctx:  as for ww_mutex_lock(); the lock becomes one of the context's, and other
 *	contexts back off from it or wound it as from any other
 *
 * Locking, Ordering: on success as ww_mutex_lock().
 *
 * Context: does not sleep.
 *
 * Return: 1 if the calling thread has taken @lock; 0 if not, also if it holds
 * @lock already.
 *
 * Since: 0.1.
 */
int DMABUF_MUST_CHECK ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx)
	DMABUF_TRY_ACQUIRE(1, *lock);

/**
 * ww_mutex_unlock() - drop a mutex
 * @lock: mutex that the calling thread holds; else this aborts
 *
 * No system call unless somebody sleeps for @lock, or it is the first that this thread drops.
 *
 * Ordering: what the caller wrote before is visible to the next holder.
 *
 * Context: does not sleep.
 *
 * Since: 0.1.
 */
void ww_mutex_unlock(struct ww_mutex *lock) DMABUF_RELEASE(*lock);

/**
 * ww_mutex_is_locked() - does anybody hold this mutex?
 * @lock: mutex to look at
 *
 * Context: callable anywhere.
 *
 * Return: true if it was held at some moment of the call.
 *
 * Since: 0.1.
 */
bool ww_mutex_is_locked(const struct ww_mutex *lock);

/**
 * ww_mutex_is_held() - does the calling thread hold this mutex?
 * @lock: mutex to look at
 *
 * Context: callable anywhere.
 *
 * Return: true if the calling thread holds @lock, under a context or not. The
 * answer stays true until the calling thread itself changes it.
 *
 * Since: 0.1. Extension.
 */
bool ww_mutex_is_held(const struct ww_mutex *lock);

/**
 * ww_mutex_ctx() - under which context does the calling thread hold this mutex?
 * @lock: mutex to look at
 *
 * Context: callable anywhere.
 *
 * Return: the context, borrowed; NULL if the calling thread does not hold @lock
 * or took it without one.
 *
 * Since: 0.1. Extension.
 */
struct ww_acquire_ctx *ww_mutex_ctx(const struct ww_mutex *lock);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_WW_MUTEX_H */
