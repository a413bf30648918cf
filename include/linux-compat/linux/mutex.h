/* SPDX-License-Identifier: MIT */
/*
 * Sleeping locks. As in Linux, but nobody checks that the owner unlocks; killable
 * is not interruptible, since what would kill the task kills the process.
 */
#ifndef LINUX_COMPAT_MUTEX_H
#define LINUX_COMPAT_MUTEX_H

#include <compat/futex.h>
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/spinlock_types.h>

struct mutex {
	uint32_t word; /* atomic: 0 free, 1 held, 2 held and somebody may sleep */
};

#define __MUTEX_INITIALIZER(name) { 0 }
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

#define mutex_init(lock) __mutex_init(lock, NULL, NULL)

static inline void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key)
{
	(void)name;
	(void)key;
	lock->word = 0;
}

static inline void mutex_destroy(struct mutex *lock)
{
	(void)lock;
}

static inline bool mutex_is_locked(struct mutex *lock)
{
	return READ_ONCE(lock->word) != 0;
}

static inline int mutex_trylock(struct mutex *lock)
{
	uint32_t expected = 0;

	return try_cmpxchg_acquire(&lock->word, &expected, 1);
}

static inline int lc_mutex_lock(struct mutex *lock, bool interruptible)
{
	if (mutex_trylock(lock))
		return 0;
	while (xchg_acquire(&lock->word, 2))
		if (lc_futex_wait(&lock->word, 2, INT64_MAX) == -EINTR && interruptible)
			return -EINTR;
	return 0;
}

static inline void mutex_lock(struct mutex *lock)
{
	lc_mutex_lock(lock, false);
}

static inline int __must_check mutex_lock_interruptible(struct mutex *lock)
{
	return lc_mutex_lock(lock, true);
}

static inline int __must_check mutex_lock_killable(struct mutex *lock)
{
	return lc_mutex_lock(lock, false);
}

static inline void mutex_unlock(struct mutex *lock)
{
	if (xchg_release(&lock->word, 0) == 2)
		lc_futex_wake(&lock->word, 1);
}

/* True: the count fell to zero, and @lock is held. */
static inline int atomic_dec_and_mutex_lock(atomic_t *count, struct mutex *lock)
{
	if (atomic_add_unless(count, -1, 1))
		return 0;
	mutex_lock(lock);
	if (atomic_dec_and_test(count))
		return 1;
	mutex_unlock(lock);
	return 0;
}

#define mutex_lock_nested(lock, subclass) mutex_lock(lock)
#define mutex_lock_nest_lock(lock, nest) mutex_lock(lock)
#define mutex_lock_interruptible_nested(lock, subclass) mutex_lock_interruptible(lock)
#define mutex_lock_killable_nested(lock, subclass) mutex_lock_killable(lock)
#define mutex_lock_io(lock) mutex_lock(lock)

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD_COND(mutex, _try, mutex_trylock(_T))
DEFINE_GUARD_COND(mutex, _intr, mutex_lock_interruptible(_T), _RET == 0)
DEFINE_GUARD_COND(mutex, _kill, mutex_lock_killable(_T), _RET == 0)

#endif
