/* SPDX-License-Identifier: MIT */
/*
 * The leaves of arrays and chains, and one flat array of the leaves of many.
 *
 * A merge walks twice: to count, and to take references. Between the two fences may signal
 * and links may go, but none can come, so the second walk finds no more than the first.
 */
#include <dmabuf/dma-fence-unwrap.h>

#include <stdlib.h>

#include "debug/lockdep.h"
#include "fence/array.h"
#include "fence/fence.h"
#include "os/alloc.h"
#include "os/atomic.h"
#include "os/fault.h"

/* The first leaf of the link that @cursor stands on, or of an older one. */
static struct dma_fence *first_leaf(struct dma_fence_unwrap *cursor)
{
	while (cursor->chain) {
		struct dma_fence *leaf;

		cursor->array = dma_fence_chain_contained(cursor->chain);
		cursor->index = 0;
		leaf = dma_fence_array_first(cursor->array);
		if (leaf)
			return leaf;
		/* An array without members. */
		cursor->chain = dma_fence_chain_walk(cursor->chain);
	}
	return NULL;
}

struct dma_fence *dma_fence_unwrap_first(struct dma_fence *head, struct dma_fence_unwrap *cursor)
{
	cursor->chain = dma_fence_get(head);
	return first_leaf(cursor);
}

struct dma_fence *dma_fence_unwrap_next(struct dma_fence_unwrap *cursor)
{
	struct dma_fence *leaf = dma_fence_array_next(cursor->array, ++cursor->index);

	if (leaf)
		return leaf;
	cursor->chain = dma_fence_chain_walk(cursor->chain);
	return first_leaf(cursor);
}

/*
 * One fence a context.
 */

static int by_context(const void *a, const void *b)
{
	const struct dma_fence *f1 = *(struct dma_fence *const *)a;
	const struct dma_fence *f2 = *(struct dma_fence *const *)b;

	return (f1->context > f2->context) - (f1->context < f2->context);
}

int dma_fence_dedup_array(struct dma_fence **fences, int num_fences)
{
	int left = 0;

	if (num_fences <= 0)
		return 0;
	qsort(fences, (size_t)num_fences, sizeof(struct dma_fence *), by_context);
	/* Numbers may wrap, and then have no order among three: compare with the best so far. */
	for (int i = 1; i < num_fences; i++) {
		struct dma_fence *best = fences[left], *fence = fences[i];

		if (fence->context != best->context) {
			fences[++left] = fence;
		} else if (dma_fence_is_later(fence, best)) {
			fences[left] = fence;
			dma_fence_put(best);
		} else {
			dma_fence_put(fence);
		}
	}
	return left + 1;
}

/*
 * Merging.
 */

struct inputs {
	unsigned int num_fences;
	struct dma_fence **fences;
	struct dma_fence_unwrap *cursors;
	int64_t timestamp; /* when the last of those that have signalled did */
};

/* Counts the leaves that have not signalled, and puts new references on them into @table, if any. */
static unsigned int gather(struct inputs *inputs, struct dma_fence **table)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < inputs->num_fences; i++) {
		struct dma_fence *leaf;

		dma_fence_unwrap_for_each(leaf, &inputs->cursors[i], inputs->fences[i]) {
			if (dma_fence_is_signaled(leaf)) {
				const int64_t when = dma_fence_timestamp(leaf);

				if (when > inputs->timestamp)
					inputs->timestamp = when;
				continue;
			}
			if (table)
				table[count] = dma_fence_get(leaf);
			count++;
		}
	}
	return count;
}

/* Of the table of @array, which has @count leaves in it. Consumes @array. */
static struct dma_fence *flatten(struct inputs *inputs, struct dma_fence_array *array, int count)
{
	struct dma_fence *fence = NULL;

	count = dma_fence_dedup_array(array->fences, count);
	if (count > 1) {
		dma_fence_array_init(array, count, array->fences, dma_fence_context_alloc(1), 1,
				     false);
		return &array->base;
	}
	if (count == 1)
		fence = array->fences[0];
	else
		fence = fence_make_stub(inputs->timestamp);
	dma_fence_array_free(array);
	return fence;
}

struct dma_fence *__dma_fence_unwrap_merge(unsigned int num_fences, struct dma_fence **fences,
					   struct dma_fence_unwrap *cursors)
{
	struct inputs inputs = { num_fences, fences, cursors, 0 };
	struct dma_fence *single = NULL;
	struct dma_fence_array *array;
	unsigned int count;

	lockdep_might_alloc();
	count = gather(&inputs, NULL);
	if (count == 1)
		count = gather(&inputs, &single);
	if (single)
		return single;
	if (!count)
		return fence_make_stub(inputs.timestamp);
	array = fence_array_alloc_for_all(count);
	if (!array)
		return NULL;
	OS_RACE_POINT("merge: before the second walk");
	count = gather(&inputs, array->fences);
	return flatten(&inputs, array, (int)count);
}
