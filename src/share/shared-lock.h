/* SPDX-License-Identifier: MIT */
/*
 * A lock in shared memory, between processes: a word, which is the id of the member that holds it.
 * One thread of a process at a time may want one; who decides that is above.
 *
 * A holder that is dead or evicted is replaced, by one compare-and-swap from exactly its word.
 */
#ifndef SHARE_SHARED_LOCK_H
#define SHARE_SHARED_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "os/fault.h"
#include "share/member.h"

/* How long somebody waits, and for whom not. */
struct patience {
	int64_t deadline; /* INT64_MAX: for ever */
	bool interruptible;
	/* Must the caller back off from the member that holds the lock? Optional. */
	bool (*backs_off)(const struct patience *patience, uint32_t holder);
	/* Does somebody wait for the caller, which could let him go first? Optional. */
	bool (*gives_turn)(const struct patience *patience);
};

/* Who was the holder before? */
enum taken { TAKEN_FREE, TAKEN_OVER };

/* If it is free, and nobody waits: take it. */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by the swap */
static inline bool shared_lock_quickly(const struct dma_buf_pool *pool, uint32_t *word)
{
	uint32_t nobody = 0;

	OS_RACE_POINT("shared lock: before it is taken");
	return cas_acq_rel(word, &nobody, pool->self->id);
}

/*
 * A positive enum taken, or 0; -ETIME; -EINTR; -EDEADLK: backs_off() said so; -EAGAIN: gives_turn() did, after
 * a while; what pool_check() returns.
 */
int shared_lock(struct dma_buf_pool *pool, uint32_t *word, const struct patience *patience);

/* The same without waiting; -EBUSY. */
int shared_trylock(struct dma_buf_pool *pool, uint32_t *word);

/* The id of the member that holds it, or 0. */
uint32_t shared_lock_holder(const uint32_t *word);

/* False: somebody has taken it from the caller. */
bool shared_unlock(struct dma_buf_pool *pool, uint32_t *word);

#endif
