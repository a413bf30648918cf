/* SPDX-License-Identifier: MIT */
/*
 * A lock for many readers or one writer, behind rwlock_t and struct rw_semaphore: -1
 * is held by a writer, else the number of readers. Readers overtake waiting writers.
 */
#ifndef LINUX_COMPAT_RW_H
#define LINUX_COMPAT_RW_H

#include <compat/futex.h>

static inline bool lc_rw_tryread(uint32_t *holders, uint32_t *found)
{
	*found = __atomic_load_n(holders, __ATOMIC_RELAXED);
	while (*found != UINT32_MAX)
		if (__atomic_compare_exchange_n(holders, found, *found + 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

static inline bool lc_rw_trywrite(uint32_t *holders, uint32_t *found)
{
	*found = 0;
	return __atomic_compare_exchange_n(holders, found, UINT32_MAX, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* 0, or -EINTR if @interruptible. */
static inline int lc_rw_read(uint32_t *holders, bool interruptible)
{
	uint32_t found;

	while (!lc_rw_tryread(holders, &found))
		if (lc_futex_wait(holders, found, INT64_MAX) == -EINTR && interruptible)
			return -EINTR;
	return 0;
}

static inline int lc_rw_write(uint32_t *holders, bool interruptible)
{
	uint32_t found;

	while (!lc_rw_trywrite(holders, &found))
		if (lc_futex_wait(holders, found, INT64_MAX) == -EINTR && interruptible)
			return -EINTR;
	return 0;
}

/* Whoever has it next may free it, so nothing is read after the store, and all are woken. */
static inline void lc_rw_unread(uint32_t *holders)
{
	if (__atomic_fetch_sub(holders, 1, __ATOMIC_RELEASE) == 1)
		lc_futex_wake(holders, INT_MAX);
}

static inline void lc_rw_set(uint32_t *holders, uint32_t value)
{
	__atomic_store_n(holders, value, __ATOMIC_RELEASE);
	lc_futex_wake(holders, INT_MAX);
}

#endif
