/* SPDX-License-Identifier: MIT */
/* References of an object. As in Linux; the count is the library's. */
#ifndef LINUX_COMPAT_KREF_H
#define LINUX_COMPAT_KREF_H

#include <linux/refcount.h>

#define KREF_INIT(n) { n }

static inline void kref_init(struct kref *kref)
{
	__atomic_store_n(&kref->count, 1, __ATOMIC_RELAXED);
}

static inline unsigned int kref_read(const struct kref *kref)
{
	return __atomic_load_n(&kref->count, __ATOMIC_RELAXED);
}

static inline void kref_get(struct kref *kref)
{
	WARN(!__atomic_fetch_add(&kref->count, 1, __ATOMIC_RELAXED), "a reference of what is gone");
}

/* False, and nothing taken: there is no reference left. */
static inline int __must_check kref_get_unless_zero(struct kref *kref)
{
	uint32_t old = kref_read(kref);

	while (old && !__atomic_compare_exchange_n(&kref->count, &old, old + 1, false,
						   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return old != 0;
}

static inline bool lc_kref_put(struct kref *kref)
{
	const uint32_t old = __atomic_fetch_sub(&kref->count, 1, __ATOMIC_ACQ_REL);

	WARN(!old, "more references are put than there were");
	return old == 1;
}

/* 1: it was the last reference, and @release has been called. */
static inline int kref_put(struct kref *kref, void (*release)(struct kref *kref))
{
	if (!lc_kref_put(kref))
		return 0;
	release(kref);
	return 1;
}

/* False, and nothing put: it is the last reference. */
static inline bool lc_kref_put_unless_last(struct kref *kref)
{
	uint32_t old = kref_read(kref);

	while (old != 1 && !__atomic_compare_exchange_n(&kref->count, &old, old - 1, false,
							__ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return old != 1;
}

/* As kref_put(), and @release is called with @lock held, which it drops. */
static inline int kref_put_lock(struct kref *kref, void (*release)(struct kref *kref),
				spinlock_t *lock)
{
	if (lc_kref_put_unless_last(kref))
		return 0;
	spin_lock(lock);
	if (kref_put(kref, release))
		return 1;
	spin_unlock(lock);
	return 0;
}

static inline int kref_put_mutex(struct kref *kref, void (*release)(struct kref *kref),
				 struct mutex *lock)
{
	if (lc_kref_put_unless_last(kref))
		return 0;
	mutex_lock(lock);
	if (kref_put(kref, release))
		return 1;
	mutex_unlock(lock);
	return 0;
}

#include <compat/common.h>

#endif
