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

static unsigned int heads_log2(uint32_t capacity)
{
	return 31 - (unsigned int)__builtin_clz(capacity);
}

/* Of a capacity that is one of a size. */
static unsigned int class_of(uint32_t capacity)
{
	return capacity > SMALLEST_CAPACITY ? heads_log2(capacity) - 2 : 0;
}

static unsigned int class_for(uint64_t capacity)
{
	unsigned int size_class = 0;

	if (capacity <= SMALLEST_CAPACITY)
		return 0;
	while (capacity_of(size_class) < capacity)
		size_class++;
	return size_class;
}

/*
 * The cache: what this thread set aside and did not use, a stack a size. One submission may set
 * aside thousands at a time, so there is no limit; but what no submission needed for a while goes.
 */

#define CACHED_SIZES 6
#define KEPT 8	   /* whatever happens */
#define PERIOD 64  /* submissions: from none set aside to none set aside */
#define LEAVING 64 /* at the end of each period, at most */

struct stack {
	struct dma_resv_log **log;
	unsigned int count, room;
	unsigned int out;	  /* set aside now */
	unsigned int most;	  /* of these, in this period */
	unsigned int submissions; /* in this period */
};

static __thread struct stack cache[CACHED_SIZES] __attribute__((tls_model("initial-exec")));

static void shrink_to(struct stack *stack, unsigned int count)
{
	while (stack->count > count)
		os_free(stack->log[--stack->count]);
}

static void empty_cache(void)
{
	for (unsigned int i = 0; i < CACHED_SIZES; i++) {
		shrink_to(&cache[i], 0);
		if (cache[i].out)
			continue; /* to come back */
		os_free(cache[i].log);
		cache[i] = (struct stack){ 0 };
	}
}

static struct os_exit_hook empty_at_exit = { .func = empty_cache };

/* Room for one more that is out, so that to give back takes no memory. */
static bool make_room(struct stack *stack)
{
	const unsigned int room = stack->room ? 2 * stack->room : KEPT;
	struct dma_resv_log **larger;

	if (stack->count + stack->out < stack->room)
		return true;
	larger = os_alloc_raw(room * sizeof(struct dma_resv_log *));
	if (!larger)
		return false;
	if (stack->count)
		memcpy(larger, stack->log, stack->count * sizeof(struct dma_resv_log *));
	os_free(stack->log);
	os_thread_enrol(&empty_at_exit);
	stack->log = larger;
	stack->room = room;
	return true;
}

static struct dma_resv_log *pop(struct stack *stack)
{
	if (OS_FAULT()) /* fails in a test like what is not from the cache */
		return NULL;
	return stack->log[--stack->count];
}

static void end_period(struct stack *stack)
{
	const unsigned int needed = stack->most > KEPT ? stack->most : KEPT;
	const unsigned int needless = stack->count > needed ? stack->count - needed : 0;

	shrink_to(stack, stack->count - (needless < LEAVING ? needless : LEAVING));
	stack->most = 0;
	stack->submissions = 0;
}

/* One is not set aside any more. */
static void note_in(struct stack *stack)
{
	if (!--stack->out && unlikely(++stack->submissions == PERIOD))
		end_period(stack);
}

static bool is_cached(unsigned int size_class)
{
	return size_class < CACHED_SIZES && cache[size_class].count;
}

static struct dma_resv_log *get_memory(unsigned int size_class)
{
	return is_cached(size_class) ? pop(&cache[size_class])
				     : os_alloc_raw((size_t)SMALLEST << size_class);
}

struct dma_resv_log *log_set_aside(uint64_t capacity, uint32_t *ret_capacity)
{
	struct dma_resv_log *log;
	struct stack *stack;
	unsigned int size_class;

	if (capacity > LOG_MAX_CAPACITY)
		return NULL;
	size_class = class_for(capacity);
	*ret_capacity = (uint32_t)capacity_of(size_class);
	if (size_class >= CACHED_SIZES)
		return get_memory(size_class);
	stack = &cache[size_class];
	log = make_room(stack) ? get_memory(size_class) : NULL;
	if (log && ++stack->out > stack->most)
		stack->most = stack->out;
	return log;
}

void log_give_back(struct dma_resv_log *log, uint32_t capacity)
{
	const unsigned int size_class = class_of(capacity);
	struct stack *stack;

	if (size_class >= CACHED_SIZES) {
		os_free(log);
		return;
	}
	stack = &cache[size_class];
	stack->log[stack->count++] = log;
	note_in(stack);
}

static void init(struct dma_resv_log *log, unsigned int size_class)
{
	log->refs = 1;
	log->capacity = (uint32_t)capacity_of(size_class);
	log->committed = 0;
	log->hint = 0;
	log->length = 0;
	log->borrowed = 0;
}

void log_use(struct dma_resv_log *log, uint32_t capacity)
{
	const unsigned int size_class = class_of(capacity);

	if (size_class < CACHED_SIZES)
		note_in(&cache[size_class]);
	init(log, size_class);
}

struct dma_resv_log *log_alloc(uint64_t capacity)
{
	struct dma_resv_log *log;
	unsigned int size_class;

	if (capacity > LOG_MAX_CAPACITY)
		return NULL;
	size_class = class_for(capacity);
	log = get_memory(size_class);
	if (log)
		init(log, size_class);
	return log;
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
static void end_entry(const struct dma_resv_log *log, uint32_t i)
{
	uint32_t *end = &log_ends(log)[i];

	if (!*end)
		store_relaxed(end, log->length);
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
			end_entry(log, left);
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
	uint32_t *head = &heads[context * 2654435769U >> (32 - heads_log2(log->capacity))];

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

	memset(heads, 0, sizeof(*heads) << heads_log2(log->capacity));
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
