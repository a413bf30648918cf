/* SPDX-License-Identifier: MIT */
/*
 * Two fences stand for a picture here, since libavcodec uses it in two ways.
 *
 * The job's fence (WRITE) signals when the picture is decoded. libavcodec does not say
 * when that is, but it runs on one thread and decodes one picture after the other: once
 * it puts a picture out or lets it go, that one and all that it wanted memory for before
 * are done. So points signal in the order in which get_buffer2 was called, although
 * pictures come out in another.
 *
 * The hold (READ) signals when libavcodec lets the AVBufferRef go. Until then it builds
 * other pictures on this one, and whoever wants to change it must wait.
 *
 * Buffers are given read-only, so that no codec goes on painting in a picture that it
 * has put out; such codecs ask for the next buffer, and copy inside.
 */
#include "decoder-engine.h"

#include <string.h>

#include "progress.h"

/* All pictures up to a point are decoded. */
static void finished(struct decoder_engine *decoder, uint64_t seqno)
{
	if (seqno <= decoder->finished)
		return;
	if (decoder->base.race)
		for (unsigned int i = 0; i < decoder->pool->count; i++)
			if (decoder->decoding[i].seqno > decoder->finished &&
			    decoder->decoding[i].seqno <= seqno)
				engine_wrote(&decoder->base, decoder->decoding[i].buffer);
	decoder->base.done += seqno - decoder->finished;
	decoder->finished = seqno;
	dma_fence_timeline_signal(decoder->base.timeline, seqno, 0);
}

/* The bar of the picture that libavcodec worked on ends: it does something else. */
static void end_bar(struct decoder_engine *decoder)
{
	struct decoding *decoding = decoder->at_work;

	if (decoding && decoding->bar != TRACE_NONE)
		decoder->base.trace.bars[decoding->bar].end = now_ns();
	decoder->at_work = NULL;
}

/* libavcodec needs the picture no more: free of the AVBufferRef. */
static void let_go(void *opaque, uint8_t *data)
{
	struct decoding *decoding = opaque;
	struct decoder_engine *decoder = decoding->decoder;

	(void)data;
	finished(decoder, decoding->seqno);
	decoding->hold_bar.end = now_ns();
	trace_add(&decoder->holds, &decoding->hold_bar);
	dma_fence_timeline_signal(decoding->buffer->decoder_hold, decoding->hold_seqno, 0);
}

static void begin(struct decoder_engine *decoder, struct job *job)
{
	struct decoding *decoding = &decoder->decoding[job->buffer[0]->index];
	struct trace_bar bar;

	engine_begin(&decoder->base, job, &bar);
	bar.frame = NOT_SHOWN;
	*decoding = (struct decoding){
		.decoder = decoder,
		.buffer = job->buffer[0],
		.seqno = job->fence->seqno,
		.hold_seqno = job->hold->seqno,
		.hold_bar = bar,
	};
	decoding->hold_bar.context = job->hold->context;
	decoding->hold_bar.seqno = job->hold->seqno;
	decoding->hold_bar.turn = bar.begin;
	decoding->hold_bar.row = job->buffer[0]->index;
	decoding->hold_bar.waits = 0;
	bar.end = bar.begin;
	decoding->bar = trace_add(&decoder->base.trace, &bar);
	decoder->at_work = decoding;
}

/* The hook of the input: libavcodec wants memory for a picture. */
static int get_buffer(struct input *in, AVFrame *frame, int flags)
{
	struct decoder_engine *decoder = in->owner;
	const struct layout *layout = decoder->layout;
	struct decoding *decoding;
	struct job *job;
	uint8_t *memory;

	(void)flags;
	end_bar(decoder);
	mailbox_put(decoder->client, &(struct message){ .kind = MESSAGE_WANTS_BUFFER });
	job = engine_pop(&decoder->base);
	if (!job)
		return AVERROR_EXIT;
	begin(decoder, job);
	decoding = decoder->at_work;
	memory = decoder->base.import[decoding->buffer->index].memory;
	job_free(job);

	frame->buf[0] = av_buffer_create(memory, decoding->buffer->dmabuf->size, let_go, decoding,
					 AV_BUFFER_FLAG_READONLY);
	if (!frame->buf[0]) {
		let_go(decoding, memory);
		problem_set(&decoder->base.problem, "out of memory");
		return AVERROR_EXIT;
	}
	for (int i = 0; i < PICTURE_PLANES; i++) {
		frame->data[i] = memory + layout->offset[i];
		frame->linesize[i] = layout->stride[i];
	}
	frame->extended_data = frame->data;
	return 0;
}

/* A picture came out: tell the client, and let go of our own reference. */
static bool put_out(struct decoder_engine *decoder, AVFrame *frame, uint64_t number)
{
	struct message message = { .kind = MESSAGE_SHOWN };
	struct decoding *decoding;
	const uint8_t *memory = frame->buf[0] ? frame->buf[0]->data : NULL;

	message.buffer = memory ? pool_find(decoder->pool, memory) : NULL;
	if (!message.buffer) {
		problem_set(&decoder->base.problem,
			    "the decoder %s does not decode into the memory that it is given",
			    decoder->input.codec->codec->name);
		return false;
	}
	decoding = &decoder->decoding[message.buffer->index];
	decoding->hold_bar.frame = number;
	if (decoding->bar != TRACE_NONE)
		decoder->base.trace.bars[decoding->bar].frame = number;
	picture_of_frame(&message.picture, frame);

	/* The client may submit jobs for it at once; what makes them wait is the fence. */
	mailbox_put(decoder->client, &message);
	finished(decoder, decoding->seqno);
	av_frame_unref(frame);
	return true;
}

static void *body(void *arg)
{
	struct decoder_engine *decoder = arg;
	AVFrame *frame = av_frame_alloc();
	uint64_t number = 0;

	if (!frame)
		problem_set(&decoder->base.problem, "out of memory");
	while (frame && input_next(&decoder->input, frame)) {
		end_bar(decoder);
		if (!put_out(decoder, frame, number++))
			break;
	}
	end_bar(decoder);
	av_frame_free(&frame);
	/* Here libavcodec lets go of all pictures, and the last filters can run. */
	input_close(&decoder->input);
	if (problem_is(&decoder->base.problem))
		decoder->base.failed = true;
	mailbox_put(decoder->client, &(struct message){ .kind = MESSAGE_END });
	return NULL;
}

void decoder_engine_init(struct decoder_engine *decoder, struct pool *pool,
			 const struct reference *ref, const char *path, struct mailbox *client,
			 struct problem *problem)
{
	memset(decoder, 0, sizeof(*decoder));
	decoder->holds.name = "decoder holds";
	decoder->pool = pool;
	decoder->layout = &ref->layout;
	decoder->client = client;
	if (!engine_init(&decoder->base, "decoder", NULL))
		problem_set(problem, "out of memory");
	if (!input_open(&decoder->input, path, ref->count))
		problem_set(problem, "%s", decoder->input.problem.text);
	decoder->input.get_buffer = get_buffer;
	decoder->input.owner = decoder;
}

void decoder_engine_fini(struct decoder_engine *decoder)
{
	input_close(&decoder->input);
	trace_fini(&decoder->holds);
	engine_fini(&decoder->base);
}

int decoder_attach(struct decoder_engine *decoder)
{
	int err = engine_attach(&decoder->base, decoder->pool, DMA_BIDIRECTIONAL);

	for (unsigned int i = 0; !err && i < decoder->pool->count; i++)
		decoder->pool->buffers[i].decoder_memory = decoder->base.import[i].memory;
	return err;
}

bool decoder_start(struct decoder_engine *decoder)
{
	return engine_start(&decoder->base, body);
}
