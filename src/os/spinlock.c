/* SPDX-License-Identifier: MIT */
/*
 * The short lock: 0 free, 1 held, 2 held and somebody may sleep.
 *
 * Who had to sleep takes the lock as 2, since others may sleep still; the last
 * one wakes nobody, which costs one needless system call and is rare.
 */
#include <dmabuf/dmabuf-types.h>

#include "os/atomic.h"
#include "os/futex.h"
#include "os/thread.h"

enum { FREE, HELD, CONTENDED };

void dmabuf_spin_lock_init(struct dmabuf_spinlock *lock)
{
	store_relaxed(&lock->word, FREE); /* whoever shows the lock to others orders this */
}

static void lock_slow(struct dmabuf_spinlock *lock)
{
	for (unsigned int spins = os_spin_limit(); spins; spins--) {
		uint32_t expected = FREE;

		os_cpu_relax();
		if (load_relaxed(&lock->word) == FREE && cas_acquire(&lock->word, &expected, HELD))
			return;
	}
	while (exchange_acquire(&lock->word, CONTENDED) != FREE)
		os_futex_wait(&lock->word, CONTENDED, INT64_MAX, false);
}

DMABUF_UNCHECKED("this is the lock")
void dmabuf_spin_lock(struct dmabuf_spinlock *lock)
{
	uint32_t expected = FREE;

	os_this_thread.short_locks++;
	if (unlikely(!cas_acquire(&lock->word, &expected, HELD)))
		lock_slow(lock);
}

bool dmabuf_spin_trylock(struct dmabuf_spinlock *lock)
{
	uint32_t expected = FREE;

	if (!cas_acquire(&lock->word, &expected, HELD))
		return false;
	os_this_thread.short_locks++;
	return true;
}

DMABUF_UNCHECKED("this is the lock")
void dmabuf_spin_unlock(struct dmabuf_spinlock *lock)
{
	if (unlikely(exchange_release(&lock->word, FREE) == CONTENDED))
		os_futex_wake_one(&lock->word);
	if (!--os_this_thread.short_locks && unlikely(os_this_thread.work))
		os_thread_run_work();
}

bool dmabuf_spin_is_locked(const struct dmabuf_spinlock *lock)
{
	return load_relaxed(&lock->word) != FREE;
}
