/* SPDX-License-Identifier: MIT */
#include "resv/trace.h"

#include "resv/set.h"

void lock_trace_listened(enum dmabuf_trace_event event, struct ww_mutex *lock, int64_t value)
{
	const struct dmabuf_trace trace = {
		.event = event,
		.value = value,
		.resv = container_of(lock, struct dma_resv, lock),
	};

	if (lock->base.ww_class == &reservation_ww_class)
		trace_emit(&trace);
}

/* Entries as a table, whatever the word is; @room: for the fence of a word. How many. */
static uint32_t table_of(const struct dma_resv_snapshot *set, struct log_entry *room,
			 const struct log_entry **ret_table)
{
	*room = (struct log_entry){ 0 };
	*ret_table = room;
	if (word_is_log(set->word))
		*ret_table = word_log(set->word)->entry;
	else if (set->word)
		room->fence = word_fence(set->word);
	return set->length;
}

/*
 * How many fences of @new are not in @old. A newer set begins with what was carried over,
 * in its order; so one look at each entry tells.
 */
static int64_t count_new(const struct dma_resv_snapshot *old, const struct dma_resv_snapshot *new)
{
	const struct log_entry *old_table, *new_table;
	struct log_entry old_room, new_room;
	const uint32_t old_length = table_of(old, &old_room, &old_table);
	const uint32_t new_length = table_of(new, &new_room, &new_table);
	uint32_t carried = 0, empty = 0;

	for (uint32_t i = 0; i < old_length && carried < new_length; i++)
		carried += old_table[i].fence == new_table[carried].fence;
	/* The entries of dma_resv_fences_set() to nothing. */
	for (uint32_t i = carried; i < new_length; i++)
		empty += !new_table[i].fence;
	return (int64_t)new_length - carried - empty;
}

void commit_trace_listened(const struct dma_resv_fences *fences)
{
	const uintptr_t word = fences->word; /* the holder's */
	const struct dma_resv_snapshot new = set_staged(fences);
	const struct dma_resv_snapshot old = {
		.word = word,
		.length = word_is_log(word) ? load_relaxed(&word_log(word)->committed) : word != 0,
	};
	const struct dmabuf_trace trace = {
		.event = DMABUF_TRACE_RESV_COMMIT,
		.value = count_new(&old, &new),
		.resv = fences->obj,
	};

	if (trace.value)
		trace_emit(&trace);
}
