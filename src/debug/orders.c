/* SPDX-License-Identifier: MIT */
/* What is taken inside of what: which of it is learnt, of what, and what a cycle says. */
#include "debug/held.h"

#include <stdio.h>

#include "debug/graph.h"

/*
 * Is it of many for which one rule holds? Of a ww_mutex, or of a program's lock: fences and
 * timelines are told apart one by one.
 */
static bool is_of_class(const struct lockdep_lock *lock)
{
	return !(lock->flags & DMABUF_LOCK_BY_OBJECT);
}

static bool is_of_fence(const struct lockdep_lock *lock)
{
	return lock->kind != LOCKDEP_WW && lock->kind != LOCKDEP_USER && lock->kind != LOCKDEP_SECTION;
}

/* What stands for @lock in the graph; @alone: for it, and not for all of its class. */
static struct graph_node node_for(const struct lockdep_lock *lock, bool alone)
{
	const bool one = lock->kind != LOCKDEP_SECTION && (alone || !is_of_class(lock));

	return (struct graph_node){
		.lock_class = lock->lock_class,
		.object = one ? (uintptr_t)lock->object : lock->level,
		.name = lock->name,
		.is_of_fence = is_of_fence(lock),
		.is_completion = lock->kind == LOCKDEP_COMPLETION ||
				 lock->kind == LOCKDEP_CALLBACK || lock->kind == LOCKDEP_SECTION,
	};
}

/* Has a fence to do with @lock alone? */
static bool is_known_alone(const struct lockdep_lock *lock)
{
	return is_of_class(lock) && graph_knows(lock->lock_class, (uintptr_t)lock->object);
}

/*
 * Which are taken inside which is learnt. Not: where a rule forbids the reverse as such
 * (reservations and waits in callbacks and sections), and where the library's own order is
 * the same for all objects, as of a timeline and its points.
 */
static bool makes_edge(const struct lockdep_lock *outer, const struct lockdep_lock *inner)
{
	const unsigned int user = 1 << LOCKDEP_USER, ww = 1 << LOCKDEP_WW,
			   timeline = 1 << LOCKDEP_TIMELINE, fence = 1 << LOCKDEP_FENCE,
			   completion = 1 << LOCKDEP_COMPLETION, section = 1 << LOCKDEP_SECTION;
	static const unsigned int inners[] = {
		[LOCKDEP_USER] = user | ww | timeline | fence | completion | section,
		[LOCKDEP_WW] = user | ww | timeline | completion,
		[LOCKDEP_TIMELINE] = user | timeline | fence,
		[LOCKDEP_FENCE] = user | timeline,
		[LOCKDEP_COMPLETION] = user | ww | completion,
		[LOCKDEP_CALLBACK] = user,
		[LOCKDEP_SECTION] = user,
	};

	if (outer->kind == LOCKDEP_TIMELINE && outer->context == inner->context)
		return false;
	return inners[outer->kind] & 1U << inner->kind;
}

/* Which of its class, if it is one, or of which level. */
static void describe(uintptr_t object, char *ret_text, size_t size)
{
	if (object >= GRAPH_LEVELS)
		snprintf(ret_text, size, " (%#lx)", (unsigned long)object);
	else if (object)
		snprintf(ret_text, size, " (level %lu)", (unsigned long)object);
	else
		ret_text[0] = '\0';
}

static void report_step(struct report *report, const char *when, const struct graph_step *step)
{
	char from[32], to[32];

	describe(step->from_object, from, sizeof(from));
	describe(step->to_object, to, sizeof(to));
	report_line(report, "%s: %s%s needed while %s%s is held:", when, step->to, to, step->from,
		    from);
	report_stack(report, step->stack);
}

/* Each fence or mutex has nodes of its own, and so cycles: one of them is told for all. */
static bool is_new(enum dmabuf_rule rule, const struct graph_cycle *cycle)
{
	const struct graph_step *now = &cycle->step[0], *before = &cycle->step[1];
	bool is_new_place;

	if (now->from_object < GRAPH_LEVELS && now->to_object < GRAPH_LEVELS)
		return true;
	is_new_place = report_is_new(rule, now->stack);
	return report_is_new(rule, before->stack) || is_new_place;
}

static __attribute__((noinline)) void report_cycle(const struct graph_cycle *cycle)
{
	static const char *const what[] = {
		[DMABUF_RULE_ORDER] = "locks are taken in orders that contradict each other",
		[DMABUF_RULE_SIGNAL] = "a fence's signal needs a lock that a waiter for it holds",
		[DMABUF_RULE_OWN] = "fences wait for each other",
	};
	const enum dmabuf_rule rule = !cycle->has_completion ? DMABUF_RULE_ORDER
				      : cycle->has_lock	     ? DMABUF_RULE_SIGNAL
							     : DMABUF_RULE_OWN;
	struct report report;

	if (!is_new(rule, cycle))
		return;
	report_begin(&report, rule, "%s: a cycle of %u", what[rule], cycle->length);
	for (unsigned int i = 0; i < cycle->steps; i++)
		report_step(&report, i ? "before" : "now", &cycle->step[i]);
	report_send(&report);
}

/* @alone: as node_for() has it. A cycle of nothing but locks was told by their classes then. */
static void learn_edge(struct lockdep_thread *self, const struct lockdep_lock *outer,
		       const struct lockdep_lock *inner, bool alone)
{
	const struct graph_node from = node_for(outer, alone), to = node_for(inner, alone);
	struct graph_cycle cycle;

	if (from.lock_class == to.lock_class && from.object == to.object)
		return;
	if (graph_add(&self->known, &from, &to, self->caller, &cycle) &&
	    (!alone || cycle.has_fence))
		report_cycle(&cycle);
	if (graph_overflowed())
		lockdep_tell_full();
}

/*
 * Each fence has waiters, callbacks and signallers of its own, so what has to do with it concerns
 * one lock, and not all of a class. The order of such a lock among others is learnt twice.
 */
void lockdep_learn(struct lockdep_thread *self, const struct lockdep_lock *outer,
		   const struct lockdep_lock *inner)
{
	if (!makes_edge(outer, inner))
		return;
	if (is_of_fence(outer) || is_of_fence(inner)) {
		learn_edge(self, outer, inner, true);
		return;
	}
	learn_edge(self, outer, inner, false);
	if (outer->lock_class != inner->lock_class && outer->kind != LOCKDEP_SECTION &&
	    inner->kind != LOCKDEP_SECTION && (is_known_alone(outer) || is_known_alone(inner)))
		learn_edge(self, outer, inner, true);
}
