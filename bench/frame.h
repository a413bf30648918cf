/* SPDX-License-Identifier: MIT */
/*
 * How everything is measured: rows, each of which several designs do, side by side.
 *
 * A row is a thing to do, at one size. A machine's speed drifts, so each round measures a row for
 * every design right after another, in turns from the first and from the last; what counts is the
 * ratio of two designs inside of a round.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>

struct row {
	const char *name;
	unsigned int n;				/* size: contexts, buffers, threads */
	double (*measure)(unsigned int n);	/* ns an operation by MEASURED(), or REPORTED */
	bool is_counted;			/* one thread, the same instructions every time */
};

/* One way to do all rows; those that it does not have are without a measure. */
struct design {
	const char *name;
	const struct row *rows;
	unsigned int rows_count;
};

/* All that belongs together; the first design is ours, and has all rows. */
struct family {
	const char *name;
	const struct design *const *designs;
	unsigned int designs_count;
};

extern const struct family families[];
extern const unsigned int families_count;

/* Add what operations return, so that no result goes unused. */
extern unsigned long frame_sink;

void frame_begin(void);
double frame_end(double operations);

/* The time that one of @operations takes which @statement does, in nanoseconds. */
#define MEASURED(operations, statement) \
	({                              \
		frame_begin();          \
		statement;              \
		frame_end(operations);  \
	})

/*
 * For rows that measure something else, or several things: @what of the row, in @unit. Ratios are
 * made of "ns", "ms", and "a second", where more is better; others ("%", "bytes") are shown as they
 * are.
 */
void frame_report(const char *what, double value, const char *unit);
#define REPORTED (-1.0)

/* For what cannot go wrong, or there is nothing to measure. */
#define MUST(condition)                  \
	do {                             \
		if (!(condition))        \
			frame_die(#condition); \
	} while (0)
void frame_die(const char *condition) __attribute__((noreturn));

#endif
