/* SPDX-License-Identifier: MIT */
#include "resv/log.h"

#include "os/fault.h"
#include "os/report.h"
#include "resv/log-memory.h"

/*
 * References.
 */

bool log_get_unless_dead(struct dma_resv_log *log)
{
	uint32_t refs = load_acquire(&log->refs); /* dead: so the word is another one */

	do {
		if (!refs)
			return false;
		OS_RACE_POINT("log: before reference");
	} while (!cas_acquire(&log->refs, &refs, refs + 1));
	return true;
}

void log_put(struct dma_resv_log *log)
{
	const uint32_t refs = fetch_sub_acq_rel(&log->refs, 1);

	dmabuf_bug_on(!refs, "a snapshot of a reservation was put twice: put it once");
	if (refs != 1)
		return;
	for (uint32_t i = log->borrowed; i < log->length; i++)
		dma_fence_put(log->entry[i].fence);
	log_free(log);
}

void log_own(struct dma_resv_log *log)
{
	for (uint32_t i = 0; i < log->borrowed; i++)
		dma_fence_get(log->entry[i].fence);
	log->borrowed = 0;
}

/*
 * The index.
 */

static uint32_t *head_for(const struct dma_resv_log *log, uint64_t context)
{
	return &log_heads(log)[(uint32_t)context * 2654435769U >> (32 - log_heads_log2(log->capacity))];
}

static void join(const struct dma_resv_log *log, uint32_t *head, uint32_t i)
{
	log_nexts(log)[i] = *head;
	*head = i + 1;
}

/*
 * Entries.
 */

/* How many entries are left at the nearest one before @length stronger than @usage. */
static uint32_t link_for(const struct dma_resv_log *log, uint32_t length, uint32_t usage)
{
	/* Each step goes to a stronger category: three at most after the first. */
	while (length && (log->entry[length - 1].tag & TAG_USAGE) >= usage)
		length = log->entry[length - 1].tag >> TAG_LINK_SHIFT;
	return length;
}

/* Relaxed: the commit that shows the newer entry orders it. */
static void end_entry(struct log_entry *entry, uint32_t length)
{
	if (entry->end & END_LIVE)
		store_relaxed(&entry->end, length);
}

/* The entry at @newest begins its category anew. Before the last that did, all have ended. */
static __attribute__((noinline)) void end_category(struct dma_resv_log *log, uint32_t newest,
						   uint32_t usage)
{
	for (uint32_t left = newest; left;) {
		const uint32_t tag = log->entry[left - 1].tag;

		if ((tag & TAG_USAGE) > usage) {
			left = tag >> TAG_LINK_SHIFT;
			continue;
		}
		left--;
		if ((tag & TAG_USAGE) == usage) {
			end_entry(&log->entry[left], newest + 1);
			if (tag & TAG_CUT)
				return;
		}
	}
}

/* Does @fence with @usage, the newest, end @old? @live: of its context. */
static bool ends(struct dma_fence *fence, uint32_t usage, uint32_t live, const struct log_entry *old)
{
	return old->end == live && old->fence &&
	       fence_supersedes(fence, usage, old->fence, old->tag & TAG_USAGE);
}

/* The entry at @newest, @fence with @usage, ends what it supersedes. */
static void end_older(struct dma_resv_log *log, uint32_t newest, struct dma_fence *fence,
		      uint32_t usage)
{
	const uint32_t live = log_live_end(fence->context);

	for (struct log_entry *old = log->entry; old < &log->entry[newest]; old++) {
		if (ends(fence, usage, live, old))
			store_relaxed(&old->end, newest + 1);
	}
}

/* By the index: what has ended leaves it, and the newest entry joins it. */
static void end_older_indexed(struct dma_resv_log *log, uint32_t newest, struct dma_fence *fence,
			      uint32_t usage)
{
	const uint32_t live = log_live_end(fence->context);
	uint32_t *const head = head_for(log, fence->context), *const nexts = log_nexts(log);

	for (uint32_t *link = head; *link;) {
		struct log_entry *old = &log->entry[*link - 1];
		uint32_t *next = &nexts[*link - 1];

		if (ends(fence, usage, live, old))
			store_relaxed(&old->end, newest + 1);
		if (old->end & END_LIVE)
			link = next;
		else
			*link = *next;
	}
	join(log, head, newest);
}

static inline void put_entry(struct dma_resv_log *log, uint32_t i, struct dma_fence *fence,
			     uint32_t usage_and_cut)
{
	const uint32_t left = link_for(log, i, usage_and_cut & TAG_USAGE);

	dmabuf_check(i < log->capacity);
	/* W1: plain, ordered by W2 or W3 */
	log->entry[i] = (struct log_entry){
		.fence = fence,
		.tag = left << TAG_LINK_SHIFT | usage_and_cut,
		.end = log_live_end(fence ? fence->context : 0),
	};
}

uint32_t log_append(struct dma_resv_log *log, uint32_t length, struct dma_fence *fence,
		    uint32_t usage_and_cut)
{
	const uint32_t usage = usage_and_cut & TAG_USAGE;

	put_entry(log, length, fence, usage_and_cut);
	if (usage_and_cut & TAG_CUT)
		end_category(log, length, usage);
	if (fence && log_is_indexed(log))
		end_older_indexed(log, length, fence, usage);
	else if (fence)
		end_older(log, length, fence, usage);
	return length + 1;
}

uint32_t log_carry(struct dma_resv_log *log, uint32_t length, struct dma_fence *fence, uint32_t usage)
{
	put_entry(log, length, fence, usage);
	if (log_is_indexed(log))
		join(log, head_for(log, fence->context), length);
	return length + 1;
}
