/* SPDX-License-Identifier: MIT */
/*
 * Looking at sets of fences.
 *
 *   committer, holding the lock (dma-resv-fences.c)    reader, in an RCU section
 *   W1  entries below the new length    plain          R1  word               acquire
 *   W2  log->committed = length         release        R2  log->committed     acquire
 *   W3  fences->word = log              release        R3  entries below it   plain
 *
 *   Growing a log in place ends with W2; a new log is published by W2, then W3. So
 *   R2 from W2, or R1 from W3, makes every entry below the length visible to R3, and
 *   entries below it are never written again.
 *
 *   A reader who wants to keep the set takes a reference between R1 and R2. That
 *   fails only if the word was replaced meanwhile: back to R1. A reader without a
 *   reference stays in its section, looks only at state words and at what is constant
 *   in a fence, and may find one that a newer set dropped; it was there when it began.
 *
 *   Hint: H1 is a walk over all entries that found each state word signalled
 *   (acquire), H2 raises the hint (release), H3 loads it (acquire). What the
 *   signallers wrote is visible after H3.
 */
#include "resv/set.h"

#include <errno.h>

#include "fence/array.h"
#include "os/fault.h"
#include "resv/backing.h"
#include "resv/ww-mutex-internal.h"

/*
 * References on sets.
 */

static inline __attribute__((always_inline)) bool
get_shown(struct dma_resv_fences *fences, struct dma_resv_snapshot *ret_set)
{
	uintptr_t word;
	uint32_t length;

	if (!load_acquire(&fences->word)) { /* R1: nothing to hold */
		*ret_set = (struct dma_resv_snapshot){ 0 };
		return false;
	}
	dmabuf_rcu_read_lock();
	for (;;) {
		word = load_acquire(&fences->word); /* R1 */
		OS_RACE_POINT("snapshot: before reference");
		if (!word) {
			length = 0;
			break;
		}
		if (!word_is_log(word)) {
			length = 1;
			if (dma_fence_get_rcu(word_fence(word)))
				break;
		} else if (log_get_unless_dead(word_log(word))) {
			length = load_acquire(&word_log(word)->committed); /* R2 */
			break;
		}
	}
	dmabuf_rcu_read_unlock();
	if (!length) { /* of a log that prune or copy left empty */
		word_put(word);
		word = 0;
	}
	*ret_set = (struct dma_resv_snapshot){ word, length };
	return length;
}

bool set_get_committed(struct dma_resv_fences *fences, struct dma_resv_snapshot *ret_set)
{
	resv_refresh(fences);
	return get_shown(fences, ret_set);
}

bool set_get_staged(struct dma_resv_fences *fences, struct dma_resv_snapshot *ret_set)
{
	*ret_set = set_staged(fences);
	if (!ret_set->length) {
		ret_set->word = 0; /* of a log that prune or copy left empty */
		return false;
	}
	if (!word_is_log(ret_set->word)) {
		dma_fence_get(word_fence(ret_set->word));
		return true;
	}
	/* The snapshot will outlive the word that the log borrows from. */
	log_own(word_log(ret_set->word));
	fetch_add_relaxed(&word_log(ret_set->word)->refs, 1); /* the holder has one */
	return true;
}

bool set_get(struct dma_resv *obj, struct dma_resv_snapshot *ret_set)
{
	return ww_is_mine(&obj->lock) ? set_get_staged(&obj->fences, ret_set)
				  : set_get_committed(&obj->fences, ret_set);
}

int64_t set_get_in_time(struct dma_resv *obj, struct dma_resv_snapshot *ret_set, int64_t timeout)
{
	int64_t left = timeout ? timeout : 1;

	if (unlikely(obj->fences.is_backed) && !ww_is_mine(&obj->lock)) {
		struct resv_backing *backing = resv_backing_of(&obj->fences);

		*ret_set = (struct dma_resv_snapshot){ 0 };
		left = backing->ops->refresh(backing, timeout);
		if (left)
			get_shown(&obj->fences, ret_set);
	} else {
		set_get(obj, ret_set);
	}
	return left;
}

/*
 * Walking, newest first.
 */

/*
 * To the next entry of the category asked for or stronger that is not superfluous, or NULL at the
 * end. cursor->index is then how many entries are before it.
 */
static struct dma_fence *next_in_log(struct dma_resv_snapshot_cursor *cursor)
{
	const struct dma_resv_log *log = word_log(cursor->set.word);

	while (cursor->index) {
		const struct log_entry *entry = &log->entry[cursor->index - 1];
		const uint32_t tag = entry->tag;

		if ((tag & TAG_USAGE) > cursor->usage) {
			cursor->index = tag >> TAG_LINK_SHIFT;
			continue;
		}
		cursor->index--;
		if (!entry->fence || log_is_superseded(log, cursor->index, cursor->set.length))
			continue;
		cursor->fence_usage = tag & TAG_USAGE;
		return entry->fence;
	}
	return NULL;
}

struct dma_fence *dma_resv_snapshot_first(struct dma_resv_snapshot_cursor *cursor,
					  const struct dma_resv_snapshot *snap,
					  enum dma_resv_usage usage)
{
	*cursor = (struct dma_resv_snapshot_cursor){
		.set = *snap,
		.index = snap->length,
		.usage = usage,
	};
	return dma_resv_snapshot_next(cursor);
}

struct dma_fence *dma_resv_snapshot_next(struct dma_resv_snapshot_cursor *cursor)
{
	if (!cursor->index)
		return NULL;
	if (word_is_log(cursor->set.word))
		return next_in_log(cursor);
	cursor->index = 0;
	cursor->fence_usage = word_usage(cursor->set.word);
	return cursor->fence_usage <= cursor->usage ? word_fence(cursor->set.word) : NULL;
}

uint32_t set_count_live_in_log(const struct dma_resv_snapshot *set)
{
	const struct dma_resv_log *log = word_log(set->word);
	uint32_t live = 0;

	for (uint32_t i = 0; i < set->length; i++)
		live += log->entry[i].fence && !log_is_superseded(log, i, set->length) &&
			!dma_fence_is_signaled(log->entry[i].fence);
	return live;
}

/*
 * Have they signalled?
 */

/*
 * H2. Another reader may have raised it further. The holder's own look may raise it
 * over entries that are not committed yet: they are never rewritten either.
 */
enum { CREEP = 8 };

static void raise_hint(struct dma_resv_log *log, uint32_t length)
{
	uint32_t hint = load_relaxed(&log->hint);

	OS_RACE_POINT("test: before the hint rises");
	while (hint < length && !cas_release(&log->hint, &hint, length))
		;
}

/* What entry @i says; DONE if it is not asked for. @ret_passed: it is superfluous, and not done. */
static enum fence_state peek_entry(const struct dma_resv_log *log, uint32_t i, uint32_t length,
				   enum dma_resv_usage usage, bool *ret_passed)
{
	struct dma_fence *fence = log->entry[i].fence;
	enum fence_state state;

	if (!fence || (log->entry[i].tag & TAG_USAGE) > usage)
		return FENCE_DONE;
	state = fence_peek(fence); /* H1 */
	/* Nobody waits for it any more, so a lazy one may never signal. */
	if (state != FENCE_DONE && log_is_superseded(log, i, length)) {
		*ret_passed = true;
		return FENCE_DONE;
	}
	return state;
}

/* Raise the hint over a few that are done, so that who asks again finds what is not. There are more. */
static void creep(struct dma_resv_log *log, uint32_t hint)
{
	const uint32_t end = hint + CREEP;
	uint32_t i = hint;

	while (i < end && (!log->entry[i].fence || fence_peek(log->entry[i].fence) == FENCE_DONE))
		i++;
	if (i > hint)
		raise_hint(log, i);
}

static enum fence_state peek_log(struct dma_resv_log *log, uint32_t length,
				 enum dma_resv_usage usage)
{
	bool passed = false, hopped = false;
	enum fence_state state;
	uint32_t hint, left;

	OS_RACE_POINT("test: before the hint");
	hint = load_acquire(&log->hint); /* H3 */
	if (hint < length) {
		state = peek_entry(log, hint, length, usage, &passed);
		if (state != FENCE_DONE)
			return state;
	}
	for (left = length; left > hint;) {
		const uint32_t tag = log->entry[left - 1].tag;

		if ((tag & TAG_USAGE) > usage) {
			left = tag >> TAG_LINK_SHIFT;
			hopped = true;
			continue;
		}
		state = peek_entry(log, --left, length, usage, &passed);
		if (state != FENCE_DONE) {
			if (length - left > CREEP)
				creep(log, hint);
			return state;
		}
	}
	/* What was passed over has not signalled, and others may hold an older set. */
	if (!hopped && !passed)
		raise_hint(log, length);
	return FENCE_DONE;
}

enum fence_state set_peek(const struct dma_resv_snapshot *set, enum dma_resv_usage usage)
{
	if (!set->length)
		return FENCE_DONE;
	if (word_is_log(set->word))
		return peek_log(word_log(set->word), set->length, usage);
	if (word_usage(set->word) > usage)
		return FENCE_DONE;
	return fence_peek(word_fence(set->word));
}

bool set_is_signaled(const struct dma_resv_snapshot *set, enum dma_resv_usage usage)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;

	dma_resv_snapshot_for_each(fence, &cursor, set, usage) {
		if (!dma_fence_is_signaled(fence))
			return false;
	}
	return true;
}

/*
 * Taking fences out.
 */

/* The one fence of a word, with the set's reference. */
static uint32_t take_only(struct dma_resv_snapshot *set, enum dma_resv_usage usage,
			  struct dma_fence **ret_fence)
{
	struct dma_fence *fence = word_fence(set->word);

	if (!set->length || word_usage(set->word) > usage || dma_fence_is_signaled(fence))
		return 0;
	*set = (struct dma_resv_snapshot){ 0 };
	*ret_fence = fence;
	return 1;
}

uint32_t set_gather(struct dma_resv_snapshot *set, enum dma_resv_usage usage,
		    struct dma_fence **table)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;
	uint32_t n = 0;

	if (!word_is_log(set->word))
		return take_only(set, usage, table);
	dma_resv_snapshot_for_each(fence, &cursor, set, usage) {
		if (!dma_fence_is_signaled(fence))
			table[n++] = fence_get(fence);
	}
	return n;
}

int set_singleton(struct dma_resv_snapshot *set, enum dma_resv_usage usage,
		  struct dma_fence **ret_fence)
{
	struct dma_fence_array *array;
	struct dma_fence *only;
	uint32_t n;

	if (set->length <= 1) {
		n = set_gather(set, usage, &only);
		*ret_fence = n ? only : NULL;
		return 0;
	}

	/* With references of its own: a window onto the log could end up inside it. */
	array = fence_array_alloc_for_all(set->length);
	if (!array)
		return -ENOMEM;
	n = set_gather(set, usage, array->fences);
	if (n > 1) {
		dma_fence_array_init(array, (int)n, array->fences, dma_fence_context_alloc(1), 1,
				     false);
		*ret_fence = &array->base;
		return 0;
	}
	*ret_fence = n ? array->fences[0] : NULL;
	dma_fence_array_free(array);
	return 0;
}
