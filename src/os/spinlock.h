/* SPDX-License-Identifier: MIT */
/*
 * Short locks inside the library: the ways that are taken mostly are inline.
 *
 * A lock's word is 0 free, 1 held, 2 held and somebody may sleep.
 */
#ifndef OS_SPINLOCK_H
#define OS_SPINLOCK_H

#include <dmabuf/dmabuf-types.h>

#include "os/atomic.h"
#include "os/thread.h"

enum { OS_SPIN_FREE, OS_SPIN_HELD, OS_SPIN_CONTENDED };

/* Does this thread hold @lock, for all that is known? True is certain. */
bool os_spin_is_mine(const struct dmabuf_spinlock *lock);

/* It is not free: wait for it. */
void os_spin_wait(struct dmabuf_spinlock *lock) __attribute__((cold));

/* It is free again, and somebody may sleep. */
void os_spin_wake(struct dmabuf_spinlock *lock) __attribute__((cold));

/* The latest lock that was noted is not this one: take out the note of this. */
void os_spin_forget(const struct dmabuf_spinlock *lock) __attribute__((cold));

/*
 * What this thread holds: the latest few, which is what a mistake is about. Each lock enters one
 * and each unlock takes one out, so what is there is held; a deep nest may push others out.
 */

enum { OS_SPIN_NOTED = sizeof(os_this_thread.short_lock) / sizeof(os_this_thread.short_lock[0]) };

static inline void os_spin_note_locked(const struct dmabuf_spinlock *lock)
{
	struct os_thread *const self = &os_this_thread;

	self->short_lock[self->short_locks++ % OS_SPIN_NOTED] = lock;
}

static inline void os_spin_note_unlocked(const struct dmabuf_spinlock *lock)
{
	struct os_thread *const self = &os_this_thread;
	const void **const latest = &self->short_lock[--self->short_locks % OS_SPIN_NOTED];

	if (unlikely(*latest != lock))
		os_spin_forget(lock);
	else
		*latest = NULL;
}

/* dmabuf_spin_lock() */
DMABUF_UNCHECKED("this is the lock")
static inline void os_spin_lock(struct dmabuf_spinlock *lock) DMABUF_ACQUIRE(*lock)
{
	uint32_t expected = OS_SPIN_FREE;

	if (unlikely(!cas_acquire(&lock->word, &expected, OS_SPIN_HELD)))
		os_spin_wait(lock);
	os_spin_note_locked(lock);
}

/* dmabuf_spin_unlock() */
DMABUF_UNCHECKED("this is the lock")
static inline void os_spin_unlock(struct dmabuf_spinlock *lock) DMABUF_RELEASE(*lock)
{
	if (unlikely(exchange_release(&lock->word, OS_SPIN_FREE) == OS_SPIN_CONTENDED))
		os_spin_wake(lock);
	os_spin_note_unlocked(lock);
	if (unlikely(os_this_thread.work) && !os_this_thread.short_locks)
		os_thread_run_work();
}

#endif
