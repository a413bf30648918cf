/* SPDX-License-Identifier: MIT */
#include "decoder-engine.h"

#include <string.h>

static void *body(void *arg)
{
	struct decoder_engine *decoder = arg;
	AVFrame *frame = av_frame_alloc();
	uint64_t number = 0;

	if (!frame)
		problem_set(&decoder->base.problem, "out of memory");
	while (frame && input_next(&decoder->input, frame)) {
		if (!decoder->put_out(decoder, frame, number++))
			break;
		av_frame_unref(frame);
	}
	av_frame_free(&frame);
	/* Here libavcodec lets go of all pictures, and the last filters can run. */
	input_close(&decoder->input);
	if (problem_is(&decoder->base.problem))
		decoder->base.failed = true;
	decoder->end(decoder);
	return NULL;
}

void decoder_engine_init(struct decoder_engine *decoder, const struct reference *ref,
			 const char *path, struct problem *problem)
{
	memset(decoder, 0, sizeof(*decoder));
	engine_init(&decoder->base, "decoder", NULL);
	if (!input_open(&decoder->input, path, ref->count))
		problem_set(problem, "%s", decoder->input.problem.text);
}

void decoder_engine_fini(struct decoder_engine *decoder)
{
	input_close(&decoder->input);
	engine_fini(&decoder->base);
}

bool decoder_start(struct decoder_engine *decoder)
{
	return engine_start(&decoder->base, body, decoder);
}

int decoder_lend(AVFrame *frame, const struct layout *layout, uint8_t *memory, size_t size,
		 void (*let_go)(void *opaque, uint8_t *memory), void *opaque)
{
	frame->buf[0] = av_buffer_create(memory, size, let_go, opaque, AV_BUFFER_FLAG_READONLY);
	if (!frame->buf[0])
		return AVERROR(ENOMEM);
	for (int i = 0; i < PICTURE_PLANES; i++) {
		frame->data[i] = memory + layout->offset[i];
		frame->linesize[i] = layout->stride[i];
	}
	frame->extended_data = frame->data;
	return 0;
}

void decoder_astray(struct decoder_engine *decoder)
{
	problem_set(&decoder->base.problem,
		    "the decoder %s does not decode into the memory that it is given",
		    decoder->input.codec->codec->name);
}
