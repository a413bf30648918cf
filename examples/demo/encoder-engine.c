/* SPDX-License-Identifier: MIT */
/*
 * MPEG-4 with B-frames where the pictures are 4:2:0, motion JPEG for the rest: what
 * FFmpeg has built in, and every player plays. In Matroska, since a file that ends early
 * (a full disk) still plays.
 *
 * The codec gets AVFrames whose planes are where the frame lies and whose AVBufferRef
 * tells when it has let go.
 */
#include "encoder-engine.h"

#include <errno.h>
#include <string.h>

#include "ffmpeg-log.h"

#define B_FRAMES 2
#define QUALITY 3      /* quantiser: 1 best, 31 worst */
#define MAX_RATE 65535 /* MPEG-4 has 16 bits for each part of the frame rate */

/* A fence takes an errno; FFmpeg's own codes are not. */
static int fail(struct encoder_engine *encoder, int err)
{
	problem_set(&encoder->base.problem, "cannot write '%s' any further: %s", encoder->path,
		    ffmpeg_error(err));
	/* It gets no more frames, and would keep for ever those that it has, and whoever waits for them. */
	avcodec_free_context(&encoder->codec);
	return err < -4095 ? -EIO : err;
}

/*
 * Write a packet so that it is in the file, whole, when this returns: the process may be
 * killed at any time. Matroska's muxer would gather them in memory, up to the next key
 * picture; nothing to write ends what it gathers.
 */
static int write_packet(struct encoder_engine *encoder)
{
	int err = av_write_frame(encoder->file, encoder->packet);

	av_packet_unref(encoder->packet);
	if (err >= 0)
		err = av_write_frame(encoder->file, NULL);
	return err < 0 ? err : encoder->file->pb->error;
}

/* Write the packets that are ready. 0 or an FFmpeg error. */
static int write_packets(struct encoder_engine *encoder)
{
	AVStream *stream = encoder->file->streams[0];
	int err;

	while (!(err = avcodec_receive_packet(encoder->codec, encoder->packet))) {
		av_packet_rescale_ts(encoder->packet, encoder->codec->time_base, stream->time_base);
		encoder->packet->stream_index = 0;
		err = write_packet(encoder);
		if (err < 0)
			return err;
		encoder->frames++;
	}
	return err == AVERROR(EAGAIN) || err == AVERROR_EOF ? 0 : err;
}

/* An AVFrame over the work's memory, or NULL; whichever, it lets go of that. */
static AVFrame *lend(struct encoder_engine *encoder, const struct work *work)
{
	const struct picture *pic = &work->picture[0];
	AVFrame *frame = av_frame_alloc();

	if (frame)
		frame->buf[0] = av_buffer_create(work->memory, work->size, work->let_go,
						 work->keeper, AV_BUFFER_FLAG_READONLY);
	if (!frame || !frame->buf[0]) {
		work->let_go(work->keeper, work->memory);
		av_frame_free(&frame);
		return NULL;
	}
	for (int i = 0; i < PICTURE_PLANES; i++) {
		frame->data[i] = pic->plane[i];
		frame->linesize[i] = pic->stride[i];
	}
	frame->width = pic->width;
	frame->height = pic->height;
	frame->format = pic->format;
	frame->color_range = encoder->codec->color_range;
	frame->quality = encoder->codec->global_quality;
	frame->pts = (int64_t)work->frame;
	return frame;
}

static int run(struct engine *engine, const struct work *work)
{
	struct encoder_engine *encoder = (struct encoder_engine *)engine;
	AVFrame *frame;
	int err;

	if (engine->failed) {
		work->let_go(work->keeper, work->memory);
		return -ECANCELED;
	}
	frame = lend(encoder, work);
	if (!frame)
		return fail(encoder, AVERROR(ENOMEM));
	err = avcodec_send_frame(encoder->codec, frame);
	av_frame_free(&frame);
	if (!err)
		err = write_packets(encoder);
	return err ? fail(encoder, err) : 0;
}

/* On the engine's thread, too, since here the codec lets go of its last frames. */
static void finish(struct engine *engine)
{
	struct encoder_engine *encoder = (struct encoder_engine *)engine;
	int err = 0;

	if (!engine->failed) {
		err = avcodec_send_frame(encoder->codec, NULL);
		if (!err)
			err = write_packets(encoder);
	}
	avcodec_free_context(&encoder->codec);
	if (!err)
		err = av_write_trailer(encoder->file);
	if (!err)
		err = avio_closep(&encoder->file->pb);
	if (err < 0)
		fail(encoder, err);
}

static bool is_420(int pix_fmt)
{
	return pix_fmt == AV_PIX_FMT_YUV420P;
}

static int open_codec(struct encoder_engine *encoder, const struct reference *ref)
{
	const AVCodec *kind =
		avcodec_find_encoder(is_420(ref->pix_fmt) ? AV_CODEC_ID_MPEG4 : AV_CODEC_ID_MJPEG);
	AVCodecContext *codec = kind ? avcodec_alloc_context3(kind) : NULL;
	int num, den;

	if (!codec)
		return kind ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;
	encoder->codec = codec;
	av_reduce(&num, &den, ref->rate.num, ref->rate.den, MAX_RATE);
	codec->width = ref->width;
	codec->height = ref->height;
	codec->pix_fmt = ref->pix_fmt;
	codec->time_base = (AVRational){ den, num };
	codec->framerate = (AVRational){ num, den };
	codec->thread_count = 1;
	codec->flags |= AV_CODEC_FLAG_QSCALE;
	codec->global_quality = FF_QP2LAMBDA * QUALITY;
	if (is_420(ref->pix_fmt)) {
		codec->max_b_frames = B_FRAMES;
	} else {
		/* JPEG in the ranges of video: players know it, the standard does not. */
		codec->color_range = AVCOL_RANGE_MPEG;
		codec->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
	}
	if (encoder->file->oformat->flags & AVFMT_GLOBALHEADER)
		codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	return avcodec_open2(codec, kind, NULL);
}

static int open_file(struct encoder_engine *encoder, const struct reference *ref)
{
	AVStream *stream;
	int err;

	err = avformat_alloc_output_context2(&encoder->file, NULL, "matroska", encoder->path);
	if (err < 0)
		return err;
	encoder->file->flags |= AVFMT_FLAG_FLUSH_PACKETS;
	encoder->packet = av_packet_alloc();
	stream = avformat_new_stream(encoder->file, NULL);
	if (!stream || !encoder->packet)
		return AVERROR(ENOMEM);
	err = open_codec(encoder, ref);
	if (err < 0)
		return err;
	err = avcodec_parameters_from_context(stream->codecpar, encoder->codec);
	if (err < 0)
		return err;
	stream->time_base = encoder->codec->time_base;
	stream->avg_frame_rate = encoder->codec->framerate;
	err = avio_open(&encoder->file->pb, encoder->path, AVIO_FLAG_WRITE);
	return err < 0 ? err : avformat_write_header(encoder->file, NULL);
}

void encoder_engine_init(struct encoder_engine *encoder, const struct reference *ref,
			 const char *path, struct problem *problem)
{
	int err;

	encoder->path = path;
	engine_init(&encoder->base, "encoder", run);
	encoder->base.finish = finish;
	err = open_file(encoder, ref);
	if (err < 0)
		problem_set(problem, "cannot write '%s': %s", path, ffmpeg_error(err));
}

void encoder_engine_fini(struct encoder_engine *encoder)
{
	avcodec_free_context(&encoder->codec);
	av_packet_free(&encoder->packet);
	if (encoder->file) {
		avio_closep(&encoder->file->pb);
		avformat_free_context(encoder->file);
	}
	engine_fini(&encoder->base);
}

unsigned int encoder_keeps(const struct reference *ref)
{
	/* Those it puts in order, the one it codes, and the one before, to compare with. */
	return (is_420(ref->pix_fmt) ? B_FRAMES : 0) + 2;
}
