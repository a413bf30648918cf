/* SPDX-License-Identifier: MIT */
/*
 * Stacks lie one behind the other, so that only as much memory is touched as is needed. An
 * index finds them by hash: open addressing in twice the room, so that each search ends at
 * an empty place. Nothing is ever taken out.
 *
 *   saver                                        another, or who prints
 *   S1  index[i] is 0           acquire          R1  id = index[i], not 0    acquire
 *   S2  stack[id], still its own                 R2  stack[id]
 *   S3  index[i] = id, if 0     cas, acq_rel
 *
 *   R1 from S3: all of S2 is visible to R2, and nobody writes there again.
 *   S3 finds another's: then S1 again, so that equal stacks have one place.
 *
 * A saver waits for nobody, so a fork may leave others in the middle.
 */
#include "debug/stacks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "os/atomic.h"
#include "os/backtrace.h"
#include "os/fault.h"
#include "os/pages.h"

#define INDEX_SIZE (2 * STACKS_MAX)
#define LINE_SIZE 256

struct stack {
	uint32_t hash;
	uint32_t depth;
	void *frames[STACK_DEPTH]; /* NULL from @depth on */
};

struct depot {
	uint32_t used; /* atomic; more than STACKS_MAX: full */
	uint32_t index[INDEX_SIZE]; /* atomic; 0: empty */
	struct stack stacks[STACKS_MAX + 1]; /* 0 is nobody's */
};

static struct depot *depot; /* constant after init */

/* A place that this thread took, and then somebody else had saved its stack. */
static __thread uint32_t spare __attribute__((tls_model("initial-exec")));

int stacks_init(void)
{
	if (depot)
		return 0;
	depot = os_pages_reserve(sizeof(*depot));
	if (!depot)
		return -ENOMEM;
	os_backtrace_init();
	return 0;
}

static uint32_t hash(const struct stack *stack)
{
	uint64_t sum = stack->depth;

	for (uint32_t i = 0; i < stack->depth; i++)
		sum = (sum ^ (uintptr_t)stack->frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(sum >> 32);
}

static bool same(const struct stack *a, const struct stack *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* The number of a place with nothing in it, 0 if there is none. */
static uint32_t take_place(void)
{
	uint32_t id = spare;

	spare = 0;
	/* Looked at first, so that it does not count up for ever. Numbers only: relaxed. */
	if (!id && load_relaxed(&depot->used) < STACKS_MAX)
		id = fetch_add_relaxed(&depot->used, 1) + 1;
	return id <= STACKS_MAX ? id : 0;
}

/* The number of this stack, after it was put in if need be. */
static uint32_t keep(const struct stack *stack)
{
	uint32_t *const index = depot->index;
	uint32_t i = stack->hash % INDEX_SIZE, mine = 0;

	for (;;) {
		uint32_t id = load_acquire(&index[i]); /* S1, R1 */

		if (!id && !mine) {
			mine = take_place();
			if (!mine)
				return 0;
			depot->stacks[mine] = *stack; /* S2 */
			OS_RACE_POINT("stacks: before it shows");
		}
		if (!id && cas_acq_rel(&index[i], &id, mine)) /* S3 */
			return mine;
		if (same(&depot->stacks[id], stack)) { /* R2 */
			spare = mine ? mine : spare;
			return id;
		}
		i = (i + 1) % INDEX_SIZE;
	}
}

uint32_t stack_save_from(const void *caller)
{
	struct stack stack = { .depth = 0 };

	if (depot)
		stack.depth = os_backtrace_from(caller, stack.frames, STACK_DEPTH);
	if (!stack.depth)
		return 0;
	stack.hash = hash(&stack);
	return keep(&stack);
}

size_t stack_print(uint32_t id, const char *indent, char *text, size_t size)
{
	const struct stack *stack = id ? &depot->stacks[id] : NULL;
	size_t length = 0;

	if (size)
		text[0] = '\0';
	for (uint32_t i = 0; i < (stack ? stack->depth : 1); i++) {
		char symbol[LINE_SIZE] = "(this call stack was not kept)";
		size_t more;

		if (stack)
			os_symbol(stack->frames[i], symbol, sizeof(symbol));
		more = strlen(indent) + strlen(symbol) + 1;
		if (more >= size - length)
			break;
		snprintf(text + length, size - length, "%s%s\n", indent, symbol);
		length += more;
	}
	return length;
}
