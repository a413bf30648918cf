/* SPDX-License-Identifier: MIT */
/*
 * Reports of broken rules: a number and what happened, where that was and where what it
 * collides with was, and what to do. docs/debugging.md lists the rules.
 */
#ifndef DEBUG_RULES_H
#define DEBUG_RULES_H

#include <dmabuf/dmabuf-lockdep.h>

#include "os/atomic.h"

extern bool lockdep_on __attribute__((visibility("hidden"))); /* constant after the constructors */

/* Are the rules checked? The one branch that a call costs where they are not. */
static inline bool lockdep_is_on(void)
{
	return unlikely(lockdep_on);
}

#define REPORT_SIZE 8192

/* One report, while it is written. What has no room is left out, but not what to do. */
struct report {
	enum dmabuf_rule rule;
	size_t length, room; /* so far, and at most, with the end */
	char text[REPORT_SIZE];
};

/* The first line: the number, then what happened. */
void report_begin(struct report *report, enum dmabuf_rule rule, const char *fmt, ...)
	DMABUF_PRINTF(3, 4);

/* One more line. */
void report_line(struct report *report, const char *fmt, ...) DMABUF_PRINTF(2, 3);

/* The frames of @stack, a line each; 0: one line that says so. */
void report_stack(struct report *report, uint32_t stack);

/* What to do, and off it goes to the warn handler. */
void report_send(struct report *report);

/* What to do, and the end of the program. */
void report_die(struct report *report) __attribute__((noreturn));

/* True once for each rule and @stack: this place has not been reported yet. */
bool report_is_new(enum dmabuf_rule rule, uint32_t stack);

/*
 * What is reported whether the rules are checked or not, by one line then. @object: what it
 * is about, if it is a lock: with the rules on, the report tells where that was last taken.
 */
void rule_warn(enum dmabuf_rule rule, const void *object, const char *fmt, ...)
	DMABUF_PRINTF(3, 4) __attribute__((cold));
void rule_bug(enum dmabuf_rule rule, const void *object, const char *fmt, ...)
	DMABUF_PRINTF(3, 4) __attribute__((cold, noreturn));

#define rule_warn_on(cond, ...) (unlikely(cond) ? (rule_warn(__VA_ARGS__), true) : false)

#define rule_bug_on(cond, ...)                   \
	do {                                     \
		if (unlikely(cond))              \
			rule_bug(__VA_ARGS__);   \
	} while (0)

#endif
