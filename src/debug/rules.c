/* SPDX-License-Identifier: MIT */
#include "debug/held.h"

#include <stdarg.h>

#include "debug/places.h"
#include "debug/stacks.h"
#include "os/report.h"

static const char *const advice[] = {
	[DMABUF_RULE_ORDER] =
		"take these locks in one order everywhere, or the later one with a trylock",
	[DMABUF_RULE_CONTEXT] =
		"take all reservation locks under one ww_acquire_ctx, as drm_exec does, or one at a time",
	[DMABUF_RULE_RECURSION] =
		"take it once, and pass on that it is held; reservations: under the context that holds it",
	[DMABUF_RULE_UNLOCK] = "let the thread unlock that locked; others can be told by a fence",
	[DMABUF_RULE_BACK_OFF] =
		"after -EDEADLK unlock all that is held under the context, then lock the contended one slowly",
	[DMABUF_RULE_SLOW] = "call the slow variant only for the lock that returned -EDEADLK",
	[DMABUF_RULE_WAIT] =
		"wait before the section begins, or let a callback go on when that fence signals",
	[DMABUF_RULE_LOCK] =
		"take the reservation lock before the section, or leave it to another thread",
	[DMABUF_RULE_ALLOC] = "allocate before the section, and only use the memory in it",
	[DMABUF_RULE_SIGNAL] =
		"drop the lock before the wait, or signal without it",
	[DMABUF_RULE_OWN] = "do that work first, or let another thread do it",
	[DMABUF_RULE_SLEEP] = "leave the short lock or the read section first",
	[DMABUF_RULE_RESERVE] =
		"call dma_resv_reserve_fences() under the same lock, once for all fences that are added",
	[DMABUF_RULE_FREED] = "hold a reference, or the attachment, for as long as it is used",
	[DMABUF_RULE_MAPPING] =
		"static importers: without the reservation lock; dynamic ones: under it (docs/locking.md)",
	[DMABUF_RULE_FULL] = "nothing: what has been learnt so far is still checked",
};

/* For the last line. */
enum { ADVICE_ROOM = 256 };

static void vadd(struct report *report, const char *fmt, va_list args) DMABUF_PRINTF(2, 0);

static void vadd(struct report *report, const char *fmt, va_list args)
{
	const size_t room = report->room - report->length;
	const int length = vsnprintf(report->text + report->length, room, fmt, args);

	if (length > 0)
		report->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void add(struct report *report, const char *fmt, ...) DMABUF_PRINTF(2, 3);

static void add(struct report *report, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vadd(report, fmt, args);
	va_end(args);
}

static void vbegin(struct report *report, enum dmabuf_rule rule, const char *fmt, va_list args)
	DMABUF_PRINTF(3, 0);

static void vbegin(struct report *report, enum dmabuf_rule rule, const char *fmt, va_list args)
{
	report->rule = rule;
	report->length = 0;
	report->room = sizeof(report->text) - ADVICE_ROOM;
	add(report, "D%03d ", (int)rule);
	vadd(report, fmt, args);
}

void report_begin(struct report *report, enum dmabuf_rule rule, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vbegin(report, rule, fmt, args);
	va_end(args);
}

void report_line(struct report *report, const char *fmt, ...)
{
	va_list args;

	add(report, "\n  ");
	va_start(args, fmt);
	vadd(report, fmt, args);
	va_end(args);
}

void report_stack(struct report *report, uint32_t stack)
{
	add(report, "\n");
	report->length += stack_print(stack, "      ", report->text + report->length,
				      report->room - report->length);
	report->text[--report->length] = '\0'; /* the last line's end: the next begins with one */
}

static void end(struct report *report)
{
	report->room = sizeof(report->text);
	report_line(report, "What to do: %s.", advice[report->rule]);
}

/* The handler may call the library: that is its business. */
static void send(const struct report *report)
{
	struct lockdep_thread *self = lockdep_current();
	const bool was_quiet = self && self->quiet;

	if (self)
		self->quiet = true;
	dmabuf_send_warning(report->text);
	if (self)
		self->quiet = was_quiet;
}

void report_send(struct report *report)
{
	end(report);
	send(report);
}

void report_die(struct report *report)
{
	end(report);
	dmabuf_die(report->text);
}

bool report_is_new(enum dmabuf_rule rule, uint32_t stack)
{
	enum { PLACES = 4096 };
	static uint32_t reported[PLACES]; /* atomic; 0: free */
	const uint32_t entry = stack << 5 | (uint32_t)rule;
	uint32_t nth = entry * 2654435761U >> 20;

	if (!stack)
		return true;
	for (unsigned int tries = 0; tries < PLACES; tries++, nth = (nth + 1) % PLACES) {
		uint32_t found = 0;

		if (cas_acq_rel(&reported[nth], &found, entry))
			return true;
		if (found == entry)
			return false;
	}
	return true;
}

/* With the rules on: where it is, where @object was taken, and what to do. */
static void describe(struct report *report, const void *object, uint32_t stack)
{
	if (!lockdep_is_on())
		return;
	report_line(report, "here:");
	report_stack(report, stack);
	if (object) {
		report_line(report, "where it was taken last:");
		report_stack(report, place_of(PLACE_LOCKED, object));
	}
	end(report);
}

static uint32_t stack_from(const void *caller)
{
	return lockdep_is_on() ? stack_save_from(caller) : 0;
}

void rule_warn(enum dmabuf_rule rule, const void *object, const char *fmt, ...)
{
	const uint32_t stack = stack_from(__builtin_return_address(0));
	struct report report;
	va_list args;

	if (!report_is_new(rule, stack))
		return;
	va_start(args, fmt);
	vbegin(&report, rule, fmt, args);
	va_end(args);
	describe(&report, object, stack);
	send(&report);
}

void rule_bug(enum dmabuf_rule rule, const void *object, const char *fmt, ...)
{
	struct report report;
	va_list args;

	va_start(args, fmt);
	vbegin(&report, rule, fmt, args);
	va_end(args);
	describe(&report, object, stack_from(__builtin_return_address(0)));
	dmabuf_die(report.text);
}
