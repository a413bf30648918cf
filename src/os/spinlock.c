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
#include "os/report.h"
#include "os/spinlock.h"
#include "os/thread.h"

enum { FREE, HELD, CONTENDED };

void dmabuf_spin_lock_init(struct dmabuf_spinlock *lock)
{
	store_relaxed(&lock->word, FREE); /* whoever shows the lock to others orders this */
}

/*
 * What this thread holds: the latest few, which is what a mistake is about. Each lock enters one
 * and each unlock takes one out, so what is there is held; a deep nest may push others out.
 */

enum { NOTED = sizeof(os_this_thread.short_lock) / sizeof(os_this_thread.short_lock[0]) };

static void note_locked(const struct dmabuf_spinlock *lock)
{
	os_this_thread.short_lock[os_this_thread.short_locks++ % NOTED] = lock;
}

static void note_unlocked(const struct dmabuf_spinlock *lock)
{
	const void **noted = &os_this_thread.short_lock[--os_this_thread.short_locks % NOTED];

	for (unsigned int i = 0; unlikely(*noted != lock) && i < NOTED; i++)
		noted = &os_this_thread.short_lock[i]; /* not the latest, as it should be */
	if (*noted == lock)
		*noted = NULL;
}

bool os_spin_is_mine(const struct dmabuf_spinlock *lock)
{
	bool is_mine = false;

	for (unsigned int i = 0; i < NOTED; i++)
		is_mine |= os_this_thread.short_lock[i] == lock;
	return is_mine;
}

static void lock_slow(struct dmabuf_spinlock *lock)
{
	dmabuf_bug_on(os_spin_is_mine(lock),
		      "short lock %p: its holder takes it again, and would wait for itself; "
		      "under a fence's lock call what ends in _locked", (void *)lock);
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

	if (unlikely(!cas_acquire(&lock->word, &expected, HELD)))
		lock_slow(lock);
	note_locked(lock);
}

bool dmabuf_spin_trylock(struct dmabuf_spinlock *lock)
{
	uint32_t expected = FREE;

	if (!cas_acquire(&lock->word, &expected, HELD))
		return false;
	note_locked(lock);
	return true;
}

DMABUF_UNCHECKED("this is the lock")
void dmabuf_spin_unlock(struct dmabuf_spinlock *lock)
{
	if (unlikely(exchange_release(&lock->word, FREE) == CONTENDED))
		os_futex_wake_one(&lock->word);
	note_unlocked(lock);
	if (!os_this_thread.short_locks && unlikely(os_this_thread.work))
		os_thread_run_work();
}

bool dmabuf_spin_is_locked(const struct dmabuf_spinlock *lock)
{
	return load_relaxed(&lock->word) != FREE;
}
