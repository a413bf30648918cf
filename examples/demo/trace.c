/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <stdlib.h>

size_t trace_add(struct trace *trace, const struct trace_bar *bar)
{
	if (trace->count == TRACE_MAX)
		return TRACE_NONE;
	if (trace->count == trace->room) {
		size_t room = trace->room ? 2 * trace->room : 256;
		struct trace_bar *grown = realloc(trace->bars, room * sizeof(*grown));

		if (!grown)
			return TRACE_NONE;
		trace->bars = grown;
		trace->room = room;
	}
	trace->bars[trace->count] = *bar;
	return trace->count++;
}

void trace_fini(struct trace *trace)
{
	free(trace->bars);
	trace->bars = NULL;
	trace->count = trace->room = 0;
}
