/* SPDX-License-Identifier: MIT */
/*
 * The flat list. Slots of fence pointers, whose two low bits are the category, behind a pointer
 * that readers follow in an RCU section. The holder of the lock replaces slots in place: that of
 * an older fence of the same context in a category as weak or weaker, or that of one that has
 * signalled; else it appends. A full list is replaced by one of twice the size, with what has not
 * signalled.
 *
 * A reader takes a reference on each fence that it looks at, and begins anew if the pointer to the
 * list has changed, or a fence was gone before the reference was taken. So what it gathers was all
 * there, but not necessarily all at one time.
 */
#include <dmabuf/dma-resv.h>
#include <errno.h>
#include <stdlib.h>

#include "design.h"

struct flat_list {
	struct flat_head head;
	uintptr_t slots[]; /* atomic */
};

static uintptr_t slot_of(const struct dma_fence *fence, enum dma_resv_usage usage)
{
	return (uintptr_t)fence | (uintptr_t)usage;
}

static struct dma_fence *slot_fence(uintptr_t slot)
{
	return (struct dma_fence *)(slot & ~(uintptr_t)3);
}

static enum dma_resv_usage slot_usage(uintptr_t slot)
{
	return (enum dma_resv_usage)(slot & 3);
}

static struct flat_list *own_list(struct dma_resv *obj)
{
#if INLINE_SLOTS
	_Static_assert(offsetof(struct dma_resv, slots) ==
			       offsetof(struct dma_resv, head) + sizeof(struct flat_list),
		       "a list like others");
	return (struct flat_list *)(void *)&obj->head;
#else
	(void)obj;
	return NULL;
#endif
}

static void free_list(struct dma_resv *obj, struct flat_list *list)
{
	if (list && list != own_list(obj))
		dmabuf_free_rcu(&list->head.rcu, list);
}

void dma_resv_init(struct dma_resv *obj)
{
	ww_mutex_init(&obj->lock, &reservation_ww_class);
	obj->list = own_list(obj);
#if INLINE_SLOTS
	obj->head.length = 0;
	obj->head.capacity = INLINE_SLOTS;
#endif
}

void dma_resv_fini(struct dma_resv *obj)
{
	struct flat_list *list = obj->list;

	for (unsigned int i = 0; list && i < list->head.length; i++)
		design_put(slot_fence(list->slots[i]));
	free_list(obj, list);
	ww_mutex_destroy(&obj->lock);
}

/*
 * The holder.
 */

static struct flat_list *alloc_list(unsigned int capacity)
{
	struct flat_list *list = os_alloc_raw(sizeof(*list) + capacity * sizeof(list->slots[0]));

	if (list)
		list->head = (struct flat_head){ .capacity = capacity };
	return list;
}

/* How many slots for @n more, where all are taken. */
static unsigned int capacity_for(const struct flat_list *list, unsigned int n)
{
	unsigned int capacity = 4;

	if (list) {
		const unsigned int needed = list->head.length + n, twice = 2 * list->head.capacity;

		return needed > twice ? needed : twice;
	}
	while (capacity < n)
		capacity *= 2;
	return capacity;
}

/* @new gets what has not signalled; the rest goes to its end, to be put when it is published. */
static unsigned int carry(const struct flat_list *old, struct flat_list *new)
{
	unsigned int length = 0, end = new->head.capacity;

	for (unsigned int i = 0; i < old->head.length; i++) {
		if (design_is_signaled(slot_fence(old->slots[i])))
			new->slots[--end] = old->slots[i];
		else
			new->slots[length++] = old->slots[i];
	}
	new->head.length = length;
	return end;
}

int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences)
{
	struct flat_list *old = obj->list, *new;
	unsigned int end;

	if (!num_fences)
		return -EINVAL;
	if (old && old->head.length + num_fences <= old->head.capacity)
		return 0;
	new = alloc_list(capacity_for(old, num_fences));
	if (!new)
		return -ENOMEM;
	end = old ? carry(old, new) : new->head.capacity;
	OS_RACE_POINT("flat: before the new list");
	store_release(&obj->list, new);
	for (; end < new->head.capacity; end++)
		design_put(slot_fence(new->slots[end]));
	free_list(obj, old);
	return 0;
}

static bool makes_room(struct dma_fence *fence, enum dma_resv_usage usage, uintptr_t slot)
{
	struct dma_fence *old = slot_fence(slot);

	return (old->context == fence->context && slot_usage(slot) >= usage &&
		dma_fence_is_later_or_same(fence, old)) ||
	       design_is_signaled(old);
}

void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence, enum dma_resv_usage usage)
{
	struct flat_list *list = obj->list;
	const unsigned int length = list->head.length;

	design_get(fence);
	for (unsigned int i = 0; i < length; i++) {
		const uintptr_t old = list->slots[i];

		if (makes_room(fence, usage, old)) {
			OS_RACE_POINT("flat: before replacing");
			store_release(&list->slots[i], slot_of(fence, usage));
			design_put(slot_fence(old));
			return;
		}
	}
	store_relaxed(&list->slots[length], slot_of(fence, usage));
	store_release(&list->head.length, length + 1);
}

int dma_resv_replace_fences(struct dma_resv *obj, uint64_t context, struct dma_fence *replacement,
			    enum dma_resv_usage usage)
{
	struct flat_list *list = obj->list;

	for (unsigned int i = 0; list && i < list->head.length; i++) {
		const uintptr_t old = list->slots[i];

		if (slot_fence(old)->context != context)
			continue;
		design_get(replacement);
		store_release(&list->slots[i], slot_of(replacement, usage));
		design_put(slot_fence(old));
	}
	return 0;
}

static struct dma_fence *walk_locked(struct dma_resv_iter *cursor)
{
	while (cursor->index < cursor->num_fences) {
		const uintptr_t slot = cursor->fences->slots[cursor->index++];

		if (slot_usage(slot) > cursor->usage)
			continue;
		cursor->fence_usage = slot_usage(slot);
		return slot_fence(slot);
	}
	return NULL;
}

struct dma_fence *dma_resv_iter_first(struct dma_resv_iter *cursor)
{
	cursor->index = 0;
	cursor->fences = cursor->obj->list;
	cursor->num_fences = cursor->fences ? cursor->fences->head.length : 0;
	cursor->is_restarted = true;
	return walk_locked(cursor);
}

struct dma_fence *dma_resv_iter_next(struct dma_resv_iter *cursor)
{
	cursor->is_restarted = false;
	return walk_locked(cursor);
}

/*
 * Everybody.
 */

__thread unsigned long design_restarts;

static void restart(struct dma_resv_iter *cursor)
{
	cursor->index = 0;
	cursor->fences = load_acquire(&cursor->obj->list);
	cursor->num_fences = cursor->fences ? load_acquire(&cursor->fences->head.length) : 0;
	cursor->is_restarted = true;
}

/* It had begun. */
static void restart_anew(struct dma_resv_iter *cursor)
{
	design_restarts++;
	restart(cursor);
}

/* To the next that has not signalled, in a read section. */
static void walk(struct dma_resv_iter *cursor)
{
	for (;;) {
		uintptr_t slot;

		design_put(cursor->fence);
		cursor->fence = NULL;
		if (cursor->index == cursor->num_fences)
			return;
		slot = load_acquire(&cursor->fences->slots[cursor->index++]);
		OS_RACE_POINT("flat: before reference");
		if (!design_get_unless_dead(slot_fence(slot))) {
			restart_anew(cursor);
			continue;
		}
		cursor->fence = slot_fence(slot);
		cursor->fence_usage = slot_usage(slot);
		if (cursor->fence_usage <= cursor->usage && !design_is_signaled(cursor->fence))
			return;
	}
}

static bool is_stale(const struct dma_resv_iter *cursor)
{
	return cursor->fences != load_acquire(&cursor->obj->list);
}

struct dma_fence *dma_resv_iter_first_unlocked(struct dma_resv_iter *cursor)
{
	dmabuf_rcu_read_lock();
	restart(cursor);
	for (walk(cursor); is_stale(cursor); walk(cursor))
		restart_anew(cursor);
	dmabuf_rcu_read_unlock();
	return cursor->fence;
}

struct dma_fence *dma_resv_iter_next_unlocked(struct dma_resv_iter *cursor)
{
	dmabuf_rcu_read_lock();
	cursor->is_restarted = false;
	if (!is_stale(cursor))
		walk(cursor);
	while (is_stale(cursor)) {
		restart_anew(cursor);
		walk(cursor);
	}
	dmabuf_rcu_read_unlock();
	return cursor->fence;
}

bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	bool is_signaled;

	dma_resv_iter_begin(&cursor, obj, usage);
	is_signaled = !dma_resv_iter_first_unlocked(&cursor);
	dma_resv_iter_end(&cursor);
	return is_signaled;
}

int64_t dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			      int64_t timeout)
{
	int64_t left = timeout ? timeout : 1;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, obj, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		left = dma_fence_wait_timeout(fence, intr, timeout ? left : 0);
		if (left <= 0)
			break;
	}
	dma_resv_iter_end(&cursor);
	return left;
}

/* @table begins anew, with room for what the walk may return. */
static int begin_table(const struct dma_resv_iter *cursor, struct dma_fence ***table,
		       unsigned int *length)
{
	while (*length)
		design_put((*table)[--*length]);
	free(*table);
	*table = os_alloc_raw((cursor->num_fences + 1) * sizeof(**table));
	return *table ? 0 : -ENOMEM;
}

int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage, unsigned int *num_fences,
			struct dma_fence ***fences)
{
	struct dma_fence **table = NULL, *fence;
	struct dma_resv_iter cursor;
	unsigned int length = 0;
	int err = 0;

	dma_resv_iter_begin(&cursor, obj, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor))
			err = begin_table(&cursor, &table, &length);
		if (err)
			break;
		table[length++] = design_get(fence);
	}
	dma_resv_iter_end(&cursor);
	if (err)
		return err;
	*num_fences = length;
	*fences = table;
	return 0;
}

int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence)
{
	return design_get_singleton(obj, usage, fence);
}

static void drop_all(struct dma_resv *obj)
{
	struct flat_list *list = obj->list;
	const unsigned int length = list ? list->head.length : 0;

	if (!list)
		return;
	store_release(&list->head.length, 0);
	for (unsigned int i = 0; i < length; i++)
		design_put(slot_fence(list->slots[i]));
}

int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src)
{
	struct flat_list *list = NULL;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, src, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor)) {
			while (list && list->head.length)
				design_put(slot_fence(list->slots[--list->head.length]));
			free(list);
			list = alloc_list(cursor.num_fences);
			if (!list) {
				dma_resv_iter_end(&cursor);
				return -ENOMEM;
			}
		}
		design_get(fence);
		list->slots[list->head.length++] = slot_of(fence, cursor.fence_usage);
	}
	dma_resv_iter_end(&cursor);
	if (list) {
		struct flat_list *old = dst->list;

		store_release(&dst->list, list);
		for (unsigned int i = 0; old && i < old->head.length; i++)
			design_put(slot_fence(old->slots[i]));
		free_list(dst, old);
	} else {
		drop_all(dst);
	}
	return 0;
}
