/* SPDX-License-Identifier: MIT */
/*
 * One exclusive fence and a list of shared ones, under a sequence counter. Kernel and write are
 * exclusive here, read and bookkeep are shared.
 *
 * Shared fences are replaced in place by those of the same context, or where they have signalled.
 * An exclusive fence drops all shared ones: whoever adds it has waited for them, or its work does.
 * So where there are shared fences, they end after the exclusive one, and it is not looked at.
 *
 * The holder makes the counter odd, stores with release, and makes it even by a release. A reader
 * loads with acquire, takes references, and begins anew if the counter is not what it was.
 */
#include <dmabuf/dma-resv.h>
#include <string.h>

#include "design.h"

struct classic_list {
	struct dmabuf_rcu_head rcu;
	uint32_t length; /* atomic */
	uint32_t capacity;
	struct dma_fence *fences[]; /* atomic */
};

void dma_resv_init(struct dma_resv *obj)
{
	ww_mutex_init(&obj->lock, &reservation_ww_class);
	obj->seq = 0;
	obj->exclusive = NULL;
	obj->shared = NULL;
}

static void put_shared(struct classic_list *list, unsigned int length)
{
	for (unsigned int i = 0; i < length; i++)
		design_put(list->fences[i]);
}

void dma_resv_fini(struct dma_resv *obj)
{
	design_put(obj->exclusive);
	if (obj->shared) {
		put_shared(obj->shared, obj->shared->length);
		dmabuf_free_rcu(&obj->shared->rcu, obj->shared);
	}
	ww_mutex_destroy(&obj->lock);
}

/*
 * The holder.
 */

static void begin_change(struct dma_resv *obj)
{
	store_relaxed(&obj->seq, obj->seq + 1); /* before the rest, which is stored with release */
	OS_RACE_POINT("classic: before a change");
}

static void end_change(struct dma_resv *obj)
{
	store_release(&obj->seq, obj->seq + 1);
}

static struct classic_list *alloc_list(unsigned int capacity)
{
	struct classic_list *list =
		os_alloc_raw(sizeof(*list) + capacity * sizeof(list->fences[0]));

	if (list) {
		list->length = 0;
		list->capacity = capacity;
	}
	return list;
}

static unsigned int capacity_for(const struct classic_list *list, unsigned int n)
{
	unsigned int capacity = 4;

	if (list) {
		const unsigned int needed = list->length + n, twice = 2 * list->capacity;

		return needed > twice ? needed : twice;
	}
	while (capacity < n)
		capacity *= 2;
	return capacity;
}

/* What has not signalled; the rest at the end of the table. */
static unsigned int carry(const struct classic_list *old, struct classic_list *new)
{
	unsigned int end = new->capacity;

	for (unsigned int i = 0; i < old->length; i++) {
		if (design_is_signaled(old->fences[i]))
			new->fences[--end] = old->fences[i];
		else
			new->fences[new->length++] = old->fences[i];
	}
	return end;
}

int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences)
{
	struct classic_list *old = obj->shared, *new;
	unsigned int end;

	if (!num_fences)
		return -EINVAL;
	if (old && old->length + num_fences <= old->capacity)
		return 0;
	new = alloc_list(capacity_for(old, num_fences));
	if (!new)
		return -ENOMEM;
	end = old ? carry(old, new) : new->capacity;
	begin_change(obj);
	store_release(&obj->shared, new);
	end_change(obj);
	for (; end < new->capacity; end++)
		design_put(new->fences[end]);
	if (old)
		dmabuf_free_rcu(&old->rcu, old);
	return 0;
}

static void add_shared(struct dma_resv *obj, struct dma_fence *fence)
{
	struct classic_list *list = obj->shared;
	const unsigned int length = list->length;
	struct dma_fence *old = NULL;
	unsigned int i;

	for (i = 0; i < length; i++) {
		old = list->fences[i];
		if (old->context == fence->context || design_is_signaled(old))
			break;
		old = NULL;
	}
	begin_change(obj);
	store_release(&list->fences[i], fence);
	if (i == length)
		store_release(&list->length, length + 1);
	end_change(obj);
	design_put(old);
}

static void add_exclusive(struct dma_resv *obj, struct dma_fence *fence)
{
	struct dma_fence *old = obj->exclusive;
	struct classic_list *list = obj->shared;
	const unsigned int length = list ? list->length : 0;

	begin_change(obj);
	store_release(&obj->exclusive, fence);
	if (list)
		store_release(&list->length, 0);
	end_change(obj);
	put_shared(list, length);
	design_put(old);
}

void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence, enum dma_resv_usage usage)
{
	design_get(fence);
	if (usage <= DMA_RESV_USAGE_WRITE)
		add_exclusive(obj, fence);
	else
		add_shared(obj, fence);
}

/*
 * Everybody.
 */

__thread unsigned long design_restarts;

static uint32_t begin_look(const struct dma_resv *obj)
{
	uint32_t seq;

	while ((seq = load_acquire(&obj->seq)) & 1)
		;
	return seq;
}

static bool has_changed(const struct dma_resv *obj, uint32_t seq)
{
	return load_relaxed(&obj->seq) != seq; /* after loads with acquire */
}

static struct classic_list *look_at_shared(const struct dma_resv *obj, enum dma_resv_usage usage,
					   unsigned int *length)
{
	struct classic_list *list = NULL;

	if (usage > DMA_RESV_USAGE_WRITE)
		list = load_acquire(&obj->shared);

	*length = list ? load_acquire(&list->length) : 0;
	return list;
}

enum verdict { DONE, BUSY, AGAIN };

static enum verdict ask(struct dma_fence *fence, struct dma_fence **ret_busy)
{
	enum verdict verdict = DONE;

	if (!fence)
		return DONE;
	if (!design_get_unless_dead(fence))
		return AGAIN;
	if (!design_is_signaled(fence)) {
		verdict = BUSY;
		if (ret_busy) {
			*ret_busy = fence;
			return BUSY;
		}
	}
	design_put(fence);
	return verdict;
}

/* The first that has not signalled, with a reference if @ret_busy. */
static enum verdict look(struct dma_resv *obj, enum dma_resv_usage usage,
			 struct dma_fence **ret_busy)
{
	unsigned int length;
	const struct classic_list *list = look_at_shared(obj, usage, &length);
	enum verdict verdict = DONE;

	for (unsigned int i = 0; i < length && verdict == DONE; i++)
		verdict = ask(load_acquire(&list->fences[i]), ret_busy);
	if (!length)
		verdict = ask(load_acquire(&obj->exclusive), ret_busy);
	return verdict;
}

static enum verdict find_busy(struct dma_resv *obj, enum dma_resv_usage usage,
			      struct dma_fence **ret_busy)
{
	enum verdict verdict;
	uint32_t seq;

	dmabuf_rcu_read_lock();
	for (;;) {
		seq = begin_look(obj);
		verdict = look(obj, usage, ret_busy);
		if (verdict != AGAIN && !has_changed(obj, seq))
			break;
		if (verdict == BUSY && ret_busy)
			design_put(*ret_busy);
		design_restarts++;
	}
	dmabuf_rcu_read_unlock();
	return verdict;
}

bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage)
{
	return find_busy(obj, usage, NULL) == DONE;
}

int64_t dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			      int64_t timeout)
{
	int64_t left = timeout ? timeout : 1;
	struct dma_fence *busy;

	while (left > 0 && find_busy(obj, usage, &busy) == BUSY) {
		left = dma_fence_wait_timeout(busy, intr, timeout ? left : 0);
		design_put(busy);
	}
	return left;
}

/* What is there, with references, into @table. False: begin anew, without what was taken. */
static bool gather(struct dma_resv *obj, enum dma_resv_usage usage, struct dma_fence **table,
		   unsigned int room, unsigned int *n)
{
	unsigned int length;
	const struct classic_list *list = look_at_shared(obj, usage, &length);
	struct dma_fence *exclusive = load_acquire(&obj->exclusive);

	if (length + 1 > room)
		return false;
	for (unsigned int i = 0; i < length; i++) {
		struct dma_fence *fence = load_acquire(&list->fences[i]);

		OS_RACE_POINT("classic: before reference");
		if (!design_get_unless_dead(fence))
			return false;
		table[(*n)++] = fence;
	}
	if (exclusive) {
		if (!design_get_unless_dead(exclusive))
			return false;
		table[(*n)++] = exclusive;
	}
	return true;
}

static unsigned int room_for(const struct dma_resv *obj, enum dma_resv_usage usage)
{
	unsigned int length;
	const struct classic_list *list;

	dmabuf_rcu_read_lock();
	list = look_at_shared(obj, usage, &length);
	length = list ? list->capacity : 0;
	dmabuf_rcu_read_unlock();
	return length + 1;
}

/* Only what has not signalled, as others give it. */
static unsigned int drop_signaled(struct dma_fence **table, unsigned int n)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (design_is_signaled(table[i]))
			design_put(table[i]);
		else
			table[left++] = table[i];
	}
	return left;
}

int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage, unsigned int *num_fences,
			struct dma_fence ***fences)
{
	struct dma_fence **table = NULL;
	unsigned int n = 0;

	for (;;) {
		const unsigned int room = room_for(obj, usage);
		bool is_whole;
		uint32_t seq;

		free(table);
		table = os_alloc_raw(room * sizeof(*table));
		if (!table)
			return -ENOMEM;
		dmabuf_rcu_read_lock();
		seq = begin_look(obj);
		is_whole = gather(obj, usage, table, room, &n) && !has_changed(obj, seq);
		dmabuf_rcu_read_unlock();
		if (is_whole)
			break;
		while (n)
			design_put(table[--n]);
		design_restarts++;
	}
	*num_fences = drop_signaled(table, n);
	if (!*num_fences) {
		free(table);
		table = NULL;
	}
	*fences = table;
	return 0;
}

int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence)
{
	return design_get_singleton(obj, usage, fence);
}
