/* SPDX-License-Identifier: MIT */
/*
 * The operations on atomic_t and its kin, made by one macro for each type. As in
 * Linux: what returns a value is fully ordered unless its name says otherwise,
 * what returns nothing is relaxed, arithmetic wraps.
 */
#ifndef LINUX_COMPAT_ATOMIC_OPS_H
#define LINUX_COMPAT_ATOMIC_OPS_H

#include <linux/types.h>

/* One operation with one order: fetch_op returns what was, op_return what is then. */
#define LC_ATOMIC_FETCH(p, a, t, op, builtin, suffix, order) \
	static inline t p##_fetch_##op##suffix(t i, a *v) \
	{ \
		return __atomic_fetch_##builtin(&v->counter, i, order); \
	}

#define LC_ATOMIC_RETURN(p, a, t, op, suffix, order) \
	static inline t p##_##op##_return##suffix(t i, a *v) \
	{ \
		return __atomic_##op##_fetch(&v->counter, i, order); \
	}

#define LC_ATOMIC_STEP(p, a, t, step, op, suffix, order) \
	static inline t p##_##step##_return##suffix(a *v) \
	{ \
		return __atomic_##op##_fetch(&v->counter, 1, order); \
	} \
	static inline t p##_fetch_##step##suffix(a *v) \
	{ \
		return __atomic_fetch_##op(&v->counter, 1, order); \
	}

#define LC_ATOMIC_EXCHANGE(p, a, t, suffix, order) \
	static inline t p##_xchg##suffix(a *v, t value) \
	{ \
		return __atomic_exchange_n(&v->counter, value, order); \
	} \
	static inline bool p##_try_cmpxchg##suffix(a *v, t *old, t value) \
	{ \
		return __atomic_compare_exchange_n(&v->counter, old, value, false, order, \
						   __ATOMIC_RELAXED); \
	} \
	static inline t p##_cmpxchg##suffix(a *v, t old, t value) \
	{ \
		p##_try_cmpxchg##suffix(v, &old, value); \
		return old; \
	}

#define LC_ATOMIC_ORDERED(p, a, t, suffix, order) \
	LC_ATOMIC_FETCH(p, a, t, add, add, suffix, order) \
	LC_ATOMIC_FETCH(p, a, t, sub, sub, suffix, order) \
	LC_ATOMIC_FETCH(p, a, t, and, and, suffix, order) \
	LC_ATOMIC_FETCH(p, a, t, or, or, suffix, order) \
	LC_ATOMIC_FETCH(p, a, t, xor, xor, suffix, order) \
	static inline t p##_fetch_andnot##suffix(t i, a *v) \
	{ \
		return __atomic_fetch_and(&v->counter, ~i, order); \
	} \
	LC_ATOMIC_RETURN(p, a, t, add, suffix, order) \
	LC_ATOMIC_RETURN(p, a, t, sub, suffix, order) \
	LC_ATOMIC_STEP(p, a, t, inc, add, suffix, order) \
	LC_ATOMIC_STEP(p, a, t, dec, sub, suffix, order) \
	LC_ATOMIC_EXCHANGE(p, a, t, suffix, order)

#define LC_ATOMIC_VOID(p, a, t, op) \
	static inline void p##_##op(t i, a *v) \
	{ \
		p##_fetch_##op##_relaxed(i, v); \
	}

#define LC_ATOMIC_ACCESS(p, a, t) \
	static inline t p##_read(const a *v) \
	{ \
		return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); \
	} \
	static inline t p##_read_acquire(const a *v) \
	{ \
		return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE); \
	} \
	static inline void p##_set(a *v, t i) \
	{ \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED); \
	} \
	static inline void p##_set_release(a *v, t i) \
	{ \
		__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE); \
	} \
	static inline void p##_inc(a *v) \
	{ \
		p##_inc_return_relaxed(v); \
	} \
	static inline void p##_dec(a *v) \
	{ \
		p##_dec_return_relaxed(v); \
	}

/* Linux's counters wrap; a sum of signed numbers here must not. */
#define LC_WRAPPED(t, a, b) ((t)((unsigned long long)(a) + (unsigned long long)(b)))

/* What the value then is decides the answer, or whether anything happens. */
#define LC_ATOMIC_TESTS(p, a, t) \
	static inline bool p##_sub_and_test(t i, a *v) \
	{ \
		return !p##_sub_return(i, v); \
	} \
	static inline bool p##_dec_and_test(a *v) \
	{ \
		return !p##_dec_return(v); \
	} \
	static inline bool p##_inc_and_test(a *v) \
	{ \
		return !p##_inc_return(v); \
	} \
	static inline bool p##_add_negative(t i, a *v) \
	{ \
		return p##_add_return(i, v) < 0; \
	} \
	static inline t p##_fetch_add_unless(a *v, t i, t unless) \
	{ \
		t old = p##_read(v); \
\
		while (old != unless && !p##_try_cmpxchg(v, &old, LC_WRAPPED(t, old, i))) \
			; \
		return old; \
	} \
	static inline bool p##_add_unless(a *v, t i, t unless) \
	{ \
		return p##_fetch_add_unless(v, i, unless) != unless; \
	} \
	static inline bool p##_inc_not_zero(a *v) \
	{ \
		return p##_add_unless(v, 1, 0); \
	} \
	static inline bool p##_inc_unless_negative(a *v) \
	{ \
		t old = p##_read(v); \
\
		while (old >= 0 && !p##_try_cmpxchg(v, &old, LC_WRAPPED(t, old, 1))) \
			; \
		return old >= 0; \
	} \
	static inline bool p##_dec_unless_positive(a *v) \
	{ \
		t old = p##_read(v); \
\
		while (old <= 0 && !p##_try_cmpxchg(v, &old, LC_WRAPPED(t, old, -1))) \
			; \
		return old <= 0; \
	} \
	static inline t p##_dec_if_positive(a *v) \
	{ \
		t old = p##_read(v); \
\
		while (old > 0 && !p##_try_cmpxchg(v, &old, LC_WRAPPED(t, old, -1))) \
			; \
		return LC_WRAPPED(t, old, -1); \
	}

#define LC_ATOMIC(p, a, t) \
	LC_ATOMIC_ORDERED(p, a, t, , __ATOMIC_SEQ_CST) \
	LC_ATOMIC_ORDERED(p, a, t, _relaxed, __ATOMIC_RELAXED) \
	LC_ATOMIC_ORDERED(p, a, t, _acquire, __ATOMIC_ACQUIRE) \
	LC_ATOMIC_ORDERED(p, a, t, _release, __ATOMIC_RELEASE) \
	LC_ATOMIC_VOID(p, a, t, add) \
	LC_ATOMIC_VOID(p, a, t, sub) \
	LC_ATOMIC_VOID(p, a, t, and) \
	LC_ATOMIC_VOID(p, a, t, or) \
	LC_ATOMIC_VOID(p, a, t, xor) \
	LC_ATOMIC_VOID(p, a, t, andnot) \
	LC_ATOMIC_ACCESS(p, a, t) \
	LC_ATOMIC_TESTS(p, a, t)

LC_ATOMIC(atomic, atomic_t, int)
LC_ATOMIC(atomic64, atomic64_t, s64)

#endif
