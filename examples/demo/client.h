/* SPDX-License-Identifier: MIT */
/*
 * The client: the one thread that submits jobs, to all engines, frame by frame in program
 * order. It never waits for a fence but to look at a picture itself.
 */
#ifndef DEMO_CLIENT_H
#define DEMO_CLIENT_H

#include "checksum-engine.h"
#include "decoder-engine.h"
#include "encoder-engine.h"
#include "filter-engines.h"
#include "mailbox.h"
#include "pool.h"
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

struct client {
	const struct reference *ref;
	bool break_rule; /* writers do not wait for readers */
	struct pool pool;
	struct mailbox mailbox;
	struct race_point race;

	struct decoder_engine decoder;
	struct contrast_engine contrast;
	struct engine counter;
	struct checksum_engine checksum;
	struct sheet_engine sheet;
	struct encoder_engine encoder;
	struct engine *engine[ENGINES]; /* all of them, in the order of a frame's jobs */

	uint64_t shown; /* frames that the decoder has put out */
	uint64_t submissions;
	struct job *sheet_job; /* gathers frames until it has all */
	struct buffer *last;   /* of the last frame shown */
	bool looked;           /* the poster is written */
	struct progress progress;
	struct problem problem;
};

/*
 * Make the pool and the engines, which write into @video, for the file @path. False:
 * client->problem says why. client_fini() in any case.
 */
bool client_init(struct client *client, const struct reference *ref, const char *path,
		 const char *video, bool break_rule);
void client_fini(struct client *client);

/*
 * Play all of it; returns when all engines have ended. @poster: where to write the last
 * frame as the client itself sees it. False: client->problem says why; what was finished
 * counts.
 */
bool client_run(struct client *client, const char *poster);

/* Bytes of planes that were not in the pool, over all engines. */
uint64_t client_copied(const struct client *client);

#endif
