/* SPDX-License-Identifier: MIT */
#include "resv/log.h"

#include <string.h>

#include "os/alloc.h"
#include "os/fault.h"
#include "os/report.h"
#include "os/thread.h"

/*
 * Memory. Sizes are powers of two from 128 bytes, which is room for six. All but the smallest
 * have an index of contexts, which only the holder uses: hash tables of entries that have not
 * ended, with as many heads as the largest power of two that is no more than the capacity.
 */

#define HEADER_SIZE sizeof(struct dma_resv_log)
#define ENTRY_SIZE (sizeof(struct dma_fence *) + 2 * sizeof(uint32_t))
#define INDEXED_SIZE (ENTRY_SIZE + 2 * sizeof(uint32_t))
#define SMALLEST 128
#define SMALLEST_CAPACITY ((SMALLEST - HEADER_SIZE) / ENTRY_SIZE)
#define CACHED_SIZES 6
#define CACHED_EACH 8

static __thread struct {
	struct dma_resv_log *unused;
	unsigned int count;
} cache[CACHED_SIZES] __attribute__((tls_model("initial-exec")));

static size_t capacity_of(unsigned int size_class)
{
	const size_t heads = (size_t)4 << size_class;

	if (!size_class)
		return SMALLEST_CAPACITY;
	return (((size_t)SMALLEST << size_class) - HEADER_SIZE - heads * sizeof(uint32_t)) /
	       INDEXED_SIZE;
}

static bool is_indexed(const struct dma_resv_log *log)
{
	return log->capacity > SMALLEST_CAPACITY;
}

static unsigned int heads_log2(const struct dma_resv_log *log)
{
	return 31 - (unsigned int)__builtin_clz(log->capacity);
}

static unsigned int class_of(const struct dma_resv_log *log)
{
	return is_indexed(log) ? heads_log2(log) - 2 : 0;
}

static unsigned int class_for(uint64_t capacity)
{
	unsigned int size_class = 0;

	while (capacity_of(size_class) < capacity)
		size_class++;
	return size_class;
}

static void empty_cache(void)
{
	for (unsigned int i = 0; i < CACHED_SIZES; i++) {
		while (cache[i].unused) {
			struct dma_resv_log *log = cache[i].unused;

			cache[i].unused = log->next_unused;
			os_free(log);
		}
		cache[i].count = 0;
	}
}

static struct os_exit_hook empty_at_exit = { .func = empty_cache };

static struct dma_resv_log *from_cache(unsigned int size_class)
{
	struct dma_resv_log *log = size_class < CACHED_SIZES ? cache[size_class].unused : NULL;

	if (!log)
		return NULL;
	cache[size_class].unused = log->next_unused;
	cache[size_class].count--;
	return log;
}

struct dma_resv_log *log_alloc(uint64_t capacity)
{
	struct dma_resv_log *log;
	unsigned int size_class;

	if (capacity > LOG_MAX_CAPACITY)
		return NULL;
	size_class = class_for(capacity);
	log = from_cache(size_class);
	if (log && OS_FAULT()) { /* fails in a test like what is not from the cache */
		log_free_unseen(log);
		return NULL;
	}
	if (!log)
		log = os_alloc_raw((size_t)SMALLEST << size_class);
	if (!log)
		return NULL;
	log->refs = 1;
	log->capacity = (uint32_t)capacity_of(size_class);
	log->committed = 0;
	log->hint = 0;
	log->length = 0;
	log->borrowed = 0;
	return log;
}

void log_free_unseen(struct dma_resv_log *log)
{
	unsigned int size_class;

	if (!log)
		return;
	size_class = class_of(log);
	if (size_class >= CACHED_SIZES || cache[size_class].count >= CACHED_EACH) {
		os_free(log);
		return;
	}
	if (!cache[size_class].count++)
		os_thread_enrol(&empty_at_exit);
	log->next_unused = cache[size_class].unused;
	cache[size_class].unused = log;
}

static void run_free(struct dmabuf_rcu_head *head)
{
	os_free(container_of(head, struct dma_resv_log, rcu));
}

void log_free(struct dma_resv_log *log)
{
	dmabuf_call_rcu(&log->rcu, run_free);
}

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
		dma_fence_put(log->fences[i]);
	log_free(log);
}

void log_own(struct dma_resv_log *log)
{
	for (uint32_t i = 0; i < log->borrowed; i++)
		dma_fence_get(log->fences[i]);
	log->borrowed = 0;
}

void word_put(uintptr_t word)
{
	if (word_is_log(word))
		log_put(word_log(word));
	else
		dma_fence_put(word_fence(word));
}

/*
 * Entries.
 */

/* How many entries are left at the nearest one before @length stronger than @usage. */
static uint32_t link_for(const uint32_t *tags, uint32_t length, uint32_t usage)
{
	/* Each step goes to a stronger category: three at most after the first. */
	while (length && (tags[length - 1] & TAG_USAGE) >= usage)
		length = tags[length - 1] >> TAG_LINK_SHIFT;
	return length;
}

/* Relaxed: the commit that shows the newer entry orders it. */
static void end_entry(uint32_t *ends, uint32_t i, uint32_t length)
{
	if (!ends[i])
		store_relaxed(&ends[i], length);
}

/* The newest entry begins its category anew. Before the last that did, all have ended. */
static void end_category(const struct dma_resv_log *log, uint32_t usage)
{
	const uint32_t *tags = log_tags(log);

	for (uint32_t left = log->length - 1; left;) {
		const uint32_t tag = tags[left - 1];

		if ((tag & TAG_USAGE) > usage) {
			left = tag >> TAG_LINK_SHIFT;
			continue;
		}
		left--;
		if ((tag & TAG_USAGE) == usage) {
			end_entry(log_ends(log), left, log->length);
			if (tag & TAG_CUT)
				return;
		}
	}
}

/* Does the newest entry, @fence with @usage, supersede entry @i? */
static bool supersedes(const struct dma_resv_log *log, struct dma_fence *fence, uint32_t usage,
		       uint32_t i)
{
	return fence_supersedes(fence, usage, log->fences[i], log_tags(log)[i] & TAG_USAGE);
}

static void end_older(const struct dma_resv_log *log, struct dma_fence *fence, uint32_t usage)
{
	uint32_t *ends = log_ends(log);

	for (uint32_t i = log->length - 1; i--;) {
		if (!ends[i] && log->fences[i] && supersedes(log, fence, usage, i))
			store_relaxed(&ends[i], log->length);
	}
}

/* By the index: what has ended leaves it, and the newest entry joins it. */
static void end_older_indexed(const struct dma_resv_log *log, struct dma_fence *fence, uint32_t usage)
{
	uint32_t *ends = log_ends(log), *contexts = ends + log->capacity;
	uint32_t *next = contexts + log->capacity, *heads = next + log->capacity;
	const uint32_t context = (uint32_t)fence->context, newest = log->length - 1;
	uint32_t *head = &heads[context * 2654435769U >> (32 - heads_log2(log))];

	for (uint32_t *link = head; *link;) {
		const uint32_t i = *link - 1;

		if (!ends[i] && contexts[i] == context && supersedes(log, fence, usage, i))
			store_relaxed(&ends[i], log->length);
		if (ends[i])
			*link = next[i];
		else
			link = &next[i];
	}
	contexts[newest] = context;
	next[newest] = *head;
	*head = log->length;
}

static void clear_index(struct dma_resv_log *log)
{
	uint32_t *heads = log_ends(log) + (size_t)3 * log->capacity;

	memset(heads, 0, sizeof(*heads) << heads_log2(log));
}

void log_append(struct dma_resv_log *log, struct dma_fence *fence, uint32_t usage_and_cut)
{
	const uint32_t i = log->length, usage = usage_and_cut & TAG_USAGE;
	uint32_t *tags = log_tags(log);

	dmabuf_check(i < log->capacity);
	if (!i && is_indexed(log))
		clear_index(log);
	log->fences[i] = fence; /* W1: plain, ordered by W2 or W3 */
	tags[i] = link_for(tags, i, usage) << TAG_LINK_SHIFT | usage_and_cut;
	log_ends(log)[i] = 0;
	log->length = i + 1;
	if (usage_and_cut & TAG_CUT)
		end_category(log, usage);
	if (!fence)
		return;
	if (is_indexed(log))
		end_older_indexed(log, fence, usage);
	else
		end_older(log, fence, usage);
}
