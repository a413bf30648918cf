/* SPDX-License-Identifier: MIT */
/*
 * The reader that writes a video file. Its codec may keep frames for a while (for
 * B-frames), straight where they lie, until it lets go: work->let_go.
 */
#ifndef DEMO_ENCODER_ENGINE_H
#define DEMO_ENCODER_ENGINE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "engine.h"
#include "reference.h"

struct encoder_engine {
	struct engine base;
	const char *path;
	AVCodecContext *codec;
	AVFormatContext *file;
	AVPacket *packet;
	uint64_t frames; /* written */
};

/*
 * Open @path, which must stay, for frames like those of @ref. @problem says what went
 * wrong, if anything. encoder_engine_fini() in any case.
 */
void encoder_engine_init(struct encoder_engine *encoder, const struct reference *ref,
			 const char *path, struct problem *problem);
void encoder_engine_fini(struct encoder_engine *encoder);

/* How many frames like those of @ref the codec may keep at most. */
unsigned int encoder_keeps(const struct reference *ref);

#endif
