/* SPDX-License-Identifier: MIT */
/*
 * The picture of who did what when: a lane an engine, a bar a job, an arrow from each
 * job that another one waited for, a red cross where an engine died. A dozen frames large,
 * and the whole run small.
 */
#ifndef DEMO_TIMELINE_SVG_H
#define DEMO_TIMELINE_SVG_H

#include "problem.h"
#include "trace.h"

struct timeline_death {
	unsigned int lane; /* of the engine that died */
	int64_t time;      /* when, on the clock of the bars */
	int64_t back;      /* when its successor did its first job; 0: never */
	const char *how;   /* "killed", for a tooltip */
};

struct timeline_lanes {
	const struct trace *lane[16];
	unsigned int count;
	unsigned int first, last; /* the lanes where a frame begins and ends, for the window */
	const char *title;
	uint64_t frames;
	const struct timeline_death *death; /* in any order */
	size_t deaths;
};

bool timeline_svg_write(const struct timeline_lanes *lanes, const char *path,
			struct problem *problem);

#endif
