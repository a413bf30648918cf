/* SPDX-License-Identifier: MIT */
/*
 * Reference counts. As in Linux: a wrong step warns and saturates the count, so that what
 * it counts is never freed again.
 */
#ifndef LINUX_COMPAT_REFCOUNT_H
#define LINUX_COMPAT_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

#define REFCOUNT_SATURATED (INT_MIN / 2)
#define REFCOUNT_INIT(n) { .refs = ATOMIC_INIT(n) }

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline unsigned int refcount_read(const refcount_t *r)
{
	return (unsigned int)atomic_read(&r->refs);
}

static inline void lc_refcount_saturate(refcount_t *r, const char *why)
{
	atomic_set(&r->refs, REFCOUNT_SATURATED);
	WARN(1, "%s", why);
}

static inline void refcount_add(int i, refcount_t *r)
{
	const int old = atomic_fetch_add_relaxed(i, &r->refs);

	if (old <= 0 || old > INT_MAX - i)
		lc_refcount_saturate(r, old ? "too many references" : "a reference of what is gone");
}

static inline void refcount_inc(refcount_t *r)
{
	refcount_add(1, r);
}

static inline bool __must_check refcount_add_not_zero(int i, refcount_t *r)
{
	const int old = atomic_fetch_add_unless(&r->refs, i, 0);

	if (old < 0 || old > INT_MAX - i)
		lc_refcount_saturate(r, "too many references");
	return old;
}

static inline bool __must_check refcount_inc_not_zero(refcount_t *r)
{
	return refcount_add_not_zero(1, r);
}

static inline bool __must_check refcount_sub_and_test(int i, refcount_t *r)
{
	const int old = atomic_fetch_sub(i, &r->refs);

	if (old < i)
		lc_refcount_saturate(r, "more references are put than there were");
	return old == i;
}

static inline bool __must_check refcount_dec_and_test(refcount_t *r)
{
	return refcount_sub_and_test(1, r);
}

static inline void refcount_dec(refcount_t *r)
{
	WARN(refcount_sub_and_test(1, r), "the last reference is put where it must not be");
}

static inline bool __must_check refcount_dec_not_one(refcount_t *r)
{
	return atomic_add_unless(&r->refs, -1, 1);
}

static inline bool __must_check refcount_dec_if_one(refcount_t *r)
{
	return atomic_cmpxchg(&r->refs, 1, 0) == 1;
}

/* True: it was the last one, and @lock is held. */
static inline bool __must_check refcount_dec_and_lock(refcount_t *r, spinlock_t *lock)
{
	if (refcount_dec_not_one(r))
		return false;
	spin_lock(lock);
	if (refcount_dec_and_test(r))
		return true;
	spin_unlock(lock);
	return false;
}

static inline bool __must_check refcount_dec_and_mutex_lock(refcount_t *r, struct mutex *lock)
{
	if (refcount_dec_not_one(r))
		return false;
	mutex_lock(lock);
	if (refcount_dec_and_test(r))
		return true;
	mutex_unlock(lock);
	return false;
}

#endif
