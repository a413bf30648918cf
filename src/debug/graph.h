/* SPDX-License-Identifier: MIT */
/*
 * The graph of what was taken while what was held: an edge from the one held to the one
 * taken, for ever, or until one of them is forgotten. A new edge that closes a cycle is a
 * deadlock that can happen.
 */
#ifndef DEBUG_GRAPH_H
#define DEBUG_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

/* What the rules tell apart: a class of locks, or one lock of a class, or one fence. */
struct graph_node {
	const void *lock_class; /* by address, never NULL */
	uintptr_t object;	/* which one; or a level below GRAPH_LEVELS: all of the class */
	const char *name;	/* copied, where the node is new */
	bool is_of_fence;	/* has to do with one fence or timeline */
	bool is_completion;	/* no lock, but that a fence signals */
};

enum { GRAPH_NAME_LEN = 32, GRAPH_CYCLE_MAX = 8, GRAPH_LEVELS = 8 };

/* One step of a cycle: @to was taken at @stack, while @from was held. */
struct graph_step {
	char from[GRAPH_NAME_LEN];
	char to[GRAPH_NAME_LEN];
	uintptr_t from_object;
	uintptr_t to_object;
	uint32_t stack;
};

struct graph_cycle {
	unsigned int length; /* of the cycle */
	unsigned int steps;  /* shown: the new edge, then those that it closes the cycle with */
	bool has_lock;
	bool has_completion;
	bool has_fence; /* any that is_of_fence */
	struct graph_step step[GRAPH_CYCLE_MAX];
};

/* The edges that a thread added last, by hash. Zeroed by who has it; one thread's alone. */
struct graph_known {
	uint64_t edges[256];
	uint32_t removals;
	uint32_t thread; /* no other thread has this number, nor had */
};

/* False: no memory. Until then nothing is learnt. */
bool graph_init(void);

/*
 * Learn that @to was taken while @from was held, in @caller (stack_save_from()). True:
 * that is new, and closes a cycle, which is in @ret_cycle.
 */
bool graph_add(struct graph_known *known, const struct graph_node *from,
	       const struct graph_node *to, const void *caller, struct graph_cycle *ret_cycle);

/* Is there a node of this class for @object? A hint: what comes and goes may be missed. */
bool graph_knows(const void *lock_class, uintptr_t object);

/* @object has gone: all its nodes, of any class. */
void graph_forget(uintptr_t object);

/* A class has gone, and so have its objects. */
void graph_forget_class(const void *lock_class);

/* True once: something could not be learnt, since the tables are full. */
bool graph_overflowed(void);

#endif
