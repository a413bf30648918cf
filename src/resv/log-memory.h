/* SPDX-License-Identifier: MIT */
/*
 * Memory of logs. One that was never shown to others goes back to a stack of the thread's; one
 * that was comes back after a grace period (log-recycle.c), or goes to free() then.
 *
 * Sizes are powers of two from 128 bytes, which is room for six. All but the two smallest have an
 * index of contexts.
 */
#ifndef RESV_LOG_MEMORY_H
#define RESV_LOG_MEMORY_H

#include "os/fault.h"
#include "resv/log.h"

#define LOG_SMALLEST ((size_t)128)
#define LOG_SMALLEST_CAPACITY \
	((LOG_SMALLEST - sizeof(struct dma_resv_log)) / sizeof(struct log_entry))

/* More entries are searched by an index. */
#define LOG_LISTED_CAPACITY \
	((2 * LOG_SMALLEST - sizeof(struct dma_resv_log)) / sizeof(struct log_entry))

static inline bool log_is_indexed(const struct dma_resv_log *log)
{
	return log->capacity > LOG_LISTED_CAPACITY;
}

/*
 * The index of contexts: of the holder's alone. It is a hash table of the entries that have not
 * ended: what is next for an entry, then as many heads as the largest power of two that is no more
 * than the capacity. A number is an entry's and one; 0: none.
 */
static inline uint32_t *log_nexts(const struct dma_resv_log *log)
{
	return (uint32_t *)(uintptr_t)&log->entry[log->capacity];
}

static inline uint32_t *log_heads(const struct dma_resv_log *log)
{
	return log_nexts(log) + log->capacity;
}

static inline unsigned int log_heads_log2(uint32_t capacity)
{
	return 31 - (unsigned int)__builtin_clz(capacity);
}

/* Room for at least @capacity entries, empty, with one reference; or NULL. */
struct dma_resv_log *log_alloc(uint64_t capacity);

/* Nobody can reach it but readers in RCU sections, and it owns no fences. */
void log_free(struct dma_resv_log *log);

/* Keep it, and have it back after a grace period. False: it is not kept. */
bool log_recycle(struct dma_resv_log *log, unsigned int size_class);

/* Memory of one that came back, or NULL. */
struct dma_resv_log *log_recycled(unsigned int size_class);

/*
 * What is set aside: memory of some size, which is not touched. Most of it goes back unused, and to look
 * at it costs more than all the rest. Then it either becomes a log as log_alloc() gives it, or
 * goes back. One submission may set aside thousands at a time, so there is no limit to what a
 * thread keeps; but what no submission needed for a while goes. What one thread set aside another
 * may use or give back: who sets it aside for that says so, or would wait for it for ever.
 */

#define LOG_STACKS 6

struct log_stack {
	struct dma_resv_log **log;
	unsigned int count, room; /* those that are out have room, too */
	unsigned int out;	  /* set aside now */
	unsigned int most;	  /* of these, in this period */
	unsigned int submissions; /* in this period */
};

extern __thread struct log_stack log_stacks[LOG_STACKS]
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

struct dma_resv_log *log_set_aside_slowly(uint64_t capacity, uint32_t *ret_capacity);

/* Memory for at least @capacity entries, or NULL. */
static inline struct dma_resv_log *log_set_aside(uint64_t capacity, uint32_t *ret_capacity)
{
	struct log_stack *stack = &log_stacks[0];

	if (unlikely(capacity > LOG_SMALLEST_CAPACITY || !stack->count))
		return log_set_aside_slowly(capacity, ret_capacity);
	if (OS_FAULT()) /* fails in a test like what is not from a stack */
		return NULL;
	*ret_capacity = LOG_SMALLEST_CAPACITY;
	if (++stack->out > stack->most)
		stack->most = stack->out;
	return stack->log[--stack->count];
}

#define LOG_PERIOD 64 /* submissions: from none set aside to none set aside */

void log_end_period(struct log_stack *stack);

/* One is not set aside any more; none that is counted, if another thread has set it aside. */
static inline void log_note_in(struct log_stack *stack)
{
	if (stack->out && !--stack->out && unlikely(++stack->submissions == LOG_PERIOD))
		log_end_period(stack);
}

/* What was set aside last may stay so for long, or come back to another thread. */
void log_lend(uint32_t capacity);

void log_give_back_slowly(struct dma_resv_log *log, uint32_t capacity);

/* @capacity: what was told. */
static inline void log_give_back(struct dma_resv_log *log, uint32_t capacity)
{
	struct log_stack *stack = &log_stacks[0];

	if (unlikely(capacity > LOG_SMALLEST_CAPACITY || stack->count == stack->room)) {
		log_give_back_slowly(log, capacity);
		return;
	}
	stack->log[stack->count++] = log;
	log_note_in(stack);
}

void log_use(struct dma_resv_log *log, uint32_t capacity);

#endif
