/* SPDX-License-Identifier: MIT */
/*
 * What the library's tests name and designs do not have, so that whole files of tests compile:
 * whatever calls one of these ends. Part of dmabuf/dma-resv.h with -DDESIGN_TESTED.
 */
#ifndef DESIGN_TESTED_H
#define DESIGN_TESTED_H

#include <stdio.h>
#include <stdlib.h>

#define DESIGN_LACKS(value, ...) ({ design_lacks(__func__, ##__VA_ARGS__); value; })

static inline void __attribute__((noreturn)) design_lacks(const char *test, ...)
{
	fprintf(stderr, "%s: a design has not all that this needs\n", test);
	abort();
}

#define dma_resv_reset_max_fences(obj) DESIGN_LACKS((void)0, obj)
#define dma_resv_prune_fences(obj) ((void)(obj)) /* what it forgets shows to nobody */
#define dma_resv_describe(obj, seq) DESIGN_LACKS((void)0, obj, seq)

#define dma_resv_fences_set(obj, fences, fence, usage) \
	DESIGN_LACKS((void)0, obj, fences, fence, usage)
#define dma_resv_fences_get_rcu(fences, usage) \
	DESIGN_LACKS((struct dma_fence *)NULL, fences, usage)

#define dma_resv_fences_reserve(obj, fences, n) DESIGN_LACKS(0, obj, fences, n)
#define dma_resv_fences_commit(obj, fences) DESIGN_LACKS((void)0, obj, fences)

struct dma_resv_snapshot {
	uintptr_t word;
};

struct dma_resv_snapshot_cursor {
	enum dma_resv_usage fence_usage;
};

#define dma_resv_get_snapshot(obj, snap) DESIGN_LACKS(false, obj, snap)
#define dma_resv_put_snapshot(snap) DESIGN_LACKS((void)0, snap)
#define dma_resv_snapshot_first(cursor, snap, usage) \
	DESIGN_LACKS((struct dma_fence *)NULL, cursor, snap, usage)
#define dma_resv_snapshot_for_each(fence, cursor, snap, usage) \
	for ((fence) = dma_resv_snapshot_first(cursor, snap, usage); (fence); (fence) = NULL)

#ifdef DESIGN_HAS_NO_WALKS
#undef dma_resv_iter_first
#undef dma_resv_iter_next
#undef dma_resv_iter_first_unlocked
#undef dma_resv_iter_next_unlocked
#undef dma_resv_replace_fences
#undef dma_resv_copy_fences
#define dma_resv_iter_first(cursor) DESIGN_LACKS((struct dma_fence *)NULL, cursor)
#define dma_resv_iter_next(cursor) DESIGN_LACKS((struct dma_fence *)NULL, cursor)
#define dma_resv_iter_first_unlocked(cursor) DESIGN_LACKS((struct dma_fence *)NULL, cursor)
#define dma_resv_iter_next_unlocked(cursor) DESIGN_LACKS((struct dma_fence *)NULL, cursor)
#define dma_resv_replace_fences(obj, context, fence, usage) \
	DESIGN_LACKS(0, obj, context, fence, usage)
#define dma_resv_copy_fences(dst, src) DESIGN_LACKS(0, dst, src)
#endif

#endif
