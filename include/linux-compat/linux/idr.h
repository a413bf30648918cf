/* SPDX-License-Identifier: MIT */
/* Numbers for pointers, and numbers alone, over the XArray. As in Linux; ids reach INT_MAX. */
#ifndef LINUX_COMPAT_IDR_H
#define LINUX_COMPAT_IDR_H

#include <linux/gfp_types.h>
#include <linux/xarray.h>

struct idr {
	struct xarray lc_xa;
	spinlock_t lc_lock; /* not the array's: who holds it calls what takes that one */
	unsigned int idr_base;
	u32 idr_next;
};

struct ida {
	struct xarray lc_xa;
};

#define IDR_INIT_BASE(name, base) \
	{ .lc_xa = XARRAY_INIT(name, XA_FLAGS_ALLOC), \
	  .lc_lock = __SPIN_LOCK_UNLOCKED(name), .idr_base = (base), .idr_next = 0 }
#define IDR_INIT(name) IDR_INIT_BASE(name, 0)
#define DEFINE_IDR(name) struct idr name = IDR_INIT(name)

static inline void idr_init_base(struct idr *idr, int base)
{
	*idr = (struct idr)IDR_INIT_BASE(*idr, (unsigned int)base);
}

static inline void idr_init(struct idr *idr)
{
	idr_init_base(idr, 0);
}

#define idr_preload(gfp) ((void)(gfp))
#define idr_preload_end() ((void)0)
#define idr_lock(idr) spin_lock(&(idr)->lc_lock)
#define idr_unlock(idr) spin_unlock(&(idr)->lc_lock)

static inline bool idr_is_empty(const struct idr *idr)
{
	return xa_empty(&idr->lc_xa);
}

/* 0, -ENOSPC, -ENOMEM. From *@id to @max. */
static inline int __must_check idr_alloc_u32(struct idr *idr, void *ptr, u32 *id, unsigned long max,
					     gfp_t gfp)
{
	const u32 low = *id > idr->idr_base ? *id : idr->idr_base;
	const int err = xa_alloc(&idr->lc_xa, id, ptr,
				 XA_LIMIT(low, max < UINT_MAX ? (u32)max : UINT_MAX), gfp);

	return err == -EBUSY ? -ENOSPC : err;
}

/* The id, from @start to @end - 1, or without end if @end <= 0; -ENOSPC, -ENOMEM, -EINVAL. */
static inline int idr_alloc(struct idr *idr, void *ptr, int start, int end, gfp_t gfp)
{
	const u32 last = end > 0 ? (u32)end - 1 : INT_MAX;
	u32 id = (u32)start;
	int err;

	if (WARN_ON_ONCE(start < 0))
		return -EINVAL;
	err = idr_alloc_u32(idr, ptr, &id, last, gfp);
	return err ? err : (int)id;
}

/* As idr_alloc(), but ids that were given back come last. */
static inline int idr_alloc_cyclic(struct idr *idr, void *ptr, int start, int end, gfp_t gfp)
{
	int id = idr_alloc(idr, ptr, (int)idr->idr_next > start ? (int)idr->idr_next : start, end,
			   gfp);

	if (id == -ENOSPC)
		id = idr_alloc(idr, ptr, start, end, gfp);
	if (id >= 0)
		idr->idr_next = (u32)id + 1;
	return id;
}

static inline void *idr_find(const struct idr *idr, unsigned long id)
{
	return xa_load((struct xarray *)(uintptr_t)&idr->lc_xa, id);
}

static inline void *idr_remove(struct idr *idr, unsigned long id)
{
	return xa_erase(&idr->lc_xa, id);
}

/* What was there, or -ENOENT. */
static inline void *idr_replace(struct idr *idr, void *ptr, unsigned long id)
{
	void *old;

	xa_lock(&idr->lc_xa);
	if (lc_xa_get(&idr->lc_xa, id))
		old = __xa_store(&idr->lc_xa, id, ptr, GFP_NOWAIT);
	else
		old = ERR_PTR(-ENOENT);
	xa_unlock(&idr->lc_xa);
	return old;
}

/* The first from *@id on. */
static inline void *idr_get_next_ul(struct idr *idr, unsigned long *id)
{
	return xa_find(&idr->lc_xa, id, ULONG_MAX, XA_PRESENT);
}

static inline void *idr_get_next(struct idr *idr, int *id)
{
	unsigned long index = (unsigned long)*id;
	void *entry = xa_find(&idr->lc_xa, &index, INT_MAX, XA_PRESENT);

	if (entry)
		*id = (int)index;
	return entry;
}

/* Call @fn for each until it does not return 0. */
static inline int idr_for_each(const struct idr *idr, int (*fn)(int id, void *p, void *data),
			       void *data)
{
	struct xarray *xa = (struct xarray *)(uintptr_t)&idr->lc_xa;
	unsigned long index;
	void *entry;

	xa_for_each(xa, index, entry) {
		const int ret = fn((int)index, entry, data);

		if (ret)
			return ret;
	}
	return 0;
}

#define idr_for_each_entry(idr, entry, id) \
	for ((id) = 0; ((entry) = idr_get_next(idr, &(id))) != NULL; (id)++)
#define idr_for_each_entry_continue(idr, entry, id) \
	for (; ((entry) = idr_get_next(idr, &(id))) != NULL; (id)++)

static inline void idr_destroy(struct idr *idr)
{
	xa_destroy(&idr->lc_xa);
}

#define IDA_INIT(name) { .lc_xa = XARRAY_INIT(name, XA_FLAGS_ALLOC) }
#define DEFINE_IDA(name) struct ida name = IDA_INIT(name)

static inline void ida_init(struct ida *ida)
{
	*ida = (struct ida)IDA_INIT(*ida);
}

static inline int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t gfp)
{
	u32 id = 0;
	const int err = xa_alloc(&ida->lc_xa, &id, NULL,
				 XA_LIMIT(min, max < INT_MAX ? max : INT_MAX), gfp);

	return err ? err == -EBUSY ? -ENOSPC : err : (int)id;
}

#define ida_alloc(ida, gfp) ida_alloc_range(ida, 0, INT_MAX, gfp)
#define ida_alloc_min(ida, min, gfp) ida_alloc_range(ida, min, INT_MAX, gfp)
#define ida_alloc_max(ida, max, gfp) ida_alloc_range(ida, 0, max, gfp)
#define ida_simple_get(ida, start, end, gfp) \
	ida_alloc_range(ida, start, (end) ? (unsigned int)(end) - 1 : INT_MAX, gfp)

static inline void ida_free(struct ida *ida, unsigned int id)
{
	xa_lock(&ida->lc_xa);
	if (!WARN(!lc_xa_get(&ida->lc_xa, id), "id %u was not given out", id))
		__xa_erase(&ida->lc_xa, id);
	xa_unlock(&ida->lc_xa);
}

#define ida_simple_remove(ida, id) ida_free(ida, id)

static inline bool ida_is_empty(const struct ida *ida)
{
	return xa_empty(&ida->lc_xa);
}

static inline void ida_destroy(struct ida *ida)
{
	xa_destroy(&ida->lc_xa);
}

#include <compat/common.h>

#endif
