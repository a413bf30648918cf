/* SPDX-License-Identifier: MIT */
/*
 * Linux's iterators, over sets.
 *
 * Unlocked, the cursor holds its set, so that nothing in it is ever reused under
 * its feet; it starts over when the object has another one. With the lock, the
 * holder's own set is walked, without a reference.
 */
#include "resv/backing.h"
#include "resv/set.h"
#include "resv/ww-mutex-internal.h"
#include "resv/ww-rules.h"

void dma_resv_iter_begin(struct dma_resv_iter *cursor, struct dma_resv *obj,
			 enum dma_resv_usage usage)
{
	*cursor = (struct dma_resv_iter){ .obj = obj, .usage = usage };
}

void dma_resv_iter_end(struct dma_resv_iter *cursor)
{
	set_put(&cursor->set);
	cursor->fence = NULL;
}

enum dma_resv_usage dma_resv_iter_usage(struct dma_resv_iter *cursor)
{
	return cursor->fence_usage;
}

bool dma_resv_iter_is_restarted(struct dma_resv_iter *cursor)
{
	return cursor->is_restarted;
}

static struct dma_fence *found(struct dma_resv_iter *cursor, struct dma_fence *fence)
{
	if (fence)
		cursor->index++;
	cursor->fence = fence;
	cursor->fence_usage = cursor->cursor.fence_usage;
	return fence;
}

/*
 * Without the lock.
 */

/* The word that the caller's view of the object has now. */
static void *current_word(struct dma_resv *obj)
{
	if (ww_is_mine(&obj->lock))
		return (void *)obj->fences.staged;
	resv_refresh(&obj->fences);
	return (void *)load_acquire(&obj->fences.word);
}

static struct dma_fence *skip_signaled(struct dma_resv_iter *cursor, struct dma_fence *fence)
{
	while (fence && dma_fence_is_signaled(fence))
		fence = dma_resv_snapshot_next(&cursor->cursor);
	if (!fence)
		set_put(&cursor->set);
	return found(cursor, fence);
}

struct dma_fence *dma_resv_iter_first_unlocked(struct dma_resv_iter *cursor)
{
	struct dma_fence *fence;

	set_put(&cursor->set);
	resv_check_alive(cursor->obj, __func__);
	set_get(cursor->obj, &cursor->set);
	cursor->fences = (void *)cursor->set.word;
	cursor->num_fences = cursor->set.length;
	cursor->index = 0;
	cursor->is_restarted = true;
	fence = dma_resv_snapshot_first(&cursor->cursor, &cursor->set, cursor->usage);
	return skip_signaled(cursor, fence);
}

struct dma_fence *dma_resv_iter_next_unlocked(struct dma_resv_iter *cursor)
{
	if (cursor->fences != current_word(cursor->obj))
		return dma_resv_iter_first_unlocked(cursor);
	cursor->is_restarted = false;
	return skip_signaled(cursor, dma_resv_snapshot_next(&cursor->cursor));
}

/*
 * With the lock.
 */

struct dma_fence *dma_resv_iter_first(struct dma_resv_iter *cursor)
{
	struct dma_resv_snapshot set;

	dma_resv_assert_held(cursor->obj);
	set = set_staged(&cursor->obj->fences);
	cursor->fences = (void *)set.word;
	cursor->num_fences = set.length;
	cursor->index = 0;
	cursor->is_restarted = true;
	return found(cursor, dma_resv_snapshot_first(&cursor->cursor, &set, cursor->usage));
}

struct dma_fence *dma_resv_iter_next(struct dma_resv_iter *cursor)
{
	dma_resv_assert_held(cursor->obj);
	cursor->is_restarted = false;
	return found(cursor, dma_resv_snapshot_next(&cursor->cursor));
}
