/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, as one sentence for the person at the terminal. The first problem
 * is kept; what follows from it is not worth a word.
 */
#ifndef DEMO_PROBLEM_H
#define DEMO_PROBLEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct problem {
	char text[512];
};

static inline bool problem_is(const struct problem *problem)
{
	return problem->text[0] != '\0';
}

__attribute__((__format__(__printf__, 2, 3)))
static inline void problem_set(struct problem *problem, const char *fmt, ...)
{
	va_list args;

	if (problem_is(problem))
		return;
	va_start(args, fmt);
	vsnprintf(problem->text, sizeof(problem->text), fmt, args);
	va_end(args);
}

/* @err: a negative errno. */
static inline void problem_cannot(struct problem *problem, const char *what, int err)
{
	problem_set(problem, "cannot %s: %s", what, strerror(-err));
}

#endif
