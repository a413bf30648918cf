/* SPDX-License-Identifier: MIT */
/*
 * One showing of the video: the engines, which are the same however frames are handed
 * over, and what came of it.
 */
#ifndef DEMO_PLAYER_H
#define DEMO_PLAYER_H

#include "chaos.h"
#include "checksum-engine.h"
#include "decoder-engine.h"
#include "encoder-engine.h"
#include "filter-engines.h"
#include "progress.h"
#include "reference.h"
#include "sheet-engine.h"

enum {
	ENGINE_DECODER,
	ENGINE_CONTRAST,
	ENGINE_COUNTER,
	ENGINE_CHECKSUM,
	ENGINE_SHEET,
	ENGINE_ENCODER,
	ENGINES
};

#define ENGINE_BIT(engine) (1u << (engine))
#define ENGINES_ALL (ENGINE_BIT(ENGINES) - 1)

/* How a frame was lost, if it was. */
enum fate { FATE_GOOD, FATE_KILLED, FATE_EVICTED };

struct loss {
	enum fate fate;
	int engine; /* with which */
};

struct player {
	/* Constant after player_init(). */
	const struct reference *ref;
	const char *path;
	const char *video;    /* where to write it */
	const char *timeline; /* where to write it; made with fences only */
	bool break_rule;      /* writers do not wait for readers; with fences only */
	bool chaos;	      /* processes are killed; with those only */
	uint64_t seed;	      /* of chance, which says when */

	struct decoder_engine decoder;
	struct contrast_engine contrast;
	struct engine counter;
	struct checksum_engine checksum;
	struct sheet_engine sheet;
	struct encoder_engine encoder;
	struct engine *engine[ENGINES]; /* all of them, in the order of a frame's jobs */

	/* The hand-over's. */
	unsigned int buffers;  /* of one frame each, which its engines have */
	unsigned int torn;     /* how often a writer came in while a reader was half way */
	struct chaos deaths;   /* what was done to processes, and what came of it */
	struct loss *loss;     /* by frame */
	struct rgb_image last; /* frame */
	bool looked;           /* the last frame is there */
	struct progress progress;
	int64_t ended;     /* ns */
	int64_t processor; /* ns, of all threads, from begin to end */
	struct problem problem;
};

/*
 * Make the engines, which write into @video, for the file @path. Those that are not @here, by
 * ENGINE_BIT(), work in other processes: the files of these are not opened. False:
 * player->problem says why. player_fini() in any case.
 */
bool player_init(struct player *player, const struct reference *ref, const char *path,
		 const char *video, unsigned int here);
void player_fini(struct player *player);

/*
 * How many frames are under way at most where all engines work on the same buffers: what a
 * decoder with the most demanding picture, and each engine, may use at once. Not more than
 * POOL_MAX, or 0, and player->problem says so.
 */
unsigned int player_needs(struct player *player);

/* How many of those frames a reader may keep until it has seen later ones. */
unsigned int player_keeps(const struct player *player);

/* From here on the time counts, to player_end(). */
void player_begin(struct player *player, const char *title);

/*
 * Now and then, and from one thread only: whether to show how far it has got, and do so. @more, or NULL,
 * is shown in place of the bytes copied.
 */
bool player_due(const struct player *player);
void player_show(struct player *player, unsigned int in_flight, const char *more);

/* Wait until all engines have ended, whose rings are closed or will be; and hear of it. */
void player_join(struct player *player);
void player_end(struct player *player);

/* Draw the last frame, for which the caller has waited, for its picture file. */
void player_look(struct player *player, const struct picture *pic);

/* Some engine has failed: it is not worth going on. */
bool player_failed(const struct player *player);

/* Bytes of planes, over all engines. */
uint64_t player_copied(const struct player *player);

/* Nanoseconds until checksum and encoder engine had both done the first frame; 0: never. */
int64_t player_first_ns(const struct player *player);

#endif
