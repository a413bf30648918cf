/* SPDX-License-Identifier: MIT */
/*
 * A set of fences: a word, and how many entries of its log belong to it. Snapshots
 * hold one; everything that looks at fences walks one.
 */
#ifndef RESV_SET_H
#define RESV_SET_H

#include "fence/fence.h"
#include "resv/log.h"

/* What others see, with a reference. False: nothing. */
bool set_get_committed(struct dma_resv_fences *fences, struct dma_resv_snapshot *ret_set);

/* What the holder sees, for it to use at once: no reference is taken. */
static inline struct dma_resv_snapshot set_staged(const struct dma_resv_fences *fences)
{
	const uintptr_t word = fences->staged;

	return (struct dma_resv_snapshot){
		.word = word,
		.length = word_is_log(word) ? fences->length : word != 0,
	};
}

/* What the holder sees, with a reference. False: nothing. */
bool set_get_staged(struct dma_resv_fences *fences, struct dma_resv_snapshot *ret_set);

/* Empty afterwards. */
static inline void set_put(struct dma_resv_snapshot *set)
{
	if (!set->word)
		return;
	word_put(set->word);
	*set = (struct dma_resv_snapshot){ 0 };
}

/* What the calling thread sees, with a reference. False: nothing. */
bool set_get(struct dma_resv *obj, struct dma_resv_snapshot *ret_set);

/* The same; what is left of @timeout, at least 1. 0: others have it, too, and it could not be seen in time. */
int64_t set_get_in_time(struct dma_resv *obj, struct dma_resv_snapshot *ret_set, int64_t timeout);

/* How many fences a walk over all of it would find that have not signalled. */
uint32_t set_count_live_in_log(const struct dma_resv_snapshot *set);
static inline uint32_t set_count_live(const struct dma_resv_snapshot *set)
{
	if (word_is_log(set->word))
		return set_count_live_in_log(set);
	return set->length && !dma_fence_is_signaled(word_fence(set->word));
}

/*
 * What the state words say about a set that no reference holds, or that the caller
 * holds. Anything but FENCE_ASK is final.
 */
enum fence_state set_peek(const struct dma_resv_snapshot *set, enum dma_resv_usage usage);

/* A set that the caller holds: have all of them signalled? Asks where one must. */
bool set_is_signaled(const struct dma_resv_snapshot *set, enum dma_resv_usage usage);

/*
 * References on what has not signalled; @table has room for set->length. How many. The one on the
 * fence of a word is the set's own: then @set is empty afterwards.
 */
uint32_t set_gather(struct dma_resv_snapshot *set, enum dma_resv_usage usage,
		    struct dma_fence **table);

/* All that has not signalled as one fence, or NULL for none. 0 or -ENOMEM. @set: as there. */
int set_singleton(struct dma_resv_snapshot *set, enum dma_resv_usage usage,
		  struct dma_fence **ret_fence);

#endif
