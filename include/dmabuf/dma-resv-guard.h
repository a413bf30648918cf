/* SPDX-License-Identifier: MIT */
/*
 * dma-resv-guard.h - reservation locks that a block drops by itself
 *
 * For one object without a ticket. However the block is left, by its end, by return, break
 * or goto, the lock is dropped, and what was staged is committed. Later Linux has the same as
 * guards named dma_resv, dma_resv_intr and dma_resv_try; linux-compat spells them so.
 */
#ifndef DMABUF_DMA_RESV_GUARD_H
#define DMABUF_DMA_RESV_GUARD_H

#include <dmabuf/dma-resv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who unlocks is a variable that goes out of scope, which the analysis does not see. */
#define DMA_RESV_GUARDED_(obj) DMABUF_ASSERTS((obj)->lock) DMABUF_UNCHECKED("ends in a cleanup")

/** dma_resv_guard_lock_() - private: what the guards hold; NULL: nothing */
static inline struct dma_resv *dma_resv_guard_lock_(struct dma_resv *obj) DMA_RESV_GUARDED_(obj)
{
	return dma_resv_lock(obj, NULL) ? NULL : obj;
}

/** dma_resv_guard_intr_() - private: the same, unless a signal handler runs */
static inline struct dma_resv *dma_resv_guard_intr_(struct dma_resv *obj) DMA_RESV_GUARDED_(obj)
{
	return dma_resv_lock_interruptible(obj, NULL) ? NULL : obj;
}

/** dma_resv_guard_try_() - private: the same, if the lock is free */
static inline struct dma_resv *dma_resv_guard_try_(struct dma_resv *obj) DMA_RESV_GUARDED_(obj)
{
	return dma_resv_trylock(obj) ? obj : NULL;
}

/** dma_resv_guard_end_() - private: the end of the block */
static inline void dma_resv_guard_end_(struct dma_resv **guard) DMABUF_UNCHECKED("the cleanup")
{
	if (*guard)
		dma_resv_unlock(*guard);
}

#define DMA_RESV_GUARD_PASTE_(a, b) a##b
#define DMA_RESV_GUARD_NAME_(line) DMA_RESV_GUARD_PASTE_(dma_resv_guard_, line)
#define DMA_RESV_GUARD_(name, held) \
	struct dma_resv *name __attribute__((__cleanup__(dma_resv_guard_end_))) = (held)

/**
 * dma_resv_guard() - hold the lock until the block ends
 * @obj: object that the caller does not hold
 *
 * A declaration: it stands where a variable could be defined.
 *
 * Example:
 *
 *	dma_resv_guard(obj);
 *
 *	err = dma_resv_reserve_fences(obj, 1);
 *	if (err)
 *		return err; // unlocks
 *	dma_resv_add_fence(obj, fence, DMA_RESV_USAGE_READ);
 *
 * Since: 0.1. Extension.
 */
#define dma_resv_guard(obj)                                                          \
	DMA_RESV_GUARD_(DMA_RESV_GUARD_NAME_(__LINE__), dma_resv_guard_lock_(obj));  \
	(void)DMA_RESV_GUARD_NAME_(__LINE__)

/* The block runs once; where nothing is held, @fail runs instead. */
#define DMA_RESV_SCOPED_GUARD_(held, fail)                                            \
	for (DMA_RESV_GUARD_(dma_resv_held_, held), *dma_resv_done_ = NULL;           \
	     !dma_resv_done_; dma_resv_done_ = (struct dma_resv *)1)                  \
		if (!dma_resv_held_) {                                                \
			fail;                                                         \
		} else

/**
 * dma_resv_scoped_guard() - hold the lock for the block that follows
 * @obj: object that the caller does not hold
 *
 * break leaves the block.
 *
 * Since: 0.1. Extension.
 */
#define dma_resv_scoped_guard(obj) DMA_RESV_SCOPED_GUARD_(dma_resv_guard_lock_(obj), break)

/**
 * dma_resv_scoped_guard_intr() - the same, unless a signal handler runs while it waits
 * @fail: statement instead of the block, such as return -EINTR
 * @obj:  object that the caller does not hold
 *
 * Since: 0.1. Extension.
 */
#define dma_resv_scoped_guard_intr(fail, obj) \
	DMA_RESV_SCOPED_GUARD_(dma_resv_guard_intr_(obj), fail)

/**
 * dma_resv_scoped_guard_try() - the same, if the lock is free
 * @fail: statement instead of the block, such as return -EBUSY
 * @obj:  object
 *
 * Since: 0.1. Extension.
 */
#define dma_resv_scoped_guard_try(fail, obj) \
	DMA_RESV_SCOPED_GUARD_(dma_resv_guard_try_(obj), fail)

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_RESV_GUARD_H */
