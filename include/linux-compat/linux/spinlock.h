/* SPDX-License-Identifier: MIT */
/*
 * Short locks. They are the library's: they spin, then sleep, and switch neither
 * interrupts nor preemption off. Deferred work of the library, which Linux runs as
 * irq_work, runs when a thread drops its last one.
 */
#ifndef LINUX_COMPAT_SPINLOCK_H
#define LINUX_COMPAT_SPINLOCK_H

#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/spinlock_types.h>

/* Linux's flags are an unsigned long, set by what takes the lock. */
#define LC_FLAGS(flags) \
	do { \
		unsigned long *lc_flags = &(flags); \
		*lc_flags = 0; \
	} while (0)

#define spin_lock_init(lock) dmabuf_spin_lock_init(lock)
#define spin_lock(lock) dmabuf_spin_lock(lock)
#define spin_trylock(lock) dmabuf_spin_trylock(lock)
#define spin_unlock(lock) dmabuf_spin_unlock(lock)
#define spin_is_locked(lock) dmabuf_spin_is_locked(lock)
#define spin_is_contended(lock) (READ_ONCE((lock)->word) == 2)
#define spin_needbreak(lock) spin_is_contended(lock)
#define assert_spin_locked(lock) BUG_ON(!spin_is_locked(lock))

#define spin_lock_irq(lock) spin_lock(lock)
#define spin_unlock_irq(lock) spin_unlock(lock)
#define spin_trylock_irq(lock) spin_trylock(lock)
#define spin_lock_bh(lock) spin_lock(lock)
#define spin_unlock_bh(lock) spin_unlock(lock)
#define spin_trylock_bh(lock) spin_trylock(lock)
#define spin_lock_irqsave(lock, flags) \
	do { \
		LC_FLAGS(flags); \
		spin_lock(lock); \
	} while (0)
#define spin_unlock_irqrestore(lock, flags) \
	do { \
		(void)(flags); \
		spin_unlock(lock); \
	} while (0)
#define spin_trylock_irqsave(lock, flags) \
	({ \
		LC_FLAGS(flags); \
		spin_trylock(lock); \
	})
#define spin_lock_nested(lock, subclass) spin_lock(lock)
#define spin_lock_nest_lock(lock, nest) spin_lock(lock)
#define spin_lock_irqsave_nested(lock, flags, subclass) spin_lock_irqsave(lock, flags)

#define raw_spin_lock_init(lock) spin_lock_init(lock)
#define raw_spin_lock(lock) spin_lock(lock)
#define raw_spin_trylock(lock) spin_trylock(lock)
#define raw_spin_unlock(lock) spin_unlock(lock)
#define raw_spin_is_locked(lock) spin_is_locked(lock)
#define raw_spin_lock_irq(lock) spin_lock(lock)
#define raw_spin_unlock_irq(lock) spin_unlock(lock)
#define raw_spin_lock_irqsave(lock, flags) spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags) spin_unlock_irqrestore(lock, flags)

/* True: the count fell to zero, and @lock is held. */
static inline bool lc_dec_and_lock(atomic_t *count, spinlock_t *lock)
{
	if (atomic_add_unless(count, -1, 1))
		return false;
	spin_lock(lock);
	if (atomic_dec_and_test(count))
		return true;
	spin_unlock(lock);
	return false;
}
#define atomic_dec_and_lock(count, lock) lc_dec_and_lock(count, lock)

DEFINE_LOCK_GUARD_1(spinlock, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(spinlock, _try, spin_trylock(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_irq, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(spinlock_irq, _try, spin_trylock(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_bh, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(spinlock_irqsave, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(spinlock_irqsave, _try, spin_trylock(_T->lock))
DEFINE_LOCK_GUARD_1(raw_spinlock, raw_spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(raw_spinlock_irq, raw_spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(raw_spinlock_irqsave, raw_spinlock_t, spin_lock(_T->lock),
		    spin_unlock(_T->lock))

#include <linux/bug.h>
#include <linux/rwlock.h>

#endif
