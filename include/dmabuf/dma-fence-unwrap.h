/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-unwrap.h - the plain fences inside of arrays and chains
 *
 * A container is an array, or a link of a chain, whose own fence may be an array. A leaf is a
 * fence that is neither. From Linux 6.12.
 */
#ifndef DMABUF_DMA_FENCE_UNWRAP_H
#define DMABUF_DMA_FENCE_UNWRAP_H

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct dma_fence_unwrap - where a walk over the leaves of a fence is */
struct dma_fence_unwrap {
	/** @chain: the link, or the fence that is no link; with a reference */
	struct dma_fence *chain;
	/** @array: the fence of that link; borrowed from @chain */
	struct dma_fence *array;
	/** @index: which member of @array, if that is an array */
	unsigned int index;
};

/**
 * dma_fence_unwrap_first() - begin a walk over the leaves
 * @head:   any fence; the caller holds a reference; NULL is fine
 * @cursor: where the walk is
 *
 * The walk holds a reference until dma_fence_unwrap_next() returns NULL. Who leaves it
 * earlier calls dma_fence_put(cursor->chain).
 *
 * Return: the first leaf, borrowed; NULL: there is none, and nothing to put.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_unwrap_first(struct dma_fence *head, struct dma_fence_unwrap *cursor);

/**
 * dma_fence_unwrap_next() - go on
 * @cursor: where the walk is
 *
 * Return: the next leaf, borrowed; NULL: no more.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_unwrap_next(struct dma_fence_unwrap *cursor);

/**
 * dma_fence_unwrap_for_each() - visit the leaves of a fence
 * @fence:  loop variable, borrowed
 * @cursor: a struct dma_fence_unwrap * for the loop; after break the caller puts its @chain
 * @head:   any fence; a leaf is visited itself; NULL: nothing is
 *
 * Leaves that have signalled are visited, too, except where the walk along the chain has
 * taken their link out.
 *
 * Example:
 *
 *	struct dma_fence_unwrap cursor;
 *	struct dma_fence *leaf;
 *
 *	dma_fence_unwrap_for_each(leaf, &cursor, fence) {
 *		if (dma_fence_get_status(leaf) < 0) {
 *			dma_fence_put(cursor.chain); // since the walk ends early
 *			break;
 *		}
 *	}
 *
 * Since: 0.1
 */
#define dma_fence_unwrap_for_each(fence, cursor, head)                          \
	for ((fence) = dma_fence_unwrap_first(head, cursor); (fence) != NULL;   \
	     (fence) = dma_fence_unwrap_next(cursor))

/**
 * dma_fence_dedup_array() - keep the latest fence of each context
 * @fences:     table, with a reference each
 * @num_fences: how many
 *
 * In place: afterwards the fences that are left come first, by ascending context. The
 * references on the others are dropped.
 *
 * Return: how many are left; 0 only if there were none.
 *
 * Since: 0.1 (later Linux)
 */
int dma_fence_dedup_array(struct dma_fence **fences, int num_fences);

/**
 * __dma_fence_unwrap_merge() - the function behind dma_fence_unwrap_merge()
 * @num_fences: how many
 * @fences:     any fences, borrowed; NULL is fine
 * @cursors:    room for as many, to walk with
 *
 * Return: as there.
 *
 * Since: 0.1
 */
struct dma_fence *__dma_fence_unwrap_merge(unsigned int num_fences, struct dma_fence **fences,
					   struct dma_fence_unwrap *cursors) DMABUF_MUST_CHECK;

/**
 * dma_fence_unwrap_merge() - one flat fence for several
 * @...: any fences, borrowed; NULL is fine
 *
 * Their leaves are merged: those that have not signalled, of each context the latest, by
 * ascending context.
 *
 * Return: a new reference: on an array, with a context of its own and number 1; if one leaf
 * is left, on that leaf; if none is, on a signalled fence with the time at which the last of
 * them signalled that the walk visits (0 if there were none at all); NULL: no memory.
 *
 * Since: 0.1
 */
#define dma_fence_unwrap_merge(...)                                                          \
	__extension__({                                                                      \
		struct dma_fence *merge_fences_[] = { __VA_ARGS__ };                         \
		struct dma_fence_unwrap                                                      \
			merge_cursors_[sizeof(merge_fences_) / sizeof(merge_fences_[0])];    \
		__dma_fence_unwrap_merge(sizeof(merge_fences_) / sizeof(merge_fences_[0]),   \
					 merge_fences_, merge_cursors_);                     \
	})

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_UNWRAP_H */
