/* SPDX-License-Identifier: MIT */
/*
 * One line at the terminal that is written over and over. Where stdout is no terminal,
 * only whole lines, and few of them.
 */
#ifndef DEMO_PROGRESS_H
#define DEMO_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *title;
	bool terminal;
	int64_t begun, shown; /* ns */
	uint64_t quarters;    /* printed so far, without a terminal */
};

/* Nanoseconds of CLOCK_MONOTONIC; and so many are a millisecond. */
int64_t now_ns(void);
#define MS INT64_C(1000000)

void progress_begin(struct progress *progress, const char *title);

/*
 * @done of @total frames; @total 0: not known. @detail, a short text, follows them; it
 * may be NULL.
 */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, const char *detail);

/* Whether progress_show() would write now; to spare the making of @detail. */
bool progress_due(const struct progress *progress, uint64_t done, uint64_t total);

/* The last state, and the end of the line. */
void progress_end(struct progress *progress, uint64_t done, uint64_t total, const char *detail);

#endif
