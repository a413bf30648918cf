/* SPDX-License-Identifier: MIT */
/*
 * Hints for the compiler, and plain shared accesses. READ_ONCE() and WRITE_ONCE()
 * are relaxed atomic accesses, which ThreadSanitizer understands; annotations
 * that only sparse reads are empty.
 */
#ifndef LINUX_COMPAT_COMPILER_H
#define LINUX_COMPAT_COMPILER_H

#include <compat/tags.h>
#include <linux/kconfig.h>

#include <sys/cdefs.h>

#undef likely
#undef unlikely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define barrier() __asm__ __volatile__("" : : : "memory")
#define barrier_data(ptr) __asm__ __volatile__("" : : "r"(ptr) : "memory")
#define unreachable() __builtin_unreachable()

/*
 * For scalars, as there; volatile keeps the compiler from merging them. In Linux what is
 * written because of what was read comes later, which ThreadSanitizer does not know.
 */
#ifdef __SANITIZE_THREAD__
#define LC_READ_ORDER __ATOMIC_ACQUIRE
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LC_READ_ORDER __ATOMIC_ACQUIRE
#endif
#endif
#ifndef LC_READ_ORDER
#define LC_READ_ORDER __ATOMIC_RELAXED
#endif
#define READ_ONCE(x) __atomic_load_n((const volatile __typeof__(x) *)&(x), LC_READ_ORDER)
#define WRITE_ONCE(x, value) \
	__atomic_store_n((volatile __typeof__(x) *)&(x), (value), __ATOMIC_RELAXED)
#define data_race(expression) (expression)

#define __user
#define __kernel
#define __iomem
#define __percpu
#define __rcu
#define __force
#define __nocast
#define __safe
#define __private
#define __bitwise
#define __must_hold(lock)
#define __acquires(lock)
#define __releases(lock)
#define __acquire(lock) ((void)0)
#define __release(lock) ((void)0)
#define __chk_user_ptr(ptr) ((void)0)
#define ACCESS_PRIVATE(ptr, member) ((ptr)->member)

#define __maybe_unused __attribute__((__unused__))
#define __always_unused __attribute__((__unused__))
#define __must_check __attribute__((__warn_unused_result__))
#define __used __attribute__((__used__))
#define __weak __attribute__((__weak__))
#define __alias(symbol) __attribute__((__alias__(#symbol)))
#define __cold __attribute__((__cold__))
#define __malloc __attribute__((__malloc__))
#define __section(name) __attribute__((__section__(name)))
#define __packed __attribute__((__packed__))
#define __aligned(bytes) __attribute__((__aligned__(bytes)))
#define __noreturn __attribute__((__noreturn__))
#define __pure __attribute__((__pure__))
#define __naked __attribute__((__naked__))
#define __mode(mode) __attribute__((__mode__(mode)))
#define __visible
#define __designated_init
#define __nonstring
#define __no_kcsan
#define __no_sanitize_address
#define __nocfi
#define notrace
#define noinline __attribute__((__noinline__))
#define noinline_for_stack noinline
#define asmlinkage
#define fallthrough __attribute__((__fallthrough__))
#define __cleanup(func) __attribute__((__cleanup__(func)))

/* The formats differ, so libc's checks do not apply. */
#define __printf(format, first)
#define __scanf(format, first)

#undef __attribute_const__
#define __attribute_const__ __attribute__((__const__))
#undef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#undef __counted_by
#define __counted_by(member)
#define __counted_by_le(member)
#define __counted_by_be(member)

#define __read_mostly
#define __ro_after_init
#define __cacheline_aligned __aligned(64)
#define ____cacheline_aligned __aligned(64)
#define __cacheline_aligned_in_smp __aligned(64)
#define ____cacheline_aligned_in_smp __aligned(64)

#define ___LC_PASTE(a, b) a##b
#define __PASTE(a, b) ___LC_PASTE(a, b)
#define __UNIQUE_ID(prefix) __PASTE(__PASTE(__unique_, prefix), __COUNTER__)

#define __same_type(a, b) __builtin_types_compatible_p(__typeof__(a), __typeof__(b))
#define __is_constexpr(x) __builtin_constant_p(x)
#define __must_be_array(a) \
	((int)sizeof(struct { \
		_Static_assert(!__same_type((a), &(a)[0]), "must be an array"); \
		int lc_member; \
	}) * 0)
#define __compiletime_assert(condition, text) _Static_assert(condition, text)
#define OPTIMIZER_HIDE_VAR(var) __asm__("" : "=r"(var) : "0"(var))
#define RELOC_HIDE(ptr, offset) ((__typeof__(ptr))((unsigned long)(ptr) + (offset)))

#endif
