/* SPDX-License-Identifier: MIT */
/* What a showing has proved, for the person at the terminal. */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include "player.h"

enum {
	EXIT_SAME = 0,
	EXIT_BAD_INPUT = 1,
	EXIT_DIFFERENT = 2,
};

/* Where the files are. */
struct output {
	char video[4096], sheet[4096], poster[4096], timeline[4096];
	bool has_timeline;
};

/* What there is to see, and, first, what was proved. Returns the exit status. */
int report(struct player *player, const struct output *output);

/* Many showings. */
struct tally {
	uint64_t showings, identical, lost, torn; /* frames */
	struct chaos deaths;
};

/* One more, in one line. Returns its exit status. */
int report_showing(const struct player *player, struct tally *tally);
void report_tally(const struct tally *tally);

#endif
