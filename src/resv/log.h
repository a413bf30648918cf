/* SPDX-License-Identifier: MIT */
/*
 * The log: an append-only table of fences with their categories; and the word that
 * stands for a set of fences: nothing, one fence with its category, or a log.
 *
 * Entries below `committed` never change, so a reader who has the log has a set. What is noted
 * later is which entry has made one superfluous: that is in the sets that have both.
 *
 * Who adds to the staged log counts in the container (fences->length), not here: readers
 * look at this line all the time. `length` is brought up to date when the log is shown, or
 * staged no more.
 *
 * References: a log owns one on each fence from `borrowed` to `length`. Entries
 * before that, in a log that is not published yet, were taken over from the
 * published word, which owns them until the commit moves them.
 */
#ifndef RESV_LOG_H
#define RESV_LOG_H

#include <dmabuf/dma-resv.h>

#include "fence/fence.h"
#include "os/atomic.h"

struct log_entry {
	struct dma_fence *fence; /* NULL: its category was emptied here */
	uint32_t tag;		 /* see below */
	uint32_t end;		 /* atomic, by the holder; see below */
};

struct dma_resv_log {
	uint32_t refs;	    /* atomic: one of the word, one of each snapshot */
	uint32_t capacity;  /* constant */
	uint32_t committed; /* atomic: entries that others may see; by the holder, only raised */
	uint32_t hint;	    /* atomic: entries before it have signalled; only raised */
	union {
		struct {
			uint32_t length;   /* holder, now and then: entries; then the last reference's */
			uint32_t borrowed; /* holder: entries whose references are elsewhere */
			struct dma_resv_log *older; /* holder: dropped before it; put at commit */
		};
		struct dmabuf_rcu_head rcu; /* after the last reference */
	};
	struct log_entry entry[]; /* capacity; then an index, see log.c */
};

/*
 * The tag of an entry: its category, whether older entries of that category end
 * here (set), and a link: how many entries are left at the nearest older one of a
 * stronger category. 0: there is none.
 */
#define TAG_USAGE 3u
#define TAG_CUT 4u
#define TAG_LINK_SHIFT 3
/* A larger link would not fit the tag; with 32-bit pointers, nor the size a size_t. */
#define LOG_MAX_CAPACITY (1u << (sizeof(void *) < 8 ? 25 : 27))

/*
 * The end of an entry: the length of the log from which on it is superfluous, as LIVE of
 * a context while it is not. So whoever looks for the context of a fence need not look at fences.
 */
#define END_LIVE ((uint32_t)1 << 31)

static inline uint32_t log_live_end(uint64_t context)
{
	return (uint32_t)context | END_LIVE;
}

/* Is entry @i superfluous in a set of @length? Relaxed: what belongs to the set came before it. */
static inline bool log_is_superseded(const struct dma_resv_log *log, uint32_t i, uint32_t length)
{
	return load_relaxed(&log->entry[i].end) <= length;
}

/* False: the last reference is gone. */
bool log_get_unless_dead(struct dma_resv_log *log);
void log_put(struct dma_resv_log *log);

/* Take references of its own on what it borrows. */
void log_own(struct dma_resv_log *log);

/*
 * Behind @length entries; takes over one reference on @fence. There is room. Entries end with
 * the new length, which it returns, that it supersedes, or cuts.
 */
uint32_t log_append(struct dma_resv_log *log, uint32_t length, struct dma_fence *fence,
		    uint32_t usage_and_cut);

/* The same for one of a set of which none supersedes another. The reference stays where it is. */
uint32_t log_carry(struct dma_resv_log *log, uint32_t length, struct dma_fence *fence,
		   uint32_t usage);

/* Does (@fence, @usage) make (@old, @old_usage) superfluous? */
static inline bool fence_supersedes(const struct dma_fence *fence, enum dma_resv_usage usage,
				    const struct dma_fence *old, enum dma_resv_usage old_usage)
{
	return fence->context == old->context && usage <= old_usage &&
	       fence_is_later_or_same(fence, old);
}

/*
 * The word.
 */

#define WORD_LOG ((uintptr_t)4)
#define WORD_USAGE ((uintptr_t)3)

static inline bool word_is_log(uintptr_t word)
{
	return word & WORD_LOG;
}

static inline struct dma_resv_log *word_log(uintptr_t word)
{
	return (struct dma_resv_log *)(word & ~WORD_LOG);
}

static inline struct dma_fence *word_fence(uintptr_t word)
{
	return (struct dma_fence *)(word & ~WORD_USAGE);
}

static inline enum dma_resv_usage word_usage(uintptr_t word)
{
	return (enum dma_resv_usage)(word & WORD_USAGE);
}

static inline uintptr_t word_of_log(const struct dma_resv_log *log)
{
	return (uintptr_t)log | WORD_LOG;
}

static inline uintptr_t word_of_fence(const struct dma_fence *fence, enum dma_resv_usage usage)
{
	return (uintptr_t)fence | (uintptr_t)usage;
}

/* Drops the reference that a word stands for. */
static inline void word_put(uintptr_t word)
{
	if (word_is_log(word))
		log_put(word_log(word));
	else if (word)
		fence_put(word_fence(word));
}

#endif
