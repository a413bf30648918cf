/* SPDX-License-Identifier: MIT */
/*
 * What an engine did when, for the timeline picture. Each engine writes a trace of its
 * own; they are read when all engines have ended.
 */
#ifndef DEMO_TRACE_H
#define DEMO_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After so many bars a lane is not recorded any further. */
#define TRACE_MAX 8192
#define TRACE_WAITS 4
#define TRACE_NONE SIZE_MAX

struct trace_wait {
	uint64_t context, seqno; /* of the fence that had not signalled */
};

struct trace_bar {
	uint64_t frame;
	uint64_t context, seqno; /* of its own fence */
	int64_t turn;            /* its turn has come; it waits for its fences, if at all */
	int64_t begin, end;      /* it works */
	unsigned int row;        /* where bars of one lane overlap: 0, 1, ... */
	unsigned int waits;
	struct trace_wait wait[TRACE_WAITS];
};

struct trace {
	const char *name;
	struct trace_bar *bars;
	size_t count, room;
};

/* Copy @bar into @trace. Returns its index, or TRACE_NONE if there is no room. */
size_t trace_add(struct trace *trace, const struct trace_bar *bar);
void trace_fini(struct trace *trace);

#endif
