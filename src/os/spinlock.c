/* SPDX-License-Identifier: MIT */
/*
 * The short lock, beyond what spinlock.h has inline.
 *
 * Who had to sleep takes the lock as contended, since others may sleep still; the last
 * one wakes nobody, which costs one needless system call and is rare.
 */
#include "os/spinlock.h"

#include "os/futex.h"
#include "os/report.h"

void dmabuf_spin_lock_init(struct dmabuf_spinlock *lock)
{
	store_relaxed(&lock->word, OS_SPIN_FREE); /* whoever shows the lock to others orders this */
}

void os_spin_forget(const struct dmabuf_spinlock *lock)
{
	for (unsigned int i = 0; i < OS_SPIN_NOTED; i++) {
		if (os_this_thread.short_lock[i] == lock)
			os_this_thread.short_lock[i] = NULL;
	}
}

bool os_spin_is_mine(const struct dmabuf_spinlock *lock)
{
	bool is_mine = false;

	for (unsigned int i = 0; i < OS_SPIN_NOTED; i++)
		is_mine |= os_this_thread.short_lock[i] == lock;
	return is_mine;
}

void os_spin_wait(struct dmabuf_spinlock *lock)
{
	dmabuf_bug_on(os_spin_is_mine(lock),
		      "short lock %p: its holder takes it again, and would wait for itself; "
		      "under a fence's lock call what ends in _locked", (void *)lock);
	for (unsigned int spins = os_spin_limit(); spins; spins--) {
		uint32_t expected = OS_SPIN_FREE;

		os_cpu_relax();
		if (load_relaxed(&lock->word) == OS_SPIN_FREE &&
		    cas_acquire(&lock->word, &expected, OS_SPIN_HELD))
			return;
	}
	while (exchange_acquire(&lock->word, OS_SPIN_CONTENDED) != OS_SPIN_FREE)
		os_futex_wait(&lock->word, OS_SPIN_CONTENDED, INT64_MAX, false);
}

void os_spin_wake(struct dmabuf_spinlock *lock)
{
	os_futex_wake_one(&lock->word);
}

void dmabuf_spin_lock(struct dmabuf_spinlock *lock)
{
	os_spin_lock(lock);
}

bool dmabuf_spin_trylock(struct dmabuf_spinlock *lock)
{
	uint32_t expected = OS_SPIN_FREE;

	if (!cas_acquire(&lock->word, &expected, OS_SPIN_HELD))
		return false;
	os_spin_note_locked(lock);
	return true;
}

void dmabuf_spin_unlock(struct dmabuf_spinlock *lock)
{
	os_spin_unlock(lock);
}

bool dmabuf_spin_is_locked(const struct dmabuf_spinlock *lock)
{
	return load_relaxed(&lock->word) != OS_SPIN_FREE;
}
