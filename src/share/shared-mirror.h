/* SPDX-License-Identifier: MIT */
/* The container of a shared reservation, as a mirror of the log. */
#ifndef SHARE_SHARED_MIRROR_H
#define SHARE_SHARED_MIRROR_H

#include "share/shared-resv.h"

static inline struct shared_resv *shared_resv_from(struct resv_backing *backing)
{
	return container_of(backing, struct shared_resv, base);
}

/*
 * For the holder of the local lock, in this order. Others may be keepers until mirror_keep(), if it was said that
 * they may, or the local lock was not taken quickly (struct resv_wish).
 */
static inline void mirror_let_go(struct shared_resv *shared)
{
	store_release(&shared->awaits, true);
}

/* It drops the local lock, and never was keeper. */
static inline void mirror_take_back(struct shared_resv *shared)
{
	store_release(&shared->awaits, false);
}

/* The container is the caller's from now on. */
void mirror_keep(struct shared_resv *shared);

/* Others may be keepers when the local lock is dropped, or from now on. */
static inline void mirror_keep_no_more(struct shared_resv *shared)
{
	if (unlikely(shared->keeps))
		store_release(&shared->is_kept, false);
}

/* Does it show what is committed? */
static inline bool mirror_is_current(const struct shared_resv *shared)
{
	return load_acquire(&shared->shm->commit) == load_acquire(&shared->mirrored);
}

/* For the holder: it does, or this process is no member any more. False: not by @deadline. */
bool mirror_renew(struct shared_resv *shared, int64_t deadline);

/* How many containers this thread is changing. */
extern __thread unsigned int mirrors_changing
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline void mirror_is_changing(bool begins)
{
	if (begins)
		mirrors_changing++;
	else
		mirrors_changing--;
}

/* Of struct resv_backing_ops. */
int64_t mirror_refresh(struct resv_backing *backing, int64_t timeout);
bool mirror_test(struct resv_backing *backing, enum dma_resv_usage usage);

#endif
