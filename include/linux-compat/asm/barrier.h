/* SPDX-License-Identifier: MIT */
/*
 * Barriers between processors. ThreadSanitizer does not model stand-alone fences;
 * under it each is an access to one shared word, which orders more.
 */
#ifndef LINUX_COMPAT_ASM_BARRIER_H
#define LINUX_COMPAT_ASM_BARRIER_H

#include <linux/compiler.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define LC_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define LC_TSAN 1
#endif

#ifdef LC_TSAN
LC_SHARED unsigned int lc_barrier_word;
#define LC_FENCE(order) ((void)__atomic_fetch_add(&lc_barrier_word, 1, __ATOMIC_SEQ_CST))
#else
#define LC_FENCE(order) __atomic_thread_fence(order)
#endif

#define smp_mb() LC_FENCE(__ATOMIC_SEQ_CST)
#define smp_rmb() LC_FENCE(__ATOMIC_ACQUIRE)
#define smp_wmb() LC_FENCE(__ATOMIC_RELEASE)
#define mb() smp_mb()
#define rmb() smp_rmb()
#define wmb() smp_wmb()
#define dma_mb() smp_mb()
#define dma_rmb() smp_rmb()
#define dma_wmb() smp_wmb()
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()
#define smp_mb__after_spinlock() smp_mb()
#define smp_mb__after_unlock_lock() smp_mb()

#define smp_load_acquire(ptr) __atomic_load_n((ptr), __ATOMIC_ACQUIRE)
#define smp_store_release(ptr, value) __atomic_store_n((ptr), (value), __ATOMIC_RELEASE)

/* A store with a full barrier behind it. */
#define smp_store_mb(var, value) \
	do { \
		smp_store_release(&(var), value); \
		smp_mb(); \
	} while (0)

#define smp_cond_load_relaxed(ptr, cond) LC_COND_LOAD(ptr, cond, __ATOMIC_RELAXED)
#define smp_cond_load_acquire(ptr, cond) LC_COND_LOAD(ptr, cond, __ATOMIC_ACQUIRE)
#define LC_COND_LOAD(ptr, cond, order) \
	({ \
		__typeof__(*(ptr)) VAL; \
		while (VAL = __atomic_load_n((ptr), order), !(cond)) \
			cpu_relax(); \
		VAL; \
	})

#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#elif defined(__aarch64__) || defined(__arm__)
#define cpu_relax() __asm__ __volatile__("yield" : : : "memory")
#else
#define cpu_relax() barrier()
#endif

#endif
