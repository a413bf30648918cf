/* SPDX-License-Identifier: MIT */
/*
 * The first writer: a thread that runs libavcodec, which decodes straight into the pool.
 * When libavcodec wants memory for a picture (get_buffer2), the decoder asks the client,
 * who picks a buffer and submits the job; then it waits for that job's fences, as every
 * engine does, and hands the buffer to libavcodec.
 */
#ifndef DEMO_DECODER_ENGINE_H
#define DEMO_DECODER_ENGINE_H

#include "engine.h"
#include "input.h"
#include "mailbox.h"
#include "reference.h"

/* A picture that libavcodec holds. */
struct decoding {
	struct decoder_engine *decoder;
	struct buffer *buffer;
	uint64_t seqno;      /* of the job */
	uint64_t hold_seqno; /* of the buffer's decoder_hold */
	size_t bar;
	struct trace_bar hold_bar;
};

struct decoder_engine {
	struct engine base;
	struct input input;
	struct pool *pool;           /* constant */
	const struct layout *layout; /* constant */
	struct mailbox *client;      /* constant */

	/* The engine's thread. */
	struct decoding decoding[POOL_MAX]; /* by buffer */
	struct decoding *at_work;           /* whose bar has no end yet */
	uint64_t finished;                  /* last point signalled */
	struct trace holds;                 /* the engine's thread, then others */
};

/* @problem says what went wrong, if anything. decoder_engine_fini() in any case. */
void decoder_engine_init(struct decoder_engine *decoder, struct pool *pool,
			 const struct reference *ref, const char *path, struct mailbox *client,
			 struct problem *problem);
void decoder_engine_fini(struct decoder_engine *decoder);

/* Attach to the pool. Returns 0 or a negative errno. */
int decoder_attach(struct decoder_engine *decoder);
bool decoder_start(struct decoder_engine *decoder);

#endif
