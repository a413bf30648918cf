/* SPDX-License-Identifier: MIT */
/* Atomic integers, exchange and compare-and-exchange on any scalar. As in Linux. */
#ifndef LINUX_COMPAT_ATOMIC_H
#define LINUX_COMPAT_ATOMIC_H

#include <asm/barrier.h>
#include <compat/atomic-ops.h>

#define ATOMIC_INIT(i) { (i) }
#define ATOMIC64_INIT(i) { (i) }

typedef struct {
	long counter;
} atomic_long_t;
#define ATOMIC_LONG_INIT(i) { (i) }
LC_ATOMIC(atomic_long, atomic_long_t, long)

#define LC_XCHG(ptr, value, order) __atomic_exchange_n((ptr), (value), order)
#define LC_TRY_CMPXCHG(ptr, expected, value, order) \
	__atomic_compare_exchange_n((ptr), (expected), (value), 0, order, __ATOMIC_RELAXED)
#define LC_CMPXCHG(ptr, old, value, order) \
	({ \
		__typeof__(*(ptr)) lc_found = (old); \
		LC_TRY_CMPXCHG(ptr, &lc_found, value, order); \
		lc_found; \
	})

#define xchg(ptr, value) LC_XCHG(ptr, value, __ATOMIC_SEQ_CST)
#define xchg_relaxed(ptr, value) LC_XCHG(ptr, value, __ATOMIC_RELAXED)
#define xchg_acquire(ptr, value) LC_XCHG(ptr, value, __ATOMIC_ACQUIRE)
#define xchg_release(ptr, value) LC_XCHG(ptr, value, __ATOMIC_RELEASE)
#define cmpxchg(ptr, old, value) LC_CMPXCHG(ptr, old, value, __ATOMIC_SEQ_CST)
#define cmpxchg_relaxed(ptr, old, value) LC_CMPXCHG(ptr, old, value, __ATOMIC_RELAXED)
#define cmpxchg_acquire(ptr, old, value) LC_CMPXCHG(ptr, old, value, __ATOMIC_ACQUIRE)
#define cmpxchg_release(ptr, old, value) LC_CMPXCHG(ptr, old, value, __ATOMIC_RELEASE)
#define cmpxchg64(ptr, old, value) cmpxchg(ptr, old, value)
#define try_cmpxchg(ptr, expected, value) \
	LC_TRY_CMPXCHG(ptr, expected, value, __ATOMIC_SEQ_CST)
#define try_cmpxchg_relaxed(ptr, expected, value) \
	LC_TRY_CMPXCHG(ptr, expected, value, __ATOMIC_RELAXED)
#define try_cmpxchg_acquire(ptr, expected, value) \
	LC_TRY_CMPXCHG(ptr, expected, value, __ATOMIC_ACQUIRE)
#define try_cmpxchg_release(ptr, expected, value) \
	LC_TRY_CMPXCHG(ptr, expected, value, __ATOMIC_RELEASE)

#define atomic_cond_read_acquire(v, cond) smp_cond_load_acquire(&(v)->counter, cond)
#define atomic_cond_read_relaxed(v, cond) smp_cond_load_relaxed(&(v)->counter, cond)

#endif
