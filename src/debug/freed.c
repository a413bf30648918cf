/* SPDX-License-Identifier: MIT */
/* Uses after the end: what has gone is remembered by its address, until that is used anew. */
#include "debug/held.h"
#include "debug/places.h"
#include "debug/stacks.h"
#include "os/thread.h"

void lockdep_freed(const void *object)
{
	lockdep_forget(object);
	place_note(PLACE_FREED, object, stack_save());
}

void lockdep_born(const void *object)
{
	lockdep_forget(object);
	place_forget(PLACE_FREED, object);
}

void lockdep_begin_release(const void *object)
{
	struct lockdep_thread *self = lockdep_enter();

	lockdep_freed(object);
	if (self)
		self->releases++;
}

void lockdep_end_release(void)
{
	struct lockdep_thread *self = lockdep_enter();

	if (self && self->releases)
		self->releases--;
}

/* By the thread that ends it, in the middle of that. */
static bool is_releasing(uintptr_t holder)
{
	const struct lockdep_thread *self = lockdep_current();

	return holder == os_self() && self && self->releases;
}

/* On its own, since a report is larger than some stacks. @stack: here. */
static __attribute__((noinline, noreturn)) void die(const void *object, const char *what,
						    const char *function, uint32_t stack)
{
	struct report report;

	report_begin(&report, DMABUF_RULE_FREED, "%s(): %s %p is used after its end", function, what,
		     object);
	report_line(&report, "here:");
	report_stack(&report, stack);
	report_line(&report, "it ended here:");
	report_stack(&report, place_of(PLACE_FREED, object));
	report_die(&report);
}

void lockdep_check_alive(const void *object, const char *what, const char *function)
{
	const uintptr_t holder = place_holder(PLACE_FREED, object);

	if (holder && !is_releasing(holder))
		die(object, what, function, stack_save());
}
