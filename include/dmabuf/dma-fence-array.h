/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-array.h - several fences as one
 *
 * An array signals when all of its members have, or any of them. Members are
 * plain fences, never containers. From Linux 6.12 and 6.13, and, where a comment
 * says so, from the second series of 2019.
 */
#ifndef DMABUF_DMA_FENCE_ARRAY_H
#define DMABUF_DMA_FENCE_ARRAY_H

#include <dmabuf/dma-fence.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dma_fence_array;

/**
 * struct dma_fence_array_cb - registration with one member
 * @cb:    with the member
 * @array: the array it belongs to
 */
struct dma_fence_array_cb {
	struct dma_fence_cb cb;
	struct dma_fence_array *array;
};

/** struct dma_fence_array - the array; a fence itself */
struct dma_fence_array {
	/** @base: the array as a fence */
	struct dma_fence base;
	/** @num_fences: members; constant after dma_fence_array_init() */
	unsigned int num_fences;
	/** @max_fences: most members, and capacity of the table that came with the array; constant */
	unsigned int max_fences;
	/** @max_callbacks: capacity of @callbacks; constant */
	unsigned int max_callbacks;
	/** @num_pending: any: 1 until a member has signalled; atomic */
	unsigned int num_pending;
	/** @armed: all: the member whose signal is awaited; by whoever advances */
	unsigned int armed;
	/** @signal_on_any: any, not all; constant after init */
	bool signal_on_any;
	/** @has_own_table: @fences is part of the array, and not from malloc(); constant after init */
	bool has_own_table;
	/** @fences: the members: the array's own table, or one from malloc() that it owns */
	struct dma_fence **fences;
	/** @work: advances the array, or signals it, outside of the member's lock */
	struct dmabuf_work work;
	/** @callbacks: all: the first is used, for one member at a time; any: one each */
	struct dma_fence_array_cb callbacks[];
};

/**
 * dma_fence_array_ops - the ops of every array, to tell one by; see dma_fence_is_array()
 *
 * Since: 0.1
 */
extern const struct dma_fence_ops dma_fence_array_ops;

/**
 * to_dma_fence_array() - the array that a fence is
 * @fence: any fence; NULL is fine
 *
 * Return: the array, borrowed; NULL if @fence is NULL or no array.
 *
 * Since: 0.1
 */
struct dma_fence_array *to_dma_fence_array(struct dma_fence *fence);

/**
 * dma_fence_array_alloc() - memory for an array
 * @num_fences: how many members it shall be able to have
 *
 * The array has a table for @num_fences pointers, empty, at array->fences, and
 * array->num_fences is 0. Fill the table and pass it to dma_fence_array_init(), or
 * pass another one.
 *
 * Return: an array for dma_fence_array_init() or dma_fence_array_free(); NULL: no
 * memory, or @num_fences is negative.
 *
 * Since: 0.1 (Linux 6.13; the table: series 2)
 */
struct dma_fence_array *dma_fence_array_alloc(int num_fences);

/**
 * dma_fence_array_init() - make it a fence
 * @array:         from dma_fence_array_alloc()
 * @num_fences:    members; at most the capacity, or it aborts; 0 warns and makes an
 *		   array that is signalled from the start
 * @fences:        array->fences, or a table from malloc(), which the array then owns;
 *		   with one reference a member, which it owns too
 * @context:       context of the array as a fence
 * @seqno:         sequence number of the array as a fence
 * @signal_on_any: signal with the first member instead of the last; aborts if @array
 *		   came from dma_fence_array_create() for an array that signals on all:
 *		   that has no room for it
 *
 * Warns if a member is a container, which must not be.
 *
 * The first error of a member, in order of time, becomes the array's error. An
 * array signals from whichever thread signals the member, after that has dropped
 * all fence locks, never inside the member's callback.
 *
 * Lifetime: the caller holds the one reference, as after dma_fence_init(). The
 * array holds one on itself while it awaits a member.
 *
 * Since: 0.1 (Linux 6.13)
 */
void dma_fence_array_init(struct dma_fence_array *array, int num_fences, struct dma_fence **fences,
			  uint64_t context, unsigned int seqno, bool signal_on_any);

/**
 * dma_fence_array_create() - allocate and initialise
 * @num_fences:    as for dma_fence_array_init()
 * @fences:        table from malloc(); on success it belongs to the array, with one
 *		   reference a member; on failure all stays the caller's
 * @context:       as there
 * @seqno:         as there
 * @signal_on_any: as there
 *
 * Return: the array, with one reference; NULL: no memory.
 *
 * Since: 0.1
 */
struct dma_fence_array *dma_fence_array_create(int num_fences, struct dma_fence **fences,
					       uint64_t context, unsigned int seqno,
					       bool signal_on_any);

/**
 * dma_fence_array_max_fences() - how many members it can have
 * @array: from dma_fence_array_alloc() or dma_fence_array_create()
 *
 * Return: the capacity that is stored in it. Never derived from the size of a
 * memory block.
 *
 * Since: 0.1. Extension (series 2).
 */
unsigned int dma_fence_array_max_fences(const struct dma_fence_array *array);

/**
 * dma_fence_array_free() - drop the members and the memory
 * @array: array that is no fence yet, or one without references (after
 *	   dma_fence_array_recycle()); NULL is fine
 *
 * Drops the references on the array->num_fences first members, and frees a table
 * of malloc(). The memory goes after a grace period.
 *
 * Since: 0.1. Extension (series 2).
 */
void dma_fence_array_free(struct dma_fence_array *array);

/**
 * dma_fence_array_recycle() - drop a reference, and keep the memory if it was the last
 * @array: array; the caller holds a reference
 *
 * After true, members and table are as they were, still with their references.
 * Readers in RCU sections may still try to take a reference on it, in vain: refill
 * and initialise it again only after a grace period.
 *
 * Return: true: that was the last reference, and the array is the caller's, to be
 * initialised again or to be freed by dma_fence_array_free(); false: somebody else
 * holds it and will free it.
 *
 * Since: 0.1. Extension (series 2).
 */
bool dma_fence_array_recycle(struct dma_fence_array *array) DMABUF_MUST_CHECK;

/**
 * dma_fence_array_first() - first member
 * @head: any fence; NULL is fine
 *
 * Return: the first member, borrowed; @head itself if it is no array; NULL if it is
 * NULL or has none.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_array_first(struct dma_fence *head);

/**
 * dma_fence_array_next() - member at an index
 * @head:  the fence given to dma_fence_array_first()
 * @index: which; counted from 0
 *
 * Return: the member, borrowed; NULL at the end, and if @head is no array.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_array_next(struct dma_fence *head, unsigned int index);

/**
 * dma_fence_array_for_each() - visit every member
 * @fence: loop variable, borrowed
 * @index: unsigned int variable for the loop
 * @head:  any fence; one that is no array is visited itself; NULL: nothing is
 *
 * The caller holds a reference on @head.
 *
 * Since: 0.1
 */
#define dma_fence_array_for_each(fence, index, head)                         \
	for ((index) = 0, (fence) = dma_fence_array_first(head); (fence);    \
	     ++(index), (fence) = dma_fence_array_next(head, index))

/**
 * dma_fence_match_context() - is all of a fence on one timeline?
 * @fence:   any fence, not NULL; the caller holds a reference
 * @context: the timeline, from dma_fence_context_alloc()
 *
 * Return: true if @fence is of @context, or is an array whose members all are; an array
 * without members is of every context.
 *
 * Since: 0.1
 */
bool dma_fence_match_context(struct dma_fence *fence, uint64_t context);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_ARRAY_H */
