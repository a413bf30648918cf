/* SPDX-License-Identifier: MIT */
/*
 * The first writer: a thread that runs libavcodec. Where libavcodec gets its memory from,
 * and what becomes of a picture that came out, is up to the hand-over.
 */
#ifndef DEMO_DECODER_ENGINE_H
#define DEMO_DECODER_ENGINE_H

#include "engine.h"
#include "input.h"
#include "reference.h"

struct decoder_engine {
	struct engine base;
	struct input input; /* whose hook the hand-over sets */

	/* The hand-over's, all called on the engine's thread. */
	bool (*put_out)(struct decoder_engine *decoder, AVFrame *frame, uint64_t number);
	void (*end)(struct decoder_engine *decoder); /* libavcodec holds nothing any more */
	void *owner;
};

/* @problem says what went wrong, if anything. decoder_engine_fini() in any case. */
void decoder_engine_init(struct decoder_engine *decoder, const struct reference *ref,
			 const char *path, struct problem *problem);
void decoder_engine_fini(struct decoder_engine *decoder);

bool decoder_start(struct decoder_engine *decoder);

/* Give @frame all its planes in one piece of memory, as AVCodecContext.get_buffer2 does. */
int decoder_lend(AVFrame *frame, const struct layout *layout, uint8_t *memory, size_t size,
		 void (*let_go)(void *opaque, uint8_t *memory), void *opaque);

/* libavcodec put out a picture that is not in the memory that it got. */
void decoder_astray(struct decoder_engine *decoder);

#endif
