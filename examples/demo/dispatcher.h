/* SPDX-License-Identifier: MIT */
/*
 * Frames handed over between processes. The dispatcher, which is the demo's main process, says whose turn
 * it is: it lends buffers to the decoder, and gives each frame to one engine after the other, as soon as
 * the one before has its fence in the buffer, not when it is done. What keeps them apart are those
 * fences; the dispatcher waits for none.
 *
 * Engines die. What one had taken and not finished is lost, and who comes after it finds that out by the
 * fence. What it had not taken is given to its successor.
 */
#ifndef DEMO_DISPATCHER_H
#define DEMO_DISPATCHER_H

#include "chaos.h"
#include "film.h"
#include "life.h"
#include "player.h"
#include "pool.h"
#include "timeline-svg.h"

/* Places for members: one of each engine, and others that have not left yet. */
#define MEMBERS (1 + 4 * ENGINES)

/* Orders for one engine: those that it was given and has not taken, and behind them those that wait. */
struct queue {
	struct order item[WIRE_ROOM];
	uint64_t head, given, tail;
};

/* What becomes of a frame. */
struct note {
	struct dma_fence *made[ENGINES]; /* by each engine, until it is settled; the sheet's: by it and
					    those that follow */
	int outcome[ENGINE_CHECKSUM + 1];	     /* of those, from then on: 1 or an errno */
	struct wake summed, coded; /* the checksum is made; the encoder keeps it no more */
	uint32_t by[ENGINE_CHECKSUM + 1];	     /* which member made it */
	int lost_by; /* once it is settled: the first engine that failed; -1: it is good */
};

/* Who died. */
struct victim {
	uint32_t member;
	bool is_evicted;
};

struct dispatcher {
	struct player *player;
	struct world world;
	struct pool pool;
	struct dma_buf *results_buf;
	uint8_t *results;
	struct chaos chaos;
	struct film film;
	int children; /* signalfd: some process has ended, or stopped */
	unsigned int lives; /* so many so far */

	struct life *working[ENGINES]; /* or on its way; NULL: none any more */
	struct life *over;	       /* not waited for yet */

	struct queue queue[ENGINES];
	struct note *note; /* by frame */
	uint64_t shown, settled;
	struct order sheet; /* gathers frames */
	struct buffer *last;
	bool is_lent[POOL_MAX]; /* to the decoder, which has not shown it */
	bool wants;		/* the decoder */
	bool is_decoded, is_ending;
	int64_t still, turned; /* ns: for how long nothing went on; when we last looked */
	uint64_t done;	       /* by all, when we last looked */
	uint64_t lent;	       /* buffers to the decoder, so far */

	struct trace trace[ENGINES], holds;
	struct timeline_death *death; /* for the picture */
	struct victim *victim;	      /* the same, for the report */
	size_t deaths;
};

/* dispatch-frames.c: whose turn it is. */

/* What a life has to say. False: it is no member any more, and will say nothing. */
bool frames_hear(struct dispatcher *d, struct life *life);
/* Lend a buffer, give orders, see what is done. */
void frames_go_on(struct dispatcher *d);
/* That engine's life is over: what it had not taken waits for the next. */
void frames_take_back(struct dispatcher *d, int engine);
/* All that was decoded has gone all its way. */
bool frames_are_done(const struct dispatcher *d);
/* For the report: what came of all, when nobody works any more. */
void frames_count(struct dispatcher *d);
/* There will be no more orders. */
void frames_end(struct dispatcher *d, struct life *life);
void frames_fini(struct dispatcher *d);

/* dispatch-lives.c: who is there. */

bool lives_begin(struct dispatcher *d);
/* Hear of arrivals and deaths, replace the dead, and, by chance, see to it that there are more. */
void lives_go_on(struct dispatcher *d);
/* Nobody is there any more, nor expected. */
bool lives_are_over(const struct dispatcher *d);
/* Kill who is left, and wait for them. */
void lives_fini(struct dispatcher *d);

#endif
