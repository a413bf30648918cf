/* SPDX-License-Identifier: MIT */
/*
 * Sleeping locks. As in Linux; that the owner unlocks is checked with DMABUF_DEBUG=1, and so
 * is their order. Killable is not interruptible, since what would kill the task kills the
 * process.
 */
#ifndef LINUX_COMPAT_MUTEX_H
#define LINUX_COMPAT_MUTEX_H

#include <compat/futex.h>
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/spinlock_types.h>

#define __MUTEX_INITIALIZER(name) { 0, NULL }
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)

/* Those that are initialised in one place are a class, as in Linux. */
#define mutex_init(lock) \
	do { \
		static struct lock_class_key lc_key; \
		__mutex_init(lock, #lock, &lc_key); \
	} while (0)

static inline void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key)
{
	dmabuf_lock_forget(lock);
	lock->word = 0;
	lock->lc_class = key ? lc_named_class(key, name) : NULL;
}

static inline void mutex_destroy(struct mutex *lock)
{
	dmabuf_lock_forget(lock);
}

static inline bool mutex_is_locked(struct mutex *lock)
{
	return READ_ONCE(lock->word) != 0;
}

static inline bool lc_mutex_take(struct mutex *lock)
{
	uint32_t expected = 0;

	return try_cmpxchg_acquire(&lock->word, &expected, 1);
}

static inline int mutex_trylock(struct mutex *lock)
{
	if (!lc_mutex_take(lock))
		return 0;
	lc_acquire(lock->lc_class, lock, 0, false);
	return 1;
}

/* @ordered: false: another lock sees to it that these are taken together only once. */
static inline int lc_mutex_lock(struct mutex *lock, unsigned int subclass, bool ordered,
				bool interruptible)
{
	dmabuf_might_sleep();
	lc_acquire(lock->lc_class, lock, subclass, ordered);
	if (lc_mutex_take(lock))
		return 0;
	while (xchg_acquire(&lock->word, 2)) {
		if (lc_futex_wait(&lock->word, 2, INT64_MAX) == -EINTR && interruptible) {
			dmabuf_lock_release(lock);
			return -EINTR;
		}
	}
	return 0;
}

static inline void mutex_lock_nested(struct mutex *lock, unsigned int subclass)
{
	lc_mutex_lock(lock, subclass, true, false);
}

static inline void mutex_lock(struct mutex *lock)
{
	mutex_lock_nested(lock, 0);
}

static inline int __must_check mutex_lock_interruptible_nested(struct mutex *lock,
							       unsigned int subclass)
{
	return lc_mutex_lock(lock, subclass, true, true);
}

static inline int __must_check mutex_lock_interruptible(struct mutex *lock)
{
	return mutex_lock_interruptible_nested(lock, 0);
}

static inline int __must_check mutex_lock_killable_nested(struct mutex *lock, unsigned int subclass)
{
	return lc_mutex_lock(lock, subclass, true, false);
}

static inline int __must_check mutex_lock_killable(struct mutex *lock)
{
	return mutex_lock_killable_nested(lock, 0);
}

static inline void lc_mutex_lock_nest_lock(struct mutex *lock)
{
	lc_mutex_lock(lock, 0, false, false);
}

static inline void mutex_unlock(struct mutex *lock)
{
	dmabuf_lock_release(lock);
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

#define mutex_lock_nest_lock(lock, nest) ((void)(nest), lc_mutex_lock_nest_lock(lock))
#define mutex_lock_io(lock) mutex_lock(lock)

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD_COND(mutex, _try, mutex_trylock(_T))
DEFINE_GUARD_COND(mutex, _intr, mutex_lock_interruptible(_T), _RET == 0)
DEFINE_GUARD_COND(mutex, _kill, mutex_lock_killable(_T), _RET == 0)

#endif
