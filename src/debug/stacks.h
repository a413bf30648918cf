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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACKS_MAX 65536
#define STACK_DEPTH 16

/*
 * On the declaration or the definition of a function of the debug layer that other layers or
 * users call: call stacks begin outside of it.
 */
#define NOT_IN_STACKS __attribute__((section("dmabuf_debug")))

/* Make the depot, before anybody saves; again is harmless. False: no memory; it is as if full. */
bool stacks_init(void);

/*
 * The number of this thread's call stack, from the outermost function on that called the
 * debug layer; at most STACK_DEPTH of it. The same stack has always the same number. 0: it is
 * not kept. Allocates nothing; from any thread, also in a forked child.
 */
uint32_t stack_save(void) NOT_IN_STACKS;

/*
 * Write the stack, a line each with @indent before it; one line for stack 0, too. @id comes,
 * in order, from who saved it. Returns the length, without the end; lines that have no room
 * are left out.
 */
size_t stack_print(uint32_t id, const char *indent, char *text, size_t size);

#endif
