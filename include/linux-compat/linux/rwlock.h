/* SPDX-License-Identifier: MIT */
/* Locks for many readers or one writer. As in Linux, but they sleep; readers come first. */
#ifndef LINUX_COMPAT_RWLOCK_H
#define LINUX_COMPAT_RWLOCK_H

#include <compat/rw.h>
#include <linux/spinlock.h>

static inline void rwlock_init(rwlock_t *lock)
{
	lock->holders = 0;
}

static inline void read_lock(rwlock_t *lock)
{
	lc_rw_read(&lock->holders, false);
}

static inline int read_trylock(rwlock_t *lock)
{
	uint32_t found;

	return lc_rw_tryread(&lock->holders, &found);
}

static inline void read_unlock(rwlock_t *lock)
{
	lc_rw_unread(&lock->holders);
}

static inline void write_lock(rwlock_t *lock)
{
	lc_rw_write(&lock->holders, false);
}

static inline int write_trylock(rwlock_t *lock)
{
	uint32_t found;

	return lc_rw_trywrite(&lock->holders, &found);
}

static inline void write_unlock(rwlock_t *lock)
{
	lc_rw_set(&lock->holders, 0);
}

#define read_lock_irq(lock) read_lock(lock)
#define read_unlock_irq(lock) read_unlock(lock)
#define read_lock_bh(lock) read_lock(lock)
#define read_unlock_bh(lock) read_unlock(lock)
#define read_lock_irqsave(lock, flags) \
	do { \
		LC_FLAGS(flags); \
		read_lock(lock); \
	} while (0)
#define read_unlock_irqrestore(lock, flags) \
	do { \
		(void)(flags); \
		read_unlock(lock); \
	} while (0)
#define write_lock_irq(lock) write_lock(lock)
#define write_unlock_irq(lock) write_unlock(lock)
#define write_lock_bh(lock) write_lock(lock)
#define write_unlock_bh(lock) write_unlock(lock)
#define write_lock_irqsave(lock, flags) \
	do { \
		LC_FLAGS(flags); \
		write_lock(lock); \
	} while (0)
#define write_unlock_irqrestore(lock, flags) \
	do { \
		(void)(flags); \
		write_unlock(lock); \
	} while (0)

DEFINE_LOCK_GUARD_1(read_lock, rwlock_t, read_lock(_T->lock), read_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(write_lock, rwlock_t, write_lock(_T->lock), write_unlock(_T->lock))

#endif
