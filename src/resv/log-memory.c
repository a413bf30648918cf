/* SPDX-License-Identifier: MIT */
#include "resv/log-memory.h"

#include <string.h>

#include "os/alloc.h"
#include "os/thread.h"

/* With an index: its heads, and for each entry what is next. */
static size_t capacity_of(unsigned int size_class)
{
	const size_t heads = (size_t)4 << size_class;
	const size_t room = (LOG_SMALLEST << size_class) - sizeof(struct dma_resv_log);

	if (size_class <= 1)
		return size_class ? LOG_LISTED_CAPACITY : LOG_SMALLEST_CAPACITY;
	return (room - heads * sizeof(uint32_t)) / (sizeof(struct log_entry) + sizeof(uint32_t));
}

/* Of a capacity that is one of a size. */
static unsigned int class_of(uint32_t capacity)
{
	if (capacity <= LOG_LISTED_CAPACITY)
		return capacity > LOG_SMALLEST_CAPACITY;
	return log_heads_log2(capacity) - 2;
}

#define NO_CLASS 31

static unsigned int class_for(uint64_t capacity)
{
	unsigned int size_class = 0;

	if (capacity <= LOG_SMALLEST_CAPACITY)
		return 0;
	if (capacity > LOG_MAX_CAPACITY)
		return NO_CLASS;
	while (capacity_of(size_class) < capacity)
		size_class++;
	return size_class;
}

/*
 * The stacks.
 */

#define KEPT 8	   /* whatever happens */
#define LEAVING 4 /* at the end of each period, at most: so that it costs little */

__thread struct log_stack log_stacks[LOG_STACKS] __attribute__((tls_model("initial-exec")));

/* NULL: of that size nothing is kept. */
static struct log_stack *stack_of(unsigned int size_class)
{
	return size_class < LOG_STACKS ? &log_stacks[size_class] : NULL;
}

static void shrink_to(struct log_stack *stack, unsigned int count)
{
	while (stack->count > count)
		os_free(stack->log[--stack->count]);
}

/* What is out may come back to where there is no room any more. */
static void empty_stacks(void)
{
	for (unsigned int i = 0; i < LOG_STACKS; i++) {
		shrink_to(&log_stacks[i], 0);
		os_free(log_stacks[i].log);
		log_stacks[i] = (struct log_stack){ 0 };
	}
}

static struct os_exit_hook empty_at_exit = { .func = empty_stacks };

/* Room for one more that is out, so that to give back takes no memory. There is none to pop. */
static bool make_room(struct log_stack *stack)
{
	const unsigned int room = stack->room ? 2 * stack->room : KEPT;
	struct dma_resv_log **larger;

	if (stack->out < stack->room)
		return true;
	larger = os_alloc_raw(room * sizeof(struct dma_resv_log *));
	if (!larger)
		return false;
	os_free(stack->log);
	os_thread_enrol(&empty_at_exit);
	stack->log = larger;
	stack->room = room;
	return true;
}

void log_end_period(struct log_stack *stack)
{
	const unsigned int needed = stack->most > KEPT ? stack->most : KEPT;
	const unsigned int needless = stack->count > needed ? stack->count - needed : 0;

	shrink_to(stack, stack->count - (needless < LEAVING ? needless : LEAVING));
	stack->most = 0;
	stack->submissions = 0;
}

static struct dma_resv_log *get_memory(unsigned int size_class)
{
	struct log_stack *stack = stack_of(size_class);
	struct dma_resv_log *log;

	if (size_class == NO_CLASS || OS_FAULT()) /* wherever it is from, it fails alike in a test */
		return NULL;
	if (stack && stack->count)
		return stack->log[--stack->count];
	log = log_recycled(size_class);
	return log ? log : os_alloc_quietly(LOG_SMALLEST << size_class);
}

struct dma_resv_log *log_set_aside_slowly(uint64_t capacity, uint32_t *ret_capacity)
{
	const unsigned int size_class = class_for(capacity);
	struct log_stack *stack = stack_of(size_class);
	struct dma_resv_log *log;

	if (stack && !stack->count && !make_room(stack))
		return NULL;
	log = get_memory(size_class);
	if (!log)
		return NULL;
	*ret_capacity = (uint32_t)capacity_of(size_class);
	if (stack && ++stack->out > stack->most)
		stack->most = stack->out;
	return log;
}

void log_lend(uint32_t capacity)
{
	struct log_stack *stack = stack_of(class_of(capacity));

	if (stack)
		log_note_in(stack);
}

void log_give_back_slowly(struct dma_resv_log *log, uint32_t capacity)
{
	struct log_stack *stack = stack_of(class_of(capacity));

	if (!stack || stack->count == stack->room) {
		os_free(log);
		return;
	}
	stack->log[stack->count++] = log;
	log_note_in(stack);
}

/*
 * Logs.
 */

static void init(struct dma_resv_log *log, uint32_t capacity)
{
	log->refs = 1;
	log->capacity = capacity;
	log->committed = 0;
	log->hint = 0;
	log->length = 0;
	log->borrowed = 0;
	if (log_is_indexed(log))
		memset(log_heads(log), 0, sizeof(uint32_t) << log_heads_log2(capacity));
}

void log_use(struct dma_resv_log *log, uint32_t capacity)
{
	struct log_stack *stack = stack_of(class_of(capacity));

	if (stack)
		log_note_in(stack);
	init(log, capacity);
}

struct dma_resv_log *log_alloc(uint64_t capacity)
{
	const unsigned int size_class = class_for(capacity);
	struct dma_resv_log *log = get_memory(size_class);

	if (log)
		init(log, (uint32_t)capacity_of(size_class));
	return log;
}

static void run_free(struct dmabuf_rcu_head *head)
{
	os_free(container_of(head, struct dma_resv_log, rcu));
}

void log_free(struct dma_resv_log *log)
{
	if (!log_recycle(log, class_of(log->capacity)))
		dmabuf_call_rcu(&log->rcu, run_free);
}
