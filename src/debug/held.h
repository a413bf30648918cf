/* SPDX-License-Identifier: MIT */
/* What lockdep knows of a thread, for the sources of this folder. */
#ifndef DEBUG_HELD_H
#define DEBUG_HELD_H

#include "debug/graph.h"
#include "debug/lockdep.h"

struct held {
	struct lockdep_lock lock;
	uint32_t stack; /* where it was taken, or 0 */
};

struct lockdep_thread {
	unsigned int sections;	/* signalling sections it is in: 0 or 1, since they nest as one */
	unsigned int callbacks; /* fences whose callbacks it runs */
	unsigned int releases;	/* objects that it is in the middle of ending */
	bool quiet;		/* inside a report: a handler is not checked */
	bool ends;		/* and held something when that began */
	const void *caller;	/* of this layer, now */
	struct graph_known known;
	unsigned int held_count;
	unsigned int room;
	struct held held[]; /* outermost first */
};

/* The calling thread's, if it has ever been checked. */
struct lockdep_thread *lockdep_current(void);

/* The calling thread's; NULL: it is not checked now. @caller: stacks begin where that is called. */
struct lockdep_thread *lockdep_enter_from(const void *caller);

/* The same for functions that others call from outside: stacks begin there. */
#define lockdep_enter() lockdep_enter_from(__builtin_return_address(0))

/* @lock is held from here on, and @self may have moved: where to; NULL: no memory. */
struct lockdep_thread *lockdep_push(struct lockdep_thread *self, const struct lockdep_lock *lock,
				    uint32_t stack);

/* Learn that @inner was needed while @outer was held, and report what that contradicts. */
void lockdep_learn(struct lockdep_thread *self, const struct lockdep_lock *outer,
		   const struct lockdep_lock *inner);

/* The notice that something is not watched. */
void lockdep_tell_full(void);

/* Learn and check what follows from @lock inside all that is held. */
void lockdep_check_order(struct lockdep_thread *self, const struct lockdep_lock *lock);

/* May the thread take a reservation lock where it is? If not, that was reported. */
bool lockdep_may_reserve(struct lockdep_thread *self);

/* Report @lock against what is held, once a place. */
void lockdep_report_pair(struct lockdep_thread *self, enum dmabuf_rule rule, const char *what,
			 const struct lockdep_lock *lock, const struct held *held);

#endif
