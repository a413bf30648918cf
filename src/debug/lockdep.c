/* SPDX-License-Identifier: MIT */
/*
 * What a thread holds, as a stack, and what is checked when it takes more. What is learnt from
 * that is in orders.c; what the thread may not do where it is, such as sleep, in sections.c.
 *
 * Everything here belongs to one thread, except for the graph and the places.
 */
#include "debug/held.h"

#include <string.h>

#include "debug/graph.h"
#include "debug/places.h"
#include "debug/stacks.h"
#include "os/pages.h"
#include "os/thread.h"

enum { FIRST_ROOM = 64 };

static __thread struct lockdep_thread *lockdep_self __attribute__((tls_model("initial-exec")));

static size_t size_for(unsigned int room)
{
	return sizeof(struct lockdep_thread) + room * sizeof(struct held);
}

static void thread_ends(void);

static struct os_exit_hook at_exit = { .func = thread_ends };

/* What is held still may be dropped by destructors of others, which run before the next round. */
static void thread_ends(void)
{
	struct lockdep_thread *self = lockdep_self;

	if (!self)
		return;
	if (self->held_count && !self->ends) {
		self->ends = true;
		os_thread_enrol(&at_exit);
		return;
	}
	lockdep_self = NULL;
	os_pages_release(self, size_for(self->room));
}

static bool memory_refused; /* atomic */

__attribute__((noinline)) void lockdep_tell_full(void)
{
	struct report report;

	report_begin(&report, DMABUF_RULE_FULL, "some locks or orders are not watched: no room left");
	report_send(&report);
}

static void tell_refused(void)
{
	if (!__atomic_exchange_n(&memory_refused, true, __ATOMIC_RELAXED)) /* a note, nothing else */
		lockdep_tell_full();
}

/* A larger one, with all that is in @self, if that is not NULL. */
static struct lockdep_thread *grow(struct lockdep_thread *self)
{
	static uint32_t threads; /* atomic */
	const unsigned int room = self ? 2 * self->room : FIRST_ROOM;
	struct lockdep_thread *larger = os_pages_reserve(size_for(room));

	if (!larger) {
		tell_refused();
		return NULL;
	}
	if (self) {
		memcpy(larger, self, size_for(self->held_count));
		os_pages_release(self, size_for(self->room));
	} else {
		larger->known.thread = fetch_add_relaxed(&threads, 1) + 1; /* a number, nothing else */
		os_thread_enrol(&at_exit);
	}
	larger->room = room;
	lockdep_self = larger;
	return larger;
}

struct lockdep_thread *lockdep_current(void)
{
	return lockdep_self;
}

/* NULL: no memory. What the thread holds is not known then, and what it does is not checked. */
struct lockdep_thread *lockdep_enter_from(const void *caller)
{
	struct lockdep_thread *self = lockdep_self;

	if (!self)
		self = grow(NULL);
	if (!self || self->quiet)
		return NULL;
	self->caller = caller;
	return self;
}

/*
 * Two of one class.
 */

__attribute__((noinline)) void
lockdep_report_pair(struct lockdep_thread *self, enum dmabuf_rule rule, const char *what,
		    const struct lockdep_lock *lock, const struct held *held)
{
	const uint32_t stack = stack_save_from(self->caller);
	struct report report;

	if (!report_is_new(rule, stack))
		return;
	report_begin(&report, rule, "%s", what);
	report_line(&report, "%s %p, here:", lock->name, lock->object);
	report_stack(&report, stack);
	report_line(&report, "%s %p, which this thread has, from here:", held->lock.name,
		    held->lock.object);
	report_stack(&report, held->stack);
	report_send(&report);
}

static void check_user_pair(struct lockdep_thread *self, const struct lockdep_lock *lock,
			    const struct held *held)
{
	if (lock->flags & DMABUF_LOCK_BY_OBJECT || lock->level != held->lock.level)
		return;
	if (!(lock->flags & DMABUF_LOCK_BY_ADDRESS))
		lockdep_report_pair(self, DMABUF_RULE_ORDER,
				    "two locks of one class, for which no order is documented",
				    lock, held);
	else if (lock->object < held->lock.object)
		lockdep_report_pair(self, DMABUF_RULE_ORDER,
				    "two locks of one class, against the order of their addresses",
				    lock, held);
}

/* @lock and @held are of one class. */
static void check_pair(struct lockdep_thread *self, const struct lockdep_lock *lock,
		       const struct held *held)
{
	if (lock->kind == LOCKDEP_USER)
		check_user_pair(self, lock, held);
	else if (lock->kind == LOCKDEP_WW && (!lock->ctx || lock->ctx != held->lock.ctx))
		lockdep_report_pair(self, DMABUF_RULE_CONTEXT,
				    "a lock of a ww class inside another, not under the same context",
				    lock, held);
}

/* Of a ww_mutex its own code knows better: under the context that holds it, it is -EALREADY. */
static bool may_nest_in_itself(const struct lockdep_lock *lock)
{
	return lock->kind == LOCKDEP_USER ? lock->flags & DMABUF_LOCK_RECURSIVE
					  : lock->kind == LOCKDEP_WW;
}

/* NULL: the thread does not hold it. */
static struct held *find(struct lockdep_thread *self, enum lockdep_kind kind, const void *object)
{
	for (unsigned int i = self->held_count; i--;) {
		struct held *held = &self->held[i];

		if (held->lock.object == object && held->lock.kind == kind)
			return held;
	}
	return NULL;
}

/* True: the thread has @lock already, and may. */
static bool check_recursion(struct lockdep_thread *self, const struct lockdep_lock *lock)
{
	const struct held *held = find(self, lock->kind, lock->object);

	if (held && !may_nest_in_itself(lock))
		rule_bug(DMABUF_RULE_RECURSION, lock->object,
			 "%s %p: its holder takes it again, and would wait for itself", lock->name,
			 lock->object);
	return held;
}

/*
 * The interface.
 */

void lockdep_check_order(struct lockdep_thread *self, const struct lockdep_lock *lock)
{
	const struct lockdep_lock *before = NULL;

	for (unsigned int i = 0; i < self->held_count; i++) {
		const struct held *held = &self->held[i];

		if (held->lock.kind == LOCKDEP_COMPLETION &&
		    !held->lock.is_due(held->lock.object, NULL))
			continue;
		/* Many locks under one context are one, except for those that fences know. */
		if (before && held->lock.kind == LOCKDEP_WW && lock->kind != LOCKDEP_COMPLETION &&
		    before->lock_class == held->lock.lock_class && before->ctx == held->lock.ctx &&
		    !graph_knows(held->lock.lock_class, (uintptr_t)held->lock.object))
			continue;
		before = &held->lock;
		if (held->lock.lock_class == lock->lock_class)
			check_pair(self, lock, held);
		lockdep_learn(self, &held->lock, lock);
	}
}

void lockdep_signals(const struct lockdep_lock *completion)
{
	struct lockdep_thread *self = lockdep_enter();

	/* That matters if somebody waits for it under a lock, and then it is known. */
	if (!self || !self->held_count ||
	    !graph_knows(completion->lock_class, (uintptr_t)completion->object))
		return;
	for (unsigned int i = 0; i < self->held_count; i++) {
		const struct lockdep_lock *needed = &self->held[i].lock;

		if ((needed->kind == LOCKDEP_USER || needed->kind == LOCKDEP_WW) && !needed->tried)
			lockdep_learn(self, completion, needed);
	}
}

void lockdep_might_lock(const struct lockdep_lock *lock)
{
	struct lockdep_thread *self = lockdep_enter();

	if (!self)
		return;
	if (lock->kind == LOCKDEP_WW && !lockdep_may_reserve(self))
		return;
	if (!check_recursion(self, lock))
		lockdep_check_order(self, lock);
}

struct lockdep_thread *lockdep_push(struct lockdep_thread *self, const struct lockdep_lock *lock,
				    uint32_t stack)
{
	if (self->held_count == self->room)
		self = grow(self);
	if (self)
		self->held[self->held_count++] = (struct held){ *lock, stack };
	return self;
}

void lockdep_acquired(const struct lockdep_lock *lock)
{
	struct lockdep_thread *self = lockdep_enter();
	uint32_t stack = 0;

	if (!self)
		return;
	/* Others are held for moments, by the library itself. */
	if (lock->kind == LOCKDEP_USER || lock->kind == LOCKDEP_WW) {
		stack = stack_save_from(self->caller);
		place_note(PLACE_LOCKED, lock->object, stack);
	}
	lockdep_push(self, lock, stack);
}

bool lockdep_released(enum lockdep_kind kind, const void *object)
{
	struct lockdep_thread *self = lockdep_enter();
	struct held *held = self ? find(self, kind, object) : NULL;
	struct held *end;

	if (!held)
		return false;
	end = &self->held[self->held_count--];
	memmove(held, held + 1, (size_t)((char *)end - (char *)(held + 1)));
	if (kind == LOCKDEP_USER || kind == LOCKDEP_WW)
		place_over(PLACE_LOCKED, object);
	return true;
}

void lockdep_forked(void)
{
	struct lockdep_thread *self = lockdep_self;
	unsigned int kept = 0;

	for (unsigned int i = 0; self && i < self->held_count; i++) {
		const struct held held = self->held[i];

		if (held.lock.flags & DMABUF_LOCK_PROCESS_SHARED)
			place_over(PLACE_LOCKED, held.lock.object);
		else
			self->held[kept++] = held;
	}
	if (self)
		self->held_count = kept;
}

bool lockdep_holds(enum lockdep_kind kind, const void *object)
{
	struct lockdep_thread *self = lockdep_enter();

	return self && find(self, kind, object);
}

bool lockdep_knows_all(void)
{
	/* Relaxed: of this thread's own misses it knows. */
	return lockdep_enter() && !load_relaxed(&memory_refused);
}

bool lockdep_holds_any(void)
{
	struct lockdep_thread *self = lockdep_enter();

	return self && self->held_count;
}

void lockdep_forget(const void *object)
{
	graph_forget((uintptr_t)object);
	place_forget(PLACE_LOCKED, object);
}
