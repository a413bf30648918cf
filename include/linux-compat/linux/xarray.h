/* SPDX-License-Identifier: MIT */
/*
 * Arrays with holes, from unsigned long to pointers: a tree of tables of 64, which is
 * read under RCU and changed under xa_lock. As in Linux, without marks, ranges that
 * are one entry, and the xas_ interface. Memory is asked for with the lock held. Giving
 * out a free index takes time in proportion to the indices that are taken.
 */
#ifndef LINUX_COMPAT_XARRAY_H
#define LINUX_COMPAT_XARRAY_H

#include <compat/xa-tree.h>
#include <linux/err.h>

#define XA_FLAGS_LOCK_IRQ 0x1u
#define XA_FLAGS_LOCK_BH 0x2u
#define XA_FLAGS_ALLOC LC_XA_ALLOC
#define XA_FLAGS_ALLOC1 (LC_XA_ALLOC | LC_XA_FROM_1)
#define XA_PRESENT 8u

#define XARRAY_INIT(name, flags) { DMABUF_SPINLOCK_INIT, flags, NULL }
#define DEFINE_XARRAY_FLAGS(name, flags) struct xarray name = XARRAY_INIT(name, flags)
#define DEFINE_XARRAY(name) DEFINE_XARRAY_FLAGS(name, 0)
#define DEFINE_XARRAY_ALLOC(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC)
#define DEFINE_XARRAY_ALLOC1(name) DEFINE_XARRAY_FLAGS(name, XA_FLAGS_ALLOC1)

struct xa_limit {
	u32 max, min;
};

#define XA_LIMIT(_min, _max) ((struct xa_limit){ .max = (_max), .min = (_min) })
#define xa_limit_32b XA_LIMIT(0, UINT_MAX)
#define xa_limit_31b XA_LIMIT(0, INT_MAX)
#define xa_limit_16b XA_LIMIT(0, 65535)

static inline void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	*xa = (struct xarray)XARRAY_INIT(*xa, flags);
}

static inline void xa_init(struct xarray *xa)
{
	xa_init_flags(xa, 0);
}

static inline bool xa_empty(const struct xarray *xa)
{
	return !READ_ONCE(xa->xa_head);
}

#define xa_lock(xa) spin_lock(&(xa)->xa_lock)
#define xa_trylock(xa) spin_trylock(&(xa)->xa_lock)
#define xa_unlock(xa) spin_unlock(&(xa)->xa_lock)
#define xa_lock_bh(xa) spin_lock_bh(&(xa)->xa_lock)
#define xa_unlock_bh(xa) spin_unlock_bh(&(xa)->xa_lock)
#define xa_lock_irq(xa) spin_lock_irq(&(xa)->xa_lock)
#define xa_unlock_irq(xa) spin_unlock_irq(&(xa)->xa_lock)
#define xa_lock_irqsave(xa, flags) spin_lock_irqsave(&(xa)->xa_lock, flags)
#define xa_unlock_irqrestore(xa, flags) spin_unlock_irqrestore(&(xa)->xa_lock, flags)

/*
 * Small integers as entries, and errors as results.
 */

static inline void *xa_mk_value(unsigned long value)
{
	return (void *)((value << 1) | 1);
}

static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}

static inline bool xa_is_value(const void *entry)
{
	return (unsigned long)entry & 1;
}

static inline bool xa_is_zero(const void *entry)
{
	return entry == XA_ZERO_ENTRY;
}

static inline void *lc_xa_error(int error)
{
	return (void *)(((unsigned long)error << 2) | 2);
}

static inline bool xa_is_err(const void *entry)
{
	return ((unsigned long)entry & 3) == 2 &&
	       (unsigned long)entry >= (unsigned long)lc_xa_error(-MAX_ERRNO);
}

static inline int xa_err(void *entry)
{
	return xa_is_err(entry) ? (int)((long)entry >> 2) : 0;
}

/* What is reserved shows as nothing. */
static inline void *lc_xa_shown(void *entry)
{
	return xa_is_zero(entry) ? NULL : entry;
}

static inline void *xa_load(struct xarray *xa, unsigned long index)
{
	void *entry;

	rcu_read_lock();
	entry = lc_xa_shown(lc_xa_get(xa, index));
	rcu_read_unlock();
	return entry;
}

/*
 * Changes. With two underscores: the lock is held.
 */

/* What was there before, or an error. Storing NULL keeps the index in an allocating array. */
static inline void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *old;

	(void)gfp;
	if (!entry && (xa->xa_flags & LC_XA_ALLOC))
		entry = XA_ZERO_ENTRY;
	return lc_xa_set(xa, index, entry, &old) ? lc_xa_error(-ENOMEM) : lc_xa_shown(old);
}

static inline void *__xa_erase(struct xarray *xa, unsigned long index)
{
	void *old;

	(void)lc_xa_set(xa, index, NULL, &old);
	return lc_xa_shown(old);
}

/* Store @entry if @old is there; what was there, or an error. */
static inline void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry,
				 gfp_t gfp)
{
	void *found = lc_xa_shown(lc_xa_get(xa, index));

	return found == old ? __xa_store(xa, index, entry, gfp) : found;
}

/* 0, -EBUSY if something is there or reserved, -ENOMEM. */
static inline int __must_check __xa_insert(struct xarray *xa, unsigned long index, void *entry,
					   gfp_t gfp)
{
	void *old;

	(void)gfp;
	if (lc_xa_get(xa, index))
		return -EBUSY;
	return lc_xa_set(xa, index, entry ? entry : XA_ZERO_ENTRY, &old);
}

/* Store @entry at the first free index within @limit: 0, -EBUSY, -ENOMEM. */
static inline int __must_check __xa_alloc(struct xarray *xa, u32 *id, void *entry,
					  struct xa_limit limit, gfp_t gfp)
{
	unsigned long index = limit.min;

	if (!index && (xa->xa_flags & LC_XA_FROM_1))
		index = 1;
	if (WARN(!(xa->xa_flags & LC_XA_ALLOC), "not an allocating XArray"))
		return -EINVAL;
	if (!lc_xa_find_free(xa, &index, limit.max))
		return -EBUSY;
	if (__xa_insert(xa, index, entry, gfp))
		return -ENOMEM;
	*id = (u32)index;
	return 0;
}

/* From *@next on, then from the start: 1 then. */
static inline int __must_check __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
						 struct xa_limit limit, u32 *next, gfp_t gfp)
{
	struct xa_limit rest = limit;
	int wrapped = 0, err;

	rest.min = *next > limit.min ? *next : limit.min;
	err = rest.min > limit.max ? -EBUSY : __xa_alloc(xa, id, entry, rest, gfp);
	if (err == -EBUSY && rest.min > limit.min) {
		wrapped = 1;
		err = __xa_alloc(xa, id, entry, limit, gfp);
	}
	if (err)
		return err;
	*next = *id + 1;
	return wrapped;
}

#define LC_XA_LOCKED(xa, expression) \
	({ \
		struct xarray *lc_xa = (xa); \
		__typeof__(expression) lc_result; \
		xa_lock(lc_xa); \
		lc_result = (expression); \
		xa_unlock(lc_xa); \
		lc_result; \
	})
#define xa_store(xa, index, entry, gfp) LC_XA_LOCKED(xa, __xa_store(lc_xa, index, entry, gfp))
#define xa_store_bh(xa, index, entry, gfp) xa_store(xa, index, entry, gfp)
#define xa_store_irq(xa, index, entry, gfp) xa_store(xa, index, entry, gfp)
#define xa_erase(xa, index) LC_XA_LOCKED(xa, __xa_erase(lc_xa, index))
#define xa_erase_bh(xa, index) xa_erase(xa, index)
#define xa_erase_irq(xa, index) xa_erase(xa, index)
#define xa_cmpxchg(xa, index, old, entry, gfp) \
	LC_XA_LOCKED(xa, __xa_cmpxchg(lc_xa, index, old, entry, gfp))
#define xa_cmpxchg_irq(xa, index, old, entry, gfp) xa_cmpxchg(xa, index, old, entry, gfp)
#define xa_insert(xa, index, entry, gfp) LC_XA_LOCKED(xa, __xa_insert(lc_xa, index, entry, gfp))
#define xa_insert_bh(xa, index, entry, gfp) xa_insert(xa, index, entry, gfp)
#define xa_insert_irq(xa, index, entry, gfp) xa_insert(xa, index, entry, gfp)
#define xa_alloc(xa, id, entry, limit, gfp) \
	LC_XA_LOCKED(xa, __xa_alloc(lc_xa, id, entry, limit, gfp))
#define xa_alloc_bh(xa, id, entry, limit, gfp) xa_alloc(xa, id, entry, limit, gfp)
#define xa_alloc_irq(xa, id, entry, limit, gfp) xa_alloc(xa, id, entry, limit, gfp)
#define xa_alloc_cyclic(xa, id, entry, limit, next, gfp) \
	LC_XA_LOCKED(xa, __xa_alloc_cyclic(lc_xa, id, entry, limit, next, gfp))
#define xa_alloc_cyclic_irq(xa, id, entry, limit, next, gfp) \
	xa_alloc_cyclic(xa, id, entry, limit, next, gfp)

/* 0, also if something is there; -ENOMEM. */
static inline int xa_reserve(struct xarray *xa, unsigned long index, gfp_t gfp)
{
	return xa_insert(xa, index, NULL, gfp) == -ENOMEM ? -ENOMEM : 0;
}

/* Give back what was reserved and not used. */
static inline void xa_release(struct xarray *xa, unsigned long index)
{
	xa_lock(xa);
	if (xa_is_zero(lc_xa_get(xa, index)))
		__xa_erase(xa, index);
	xa_unlock(xa);
}

static inline void xa_destroy(struct xarray *xa)
{
	xa_lock(xa);
	lc_xa_free_all(xa);
	xa_unlock(xa);
}

/*
 * Walks: under no lock, but safe against changes, which they may see or not.
 */

/* The first entry from *@index to @max, and where. */
static inline void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
			    unsigned int filter)
{
	void *entry = NULL;

	(void)filter;
	rcu_read_lock();
	while (lc_xa_find_set(xa, index, max, &entry) && xa_is_zero(entry)) {
		entry = NULL;
		if (*index == max)
			break;
		++*index;
	}
	rcu_read_unlock();
	return entry;
}

static inline void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max,
				  unsigned int filter)
{
	if (*index >= max)
		return NULL;
	++*index;
	return xa_find(xa, index, max, filter);
}

#define xa_for_each_range(xa, index, entry, start, last) \
	for (index = (start), entry = xa_find(xa, &index, last, XA_PRESENT); entry; \
	     entry = xa_find_after(xa, &index, last, XA_PRESENT))
#define xa_for_each_start(xa, index, entry, start) \
	xa_for_each_range(xa, index, entry, start, ULONG_MAX)
#define xa_for_each(xa, index, entry) xa_for_each_start(xa, index, entry, 0)

#include <compat/common.h>

#endif
