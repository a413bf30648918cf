/* SPDX-License-Identifier: MIT */
/*
 * The lock of works and of timers, which Linux has queued and armed in any context: it says
 * nothing to the rules, whose mutexes sleep. It is held for a few steps, and nobody sleeps,
 * allocates, makes a thread or calls the program under it.
 *
 * It is not the library's short lock, at whose end deferred work may run, nor one of libc's,
 * which the preload library watches. A forked child may find it held; nor has that child the
 * threads that work and timers need.
 */
#ifndef LINUX_COMPAT_LOCK_H
#define LINUX_COMPAT_LOCK_H

#include <compat/futex.h>

struct lc_lock {
	uint32_t word; /* atomic: 0 free, 1 held, 2 held and somebody may sleep */
};

static inline void lc_lock_take(struct lc_lock *lock)
{
	uint32_t expected = 0;

	if (__atomic_compare_exchange_n(&lock->word, &expected, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE))
		lc_futex_wait(&lock->word, 2, INT64_MAX);
}

static inline void lc_lock_drop(struct lc_lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
		lc_futex_wake(&lock->word, 1);
}

#endif
