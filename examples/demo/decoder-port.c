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
#include "decoder-port.h"

#include <string.h>

#include "progress.h"

/* All pictures up to a point are decoded. */
static void finished(struct decoder_port *decoder, uint64_t seqno)
{
	if (seqno <= decoder->finished)
		return;
	if (decoder->port->race)
		for (unsigned int i = 0; i < decoder->pool->count; i++)
			if (decoder->decoding[i].seqno > decoder->finished &&
			    decoder->decoding[i].seqno <= seqno)
				port_wrote(decoder->port, decoder->decoding[i].buffer);
	decoder->engine->base.done += seqno - decoder->finished;
	decoder->finished = seqno;
	if (decoder->engine->base.report)
		decoder->engine->base.report(&decoder->engine->base);
	dma_fence_timeline_signal(decoder->port->timeline, seqno, 0);
}

/* The bar of the picture that libavcodec worked on ends: it does something else. */
static void end_bar(struct decoder_port *decoder)
{
	struct decoding *decoding = decoder->at_work;

	if (decoding && decoding->bar != TRACE_NONE)
		decoder->port->trace.bars[decoding->bar].end = now_ns();
	decoder->at_work = NULL;
}

/* libavcodec needs the picture no more: free of the AVBufferRef. */
static void let_go(void *opaque, uint8_t *data)
{
	struct decoding *decoding = opaque;
	struct decoder_port *decoder = decoding->decoder;

	(void)data;
	finished(decoder, decoding->seqno);
	decoding->hold_bar.end = now_ns();
	trace_add(&decoder->holds, &decoding->hold_bar);
	dma_fence_timeline_signal(decoding->buffer->decoder_hold, decoding->hold_seqno, 0);
}

static void begin(struct decoder_port *decoder, struct job *job)
{
	struct decoding *decoding = &decoder->decoding[job->buffer[0]->index];
	struct trace_bar bar;

	port_begin(job, &bar);
	bar.frame = NOT_SHOWN;
	*decoding = (struct decoding){
		.decoder = decoder,
		.buffer = job->buffer[0],
		.seqno = job->fence->seqno,
		.hold_seqno = job->hold->seqno,
		.hold_bar = bar,
	};
	port_name(decoder->port, job->hold, &decoding->hold_bar.context,
		  &decoding->hold_bar.seqno);
	decoding->hold_bar.turn = bar.begin;
	decoding->hold_bar.row = job->buffer[0]->index;
	decoding->hold_bar.waits = 0;
	bar.end = bar.begin;
	decoding->bar = trace_add(&decoder->port->trace, &bar);
	decoder->at_work = decoding;
}

static uint8_t *memory_of(const struct decoder_port *decoder, const struct decoding *decoding)
{
	return decoder->port->import[decoding->buffer->index].memory;
}

/* A buffer that may be written now, or NULL. */
static struct decoding *take_buffer(struct decoder_port *decoder)
{
	struct job *job = decoder->client.ask(decoder);

	if (!job)
		return NULL;
	begin(decoder, job);
	job_free(job);
	return decoder->at_work;
}

/* The hook of the input: libavcodec wants memory for a picture. */
static int get_buffer(struct input *in, AVFrame *frame, int flags)
{
	struct decoder_port *decoder = in->owner;
	struct decoding *decoding;
	uint8_t *memory;

	end_bar(decoder);
	if (decoder->next < decoder->from)
		return avcodec_default_get_buffer2(in->codec, frame, flags);
	decoding = take_buffer(decoder);
	if (!decoding)
		return AVERROR_EXIT;
	memory = memory_of(decoder, decoding);
	if (decoder_lend(frame, decoder->layout, memory, decoding->buffer->dmabuf->size, let_go,
			 decoding)) {
		let_go(decoding, memory);
		problem_set(&decoder->engine->base.problem, "out of memory");
		return AVERROR_EXIT;
	}
	return 0;
}

/* The picture is in the pool. */
static void show(struct decoder_port *decoder, struct decoding *decoding, uint64_t number,
		 const struct picture *pic)
{
	decoding->frame = number;
	decoding->hold_bar.frame = number;
	if (decoding->bar != TRACE_NONE)
		decoder->port->trace.bars[decoding->bar].frame = number;
	/* There may be jobs for it at once; what makes them wait is the fence. */
	decoder->client.shown(decoder, decoding, pic);
	finished(decoder, decoding->seqno);
}

/* The picture is in libavcodec's memory, from the time before decoder->from. */
static bool carry_over(struct decoder_port *decoder, const AVFrame *frame, uint64_t number)
{
	struct decoding *decoding;
	struct picture from, to;

	picture_of_frame(&from, frame);
	decoding = take_buffer(decoder);
	if (!decoding)
		return false;
	to = layout_picture(decoder->layout, memory_of(decoder, decoding), &from);
	decoder->engine->base.copied += picture_copy(&to, &from);
	end_bar(decoder);
	show(decoder, decoding, number, &to);
	let_go(decoding, to.plane[0]);
	return true;
}

/* A picture came out. */
static bool put_out(struct decoder_engine *engine, AVFrame *frame, uint64_t number)
{
	struct decoder_port *decoder = engine->owner;
	const uint8_t *memory = frame->buf[0] ? frame->buf[0]->data : NULL;
	struct buffer *buffer = memory ? pool_find(decoder->pool, memory) : NULL;
	struct picture pic;

	end_bar(decoder);
	decoder->next = number + 1;
	if (number < decoder->from) {
		if (engine->base.report) /* it is not idle */
			engine->base.report(&engine->base);
		return true;
	}
	if (!buffer && decoder->from)
		return carry_over(decoder, frame, number);
	if (!buffer) {
		decoder_astray(engine);
		return false;
	}
	picture_of_frame(&pic, frame);
	show(decoder, &decoder->decoding[buffer->index], number, &pic);
	return true;
}

static void end(struct decoder_engine *engine)
{
	struct decoder_port *decoder = engine->owner;

	end_bar(decoder);
	decoder->client.ended(decoder);
}

void decoder_port_init(struct decoder_port *decoder, struct port *port,
		       struct decoder_engine *engine, struct pool *pool,
		       const struct layout *layout, const struct decoder_client *client)
{
	memset(decoder, 0, sizeof(*decoder));
	decoder->holds.name = "decoder holds";
	decoder->port = port;
	decoder->engine = engine;
	decoder->pool = pool;
	decoder->layout = layout;
	decoder->client = *client;
	engine->input.get_buffer = get_buffer;
	engine->input.owner = decoder;
	engine->put_out = put_out;
	engine->end = end;
	engine->owner = decoder;
}

void decoder_port_fini(struct decoder_port *decoder)
{
	trace_fini(&decoder->holds);
}

int decoder_port_attach(struct decoder_port *decoder)
{
	int err = port_attach(decoder->port, decoder->pool, DMA_BIDIRECTIONAL);

	for (unsigned int i = 0; !err && i < decoder->pool->count; i++)
		decoder->pool->buffers[i].decoder_memory = decoder->port->import[i].memory;
	return err;
}
