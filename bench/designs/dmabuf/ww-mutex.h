/* SPDX-License-Identifier: MIT */
/*
 * In front of the library's header of this name: ww_mutex as Linux has it, for the designs of
 * reservations (shared/spec/semantics.md, 8.8 and 10.13). ../ww-mutex.c says how it works.
 * Wait-die only, as reservations are.
 */
#ifndef DMABUF_WW_MUTEX_H
#define DMABUF_WW_MUTEX_H

#include <dmabuf/dmabuf-types.h>

#define ww_class linux_ww_class
#define ww_mutex linux_ww_mutex
#define ww_acquire_ctx linux_ww_acquire_ctx
#define ww_mutex_init linux_ww_mutex_init
#define ww_mutex_destroy linux_ww_mutex_destroy
#define ww_acquire_init linux_ww_acquire_init
#define ww_acquire_done linux_ww_acquire_done
#define ww_acquire_fini linux_ww_acquire_fini
#define ww_mutex_lock linux_ww_mutex_lock
#define ww_mutex_lock_interruptible linux_ww_mutex_lock_interruptible
#define ww_mutex_lock_slow linux_ww_mutex_lock_slow
#define ww_mutex_lock_slow_interruptible linux_ww_mutex_lock_slow_interruptible
#define ww_mutex_trylock linux_ww_mutex_trylock
#define ww_mutex_unlock linux_ww_mutex_unlock
#define ww_mutex_is_locked linux_ww_mutex_is_locked
#define ww_mutex_is_held linux_ww_mutex_is_held
#define ww_mutex_ctx linux_ww_mutex_ctx
#define reservation_ww_class linux_reservation_ww_class

struct ww_class {
	uint64_t stamp; /* atomic: the youngest context's */
	const char *name;
	bool is_wait_die;
};

#define DEFINE_WW_CLASS(classname) struct ww_class classname = { 0, #classname, false }
#define DEFINE_WD_CLASS(classname) struct ww_class classname = { 0, #classname, true }

struct ww_mutex {
	struct {
		uintptr_t owner; /* atomic: the thread, and flags */
		struct dmabuf_spinlock wait_lock;
		struct dmabuf_list_head *first; /* under wait_lock: ring of waiters, NULL: none */
	} base;
	struct ww_acquire_ctx *ctx; /* atomic: the holder's, a moment after it has the mutex */
};

struct ww_acquire_ctx {
	uint64_t stamp;
	unsigned int acquired;
	bool wounded; /* never */
	bool is_wait_die;
	struct ww_mutex *contending_lock; /* that tests name, and nobody uses */
};

void ww_mutex_init(struct ww_mutex *lock, struct ww_class *ww_class);
void ww_mutex_destroy(struct ww_mutex *lock);
void ww_acquire_init(struct ww_acquire_ctx *ctx, struct ww_class *ww_class);
void ww_acquire_done(struct ww_acquire_ctx *ctx);
void ww_acquire_fini(struct ww_acquire_ctx *ctx);
int DMABUF_MUST_CHECK ww_mutex_lock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx);
int DMABUF_MUST_CHECK ww_mutex_lock_interruptible(struct ww_mutex *lock,
						  struct ww_acquire_ctx *ctx);
void ww_mutex_lock_slow(struct ww_mutex *lock, struct ww_acquire_ctx *ctx);
int DMABUF_MUST_CHECK ww_mutex_lock_slow_interruptible(struct ww_mutex *lock,
						       struct ww_acquire_ctx *ctx);
int DMABUF_MUST_CHECK ww_mutex_trylock(struct ww_mutex *lock, struct ww_acquire_ctx *ctx);
void ww_mutex_unlock(struct ww_mutex *lock);
bool ww_mutex_is_locked(const struct ww_mutex *lock);
bool ww_mutex_is_held(const struct ww_mutex *lock);
struct ww_acquire_ctx *ww_mutex_ctx(const struct ww_mutex *lock);

#endif
