/* SPDX-License-Identifier: MIT */
/*
 * Waiting: the waiter sets LOCK_WAITERS and sleeps while the word is that. It wakes when the word changes,
 * when this process finds somebody to be gone, and every POOL_SLICE_NS, since memory that an enemy can
 * write promises no wake-up. Who was woken takes the lock with LOCK_WAITERS set: others may sleep there.
 */
#include "share/shared-lock.h"

#include <errno.h>

#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "share/member.h"

static uint32_t holder_of(uint32_t word)
{
	return word & ~LOCK_WAITERS;
}

/* @word was @old: the caller's, with @waiters. */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by the swap */
static bool take(struct dma_buf_pool *pool, uint32_t *word, uint32_t old, uint32_t waiters)
{
	OS_RACE_POINT("shared lock: before it is taken");
	return cas_acq_rel(word, &old, pool->self->id | waiters);
}

/* Is the holder one that will never unlock? */
static bool is_gone(struct dma_buf_pool *pool, uint32_t holder)
{
	return holder != pool->self->id && member_check_id(pool, holder) != VERDICT_ALIVE;
}

/* While it is about to become free. */
static bool take_soon(struct dma_buf_pool *pool, uint32_t *word)
{
	for (unsigned int spins = os_spin_limit(); spins; spins--) {
		const uint32_t old = load_relaxed(word);

		if (old & LOCK_WAITERS)
			return false;
		if (!old && take(pool, word, 0, 0))
			return true;
		os_cpu_relax();
	}
	return false;
}

/* 0: look again; -ETIME, -EINTR, -EAGAIN. */
static int sleep_on(struct dma_buf_pool *pool, uint32_t *word, uint32_t old, uint32_t verdicts,
		    const struct patience *patience)
{
	const int64_t slice = os_deadline_ns(POOL_SLICE_NS);
	const bool is_last = patience->deadline <= slice;
	int err;

	if (!(old & LOCK_WAITERS) && !cas_acq_rel(word, &old, old | LOCK_WAITERS))
		return 0;
	err = os_futex_wait_shared(word, old | LOCK_WAITERS, &pool->verdicts, verdicts,
				   is_last ? patience->deadline : slice, patience->interruptible);
	if (err != -ETIMEDOUT)
		return err;
	if (is_last)
		return -ETIME;
	return patience->gives_turn && patience->gives_turn(patience) ? -EAGAIN : 0;
}

int shared_lock(struct dma_buf_pool *pool, uint32_t *word, const struct patience *patience)
{
	uint32_t waiters = 0;

	if (shared_lock_quickly(pool, word))
		return TAKEN_FREE;
	if (!patience->backs_off && take_soon(pool, word))
		return TAKEN_FREE;
	for (;;) {
		const uint32_t verdicts = load_acquire(&pool->verdicts);
		const bool is_late = !os_remaining_ns(patience->deadline);
		const uint32_t old = load_acquire(word);
		int err;

		err = pool_check(pool);
		if (err)
			return err;
		if (!holder_of(old)) {
			if (take(pool, word, old, waiters | (old & LOCK_WAITERS)))
				return TAKEN_FREE;
		} else if (is_gone(pool, holder_of(old))) {
			if (take(pool, word, old, old & LOCK_WAITERS))
				return TAKEN_OVER;
		} else {
			if (patience->backs_off && patience->backs_off(patience, holder_of(old)))
				return -EDEADLK;
			err = sleep_on(pool, word, old, verdicts, patience);
			if (err)
				return err;
			waiters = LOCK_WAITERS;
		}
		if (is_late) /* an enemy may change it all the time */
			return -ETIME;
	}
}

uint32_t shared_lock_holder(const uint32_t *word)
{
	return holder_of(load_acquire(word));
}

int shared_trylock(struct dma_buf_pool *pool, uint32_t *word)
{
	const uint32_t old = load_acquire(word);
	int err;

	err = pool_check(pool);
	if (err)
		return err;
	if (!holder_of(old))
		return take(pool, word, old, old & LOCK_WAITERS) ? TAKEN_FREE : -EBUSY;
	if (!is_gone(pool, holder_of(old)))
		return -EBUSY;
	return take(pool, word, old, old & LOCK_WAITERS) ? TAKEN_OVER : -EBUSY;
}

bool shared_unlock(struct dma_buf_pool *pool, uint32_t *word)
{
	uint32_t old = pool->self->id;

	OS_RACE_POINT("shared lock: before it is dropped");
	if (cas_release(word, &old, 0))
		return true;
	if (holder_of(old) != pool->self->id || !cas_release(word, &old, 0))
		return false;
	os_futex_wake_shared(word, false);
	return true;
}
