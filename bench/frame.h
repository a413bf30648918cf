/* SPDX-License-Identifier: MIT */
/* What each program here has: subjects to measure. The rest is in frame.c. */
#ifndef FRAME_H
#define FRAME_H

#include <time.h>

struct subject {
	const char *name;
	double (*measure)(void); /* nanoseconds an operation */
};

extern const struct subject subjects[];
extern const unsigned int subjects_count;

/* Add what operations return, so that no result goes unused. */
extern unsigned long frame_sink;

static inline double frame_now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* How long @statement takes, in nanoseconds. */
#define TIMED(statement)                              \
	({                                            \
		const double began_ = frame_now_ns(); \
		statement;                            \
		frame_now_ns() - began_;              \
	})

#endif
