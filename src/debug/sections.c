/* SPDX-License-Identifier: MIT */
/*
 * Where a thread is, and what it may not do there: in a signalling section or a fence's
 * callback, on which the signal of some fence depends; under a short lock or in an RCU read
 * section, where nobody sleeps.
 *
 * A section does not say which fence it is for, and so stands for all: what is locked in
 * one must not be held in a wait for any fence. Of a callback, and of work that was
 * announced, the fence is known.
 */
#include <stddef.h>

#include "debug/held.h"
#include "debug/places.h"
#include "debug/stacks.h"
#include "os/rcu.h"
#include "os/thread.h"

static const struct dmabuf_lock_class section_class = { .name = "a fence's signal" };

static const struct lockdep_lock section = {
	.kind = LOCKDEP_SECTION,
	.lock_class = &section_class,
	.object = &section_class,
	.name = "a fence's signal",
};

/* Of the innermost of @kind, which the thread has. */
static uint32_t stack_of(const struct lockdep_thread *self, enum lockdep_kind kind)
{
	for (unsigned int i = self->held_count; i--;) {
		if (self->held[i].lock.kind == kind)
			return self->held[i].stack;
	}
	return 0;
}

/* @what is done in a section or a callback. */
static __attribute__((noinline)) void report_in_section(struct lockdep_thread *self,
							enum dmabuf_rule rule, const char *what)
{
	const uint32_t stack = stack_save_from(self->caller);
	struct report report;

	if (!report_is_new(rule, stack))
		return;
	report_begin(&report, rule, "%s %s", what,
		     self->sections ? "inside a fence-signalling section"
				    : "inside a fence's callback");
	report_line(&report, "here:");
	report_stack(&report, stack);
	if (self->sections) {
		report_line(&report, "the section began here:");
		report_stack(&report, stack_of(self, LOCKDEP_SECTION));
	}
	report_send(&report);
}

/* False: in a section or a callback, and reported. */
static bool may(struct lockdep_thread *self, enum dmabuf_rule rule, const char *what)
{
	if (!self->sections && !self->callbacks)
		return true;
	report_in_section(self, rule, what);
	return false;
}

/* On its own, since a report is larger than some stacks. */
static __attribute__((noinline)) void report_sleep(const struct lockdep_thread *self, bool locked)
{
	const uint32_t stack = stack_save_from(self->caller);
	struct report report;

	if (!report_is_new(DMABUF_RULE_SLEEP, stack))
		return;
	report_begin(&report, DMABUF_RULE_SLEEP, "a call that may sleep %s",
		     locked ? "under a short lock" : "in an RCU read section");
	report_line(&report, "here:");
	report_stack(&report, stack);
	report_send(&report);
}

static void check_sleep(const struct lockdep_thread *self)
{
	const bool locked = os_this_thread.short_locks;

	if (locked || os_rcu_is_reading())
		report_sleep(self, locked);
}

bool lockdep_may_reserve(struct lockdep_thread *self)
{
	if (!may(self, DMABUF_RULE_LOCK, "a reservation lock"))
		return false;
	check_sleep(self);
	return true;
}

/* What the thread has to signal, and @completion will not come before. */
static const struct held *find_own(const struct lockdep_thread *self,
				   const struct lockdep_lock *completion)
{
	for (unsigned int i = self->held_count; i--;) {
		const struct lockdep_lock *own = &self->held[i].lock;

		if (own->kind == LOCKDEP_COMPLETION &&
		    own->is_due(own->object, completion->object))
			return &self->held[i];
	}
	return NULL;
}

void lockdep_might_wait(void)
{
	struct lockdep_thread *self = lockdep_enter();

	if (!self || !may(self, DMABUF_RULE_WAIT, "a wait for a fence"))
		return;
	check_sleep(self);
	lockdep_check_order(self, &section);
}

void lockdep_might_wait_for(const struct lockdep_lock *completion)
{
	struct lockdep_thread *self = lockdep_enter();
	const struct held *own;

	if (!self || self->sections || self->callbacks)
		return;
	own = find_own(self, completion);
	if (own)
		lockdep_report_pair(self, DMABUF_RULE_OWN,
				    "a wait for what this thread itself has yet to do", completion,
				    own);
	else
		lockdep_check_order(self, completion);
}

void lockdep_begin_callbacks(const struct lockdep_lock *callback)
{
	struct lockdep_thread *self = lockdep_enter();

	if (self)
		self = lockdep_push(self, callback, 0);
	if (self)
		self->callbacks++;
}

void lockdep_end_callbacks(const struct lockdep_lock *callback)
{
	struct lockdep_thread *self = lockdep_enter();

	if (self && lockdep_released(LOCKDEP_CALLBACK, callback->object))
		self->callbacks--;
}

bool lockdep_begin_work(const struct lockdep_lock *completion)
{
	struct lockdep_thread *self = lockdep_enter();

	return self && lockdep_push(self, completion, stack_save_from(self->caller));
}

bool lockdep_begin_section(void)
{
	struct lockdep_thread *self = lockdep_enter();

	if (!self || self->sections)
		return true;
	self = lockdep_push(self, &section, stack_save_from(self->caller));
	if (self)
		self->sections = 1;
	return !self;
}

void lockdep_end_section(bool cookie)
{
	struct lockdep_thread *self = lockdep_enter();

	if (!cookie && self && lockdep_released(LOCKDEP_SECTION, section.object))
		self->sections = 0;
}

void dmabuf_might_alloc(void)
{
	struct lockdep_thread *self = lockdep_is_on() ? lockdep_enter() : NULL;

	if (self)
		may(self, DMABUF_RULE_ALLOC, "an allocation that may block");
}

/* The layer below waits; what may wait is said here. */
void dmabuf_rcu_barrier(void)
{
	lockdep_might_sleep();
	os_rcu_barrier();
}

void dmabuf_might_sleep(void)
{
	struct lockdep_thread *self = lockdep_is_on() ? lockdep_enter() : NULL;

	if (self)
		check_sleep(self);
}
