/* SPDX-License-Identifier: MIT */
/* Counting semaphores. As in Linux. */
#ifndef LINUX_COMPAT_SEMAPHORE_H
#define LINUX_COMPAT_SEMAPHORE_H

#include <compat/timers.h>
#include <linux/atomic.h>

struct semaphore {
	uint32_t count; /* atomic */
};

#define __SEMAPHORE_INITIALIZER(name, n) { n }
#define DEFINE_SEMAPHORE(name, n) struct semaphore name = __SEMAPHORE_INITIALIZER(name, n)

static inline void sema_init(struct semaphore *sem, int n)
{
	sem->count = (uint32_t)n;
}

/* 0: taken; 1: there was none. */
static inline int __must_check down_trylock(struct semaphore *sem)
{
	uint32_t count = READ_ONCE(sem->count);

	while (count)
		if (try_cmpxchg_acquire(&sem->count, &count, count - 1))
			return 0;
	return 1;
}

static inline int lc_down(struct semaphore *sem, int64_t deadline, bool interruptible)
{
	while (down_trylock(sem)) {
		const int err = lc_futex_wait(&sem->count, 0, deadline);

		if (err == -ETIMEDOUT) {
			lc_timers_run_until(deadline);
			return down_trylock(sem) ? -ETIME : 0;
		}
		if (err == -EINTR && interruptible)
			return -EINTR;
	}
	return 0;
}

static inline void down(struct semaphore *sem)
{
	lc_down(sem, INT64_MAX, false);
}

static inline int __must_check down_interruptible(struct semaphore *sem)
{
	return lc_down(sem, INT64_MAX, true);
}

static inline int __must_check down_killable(struct semaphore *sem)
{
	return lc_down(sem, INT64_MAX, false);
}

static inline int __must_check down_timeout(struct semaphore *sem, long jiffies_left)
{
	return lc_down(sem, lc_deadline(jiffies_left), false);
}

static inline void up(struct semaphore *sem)
{
	__atomic_fetch_add(&sem->count, 1, __ATOMIC_RELEASE);
	lc_futex_wake(&sem->count, 1);
}

#endif
