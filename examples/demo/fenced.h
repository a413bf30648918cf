/* SPDX-License-Identifier: MIT */
/*
 * What the two ways with fences, between threads and between processes, do alike: the last frame, and
 * the picture of who did what when.
 */
#ifndef DEMO_FENCED_H
#define DEMO_FENCED_H

#include "player.h"
#include "pool.h"
#include "timeline-svg.h"

/*
 * Draw the frame in @last, as the CPU sees it. Nobody is asked whether it is done:
 * dma_buf_begin_cpu_access() waits for its writers.
 */
void fenced_look_at(struct player *player, const struct buffer *last);

/* Engines in their order; @holds is the decoder's second lane. The traces are read when all is written. */
void fenced_add_lane(struct timeline_lanes *lanes, int engine, const struct trace *trace,
		     const struct trace *holds);

/* With a title, which ends with @whose: " of 7 processes". */
void fenced_write_timeline(struct player *player, const struct timeline_lanes *lanes,
			   const char *whose);

#endif
