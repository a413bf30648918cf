/* SPDX-License-Identifier: MIT */
/*
 * A depot of call stacks: each that was saved is kept once, for good, and is known by a small
 * number. For reports that show how a lock was taken long ago.
 *
 * There is room for STACKS_MAX. Once it is full, stacks that it has still get their numbers,
 * and all others get 0: reports go on, without those stacks.
 */
#ifndef DEBUG_STACKS_H
#define DEBUG_STACKS_H

#include <stddef.h>
#include <stdint.h>

#define STACKS_MAX 65536
#define STACK_DEPTH 24

/*
 * Make the depot, before anybody saves; again is harmless. 0 or -ENOMEM: then there is none,
 * as if it were full.
 */
int stacks_init(void);

/*
 * The number of this thread's call stack, from the call on that returns to @caller, which is
 * what the debug layer was called from; at most STACK_DEPTH of it. The same stack has always
 * the same number. 0: it is not kept. Allocates nothing; any thread, also in a forked child.
 */
uint32_t stack_save_from(const void *caller);

/* The same without the function that saves. */
#define stack_save() stack_save_from(__builtin_return_address(0))

/*
 * Write the stack, a line each with @indent before it; one line for stack 0, too. @id comes,
 * in order, from who saved it. Returns the length, without the end; lines that have no room
 * are left out.
 */
size_t stack_print(uint32_t id, const char *indent, char *text, size_t size);

#endif
