/* SPDX-License-Identifier: MIT */
/*
 * The decoder runs on one thread (thread_count 1), so the hook runs on the thread
 * that asks for pictures, and what libavcodec does is the same in every run.
 *
 * A file that is cut off is noticed in four ways, since each container shows it
 * differently: reading fails, a packet is marked as damaged, the demuxer reports an
 * error, or there are fewer packets than the header promised.
 */
#include "input.h"

#include <errno.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "ffmpeg-log.h"
#include "picture.h"

static void end_with(struct input *in, enum input_end end)
{
	if (in->end == INPUT_WHOLE)
		in->end = end;
}

/* One sentence for what was found, now that all good pictures are out. */
static void describe_end(struct input *in)
{
	const char *format = av_get_pix_fmt_name(in->next_pix_fmt);

	if (in->frames >= in->limit || in->stopped)
		return;
	switch (in->end) {
	case INPUT_WHOLE:
		break;
	case INPUT_DAMAGED:
		if (in->frames)
			problem_set(&in->problem,
				    "'%s' is cut off or damaged after %" PRIu64 " frames", in->path,
				    in->frames);
		else
			problem_set(&in->problem, "'%s' is damaged: not one frame can be decoded",
				    in->path);
		break;
	case INPUT_RESIZED:
		problem_set(&in->problem,
			    "'%s' changes from %dx%d %s to %dx%d %s after %" PRIu64
			    " frames, and the demo's pool is made for one size",
			    in->path, in->width, in->height, av_get_pix_fmt_name(in->pix_fmt),
			    in->next_width, in->next_height, format ? format : "?", in->frames);
		break;
	case INPUT_FOREIGN:
		problem_set(&in->problem,
			    "'%s' has %s pictures, and the demo takes planar 8-bit YUV (4:2:0, "
			    "4:2:2 or 4:4:4)",
			    in->path, format ? format : "unknown");
		break;
	}
}

/*
 * Where a picture is damaged, libavcodec may leave samples as they were in the memory that
 * it got. So that is always the same, here and in every other run: then damage is, too.
 */
static void blank(AVFrame *frame)
{
	for (int i = 0; i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
		memset(frame->buf[i]->data, 0, frame->buf[i]->size);
}

/* The checks before libavcodec gets memory. Its pictures must all be alike. */
static int get_buffer(AVCodecContext *codec, AVFrame *frame, int flags)
{
	struct input *in = codec->opaque;
	int err;

	if (in->end == INPUT_WHOLE) {
		in->next_width = codec->width;
		in->next_height = codec->height;
		in->next_pix_fmt = frame->format;
	}
	if (!picture_supports(frame->format) && in->pix_fmt == AV_PIX_FMT_NONE) {
		end_with(in, INPUT_FOREIGN);
		return AVERROR(EINVAL);
	}
	if (in->pix_fmt == AV_PIX_FMT_NONE) {
		in->pix_fmt = frame->format;
		in->width = codec->width;
		in->height = codec->height;
	}
	if (codec->width != in->width || codec->height != in->height ||
	    frame->format != in->pix_fmt) {
		end_with(in, INPUT_RESIZED);
		return AVERROR(EINVAL);
	}
	err = in->get_buffer(in, frame, flags);
	if (err == AVERROR_EXIT)
		in->stopped = true;
	if (!err)
		blank(frame);
	return err;
}

static bool open_file(struct input *in)
{
	int err = avformat_open_input(&in->format, in->path, NULL, NULL);

	/* An errno is the file's; FFmpeg's own codes are about what is in it. */
	if (err == AVERROR(ENOENT) || err == AVERROR(EACCES) || err == AVERROR(EISDIR) ||
	    err == AVERROR(ENOTDIR) || err == AVERROR(EIO)) {
		problem_set(&in->problem, "cannot read '%s': %s", in->path,
			    strerror(AVUNERROR(err)));
		return false;
	}
	if (!err)
		err = avformat_find_stream_info(in->format, NULL);
	if (err < 0) {
		problem_set(&in->problem, "'%s' is no video that FFmpeg can read: %s", in->path,
			    ffmpeg_error(err));
		return false;
	}
	return true;
}

static bool open_codec(struct input *in)
{
	const AVCodec *decoder = NULL;
	int err;

	in->stream = av_find_best_stream(in->format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
	if (in->stream < 0) {
		problem_set(&in->problem, "'%s' has no video that FFmpeg can decode", in->path);
		return false;
	}
	if (!(decoder->capabilities & AV_CODEC_CAP_DR1)) {
		problem_set(&in->problem,
			    "'%s' needs the decoder %s, which decodes into memory of its own only",
			    in->path, decoder->name);
		return false;
	}
	in->codec = avcodec_alloc_context3(decoder);
	in->packet = av_packet_alloc();
	err = in->codec && in->packet ? 0 : AVERROR(ENOMEM);
	if (!err)
		err = avcodec_parameters_to_context(in->codec,
						    in->format->streams[in->stream]->codecpar);
	if (!err) {
		in->codec->thread_count = 1;
		in->codec->opaque = in;
		in->codec->get_buffer2 = get_buffer;
		err = avcodec_open2(in->codec, decoder, NULL);
	}
	if (err < 0)
		problem_set(&in->problem, "cannot open the decoder of '%s': %s", in->path,
			    ffmpeg_error(err));
	return err >= 0;
}

bool input_open(struct input *in, const char *path, uint64_t limit)
{
	memset(in, 0, sizeof(*in));
	in->path = path;
	in->limit = limit;
	in->cut_off = ffmpeg_log_cut_off();
	in->pix_fmt = AV_PIX_FMT_NONE;
	if (open_file(in) && open_codec(in)) {
		for (unsigned int i = 0; i < in->format->nb_streams; i++)
			if ((int)i != in->stream)
				in->format->streams[i]->discard = AVDISCARD_ALL;
		return true;
	}
	input_close(in);
	return false;
}

void input_close(struct input *in)
{
	avcodec_free_context(&in->codec);
	avformat_close_input(&in->format);
	av_packet_free(&in->packet);
}

AVRational input_rate(const struct input *in)
{
	AVRational rate = av_guess_frame_rate(in->format, in->format->streams[in->stream], NULL);

	return rate.num > 0 && rate.den > 0 ? rate : (AVRational){ 25, 1 };
}

/* How many packets the header promised; 0: it does not say. */
static uint64_t promised_packets(const struct input *in)
{
	const AVStream *stream = in->format->streams[in->stream];

	/* MP4 counts samples that an edit list takes out; its index does not. */
	if (strstr(in->format->iformat->name, "mov"))
		return (uint64_t)avformat_index_get_entries_count(stream);
	return stream->nb_frames > 0 ? (uint64_t)stream->nb_frames : 0;
}

/* Read the next packet of the stream. False: there is none, or it is damaged. */
static bool read_packet(struct input *in)
{
	int err;

	do {
		av_packet_unref(in->packet);
		err = av_read_frame(in->format, in->packet);
	} while (!err && in->packet->stream_index != in->stream);

	/* Some demuxers, of formats without an end mark, call the end of the file an error. */
	if (err == AVERROR(EIO) && avio_feof(in->format->pb) && !in->format->pb->error)
		err = AVERROR_EOF;
	if (err == AVERROR_EOF && ffmpeg_log_cut_off() == in->cut_off &&
	    in->packets >= promised_packets(in))
		return false;
	if (err || in->packet->flags & AV_PKT_FLAG_CORRUPT) {
		end_with(in, INPUT_DAMAGED);
		return false;
	}
	in->packets++;
	return true;
}

/* Give the codec a packet, or, at the end, none: what it holds still comes out. */
static void feed(struct input *in)
{
	int err;

	in->draining = in->end != INPUT_WHOLE || !read_packet(in);
	err = avcodec_send_packet(in->codec, in->draining ? NULL : in->packet);
	av_packet_unref(in->packet);
	if (err)
		end_with(in, INPUT_DAMAGED);
}

/* 0: a good picture; AVERROR_EOF: no more; AVERROR(EAGAIN): a packet is wanted. */
static int receive(struct input *in, AVFrame *frame)
{
	int err = avcodec_receive_frame(in->codec, frame);

	if (!err && (frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT)) {
		/* Concealed damage. Later pictures may be built on this one. */
		av_frame_unref(frame);
		end_with(in, INPUT_DAMAGED);
		return AVERROR_EOF;
	}
	if (!err || err == AVERROR_EOF || err == AVERROR(EAGAIN))
		return err;
	end_with(in, INPUT_DAMAGED);
	return in->draining ? AVERROR_EOF : AVERROR(EAGAIN);
}

bool input_next(struct input *in, AVFrame *frame)
{
	while (in->frames < in->limit && !in->stopped) {
		int err = receive(in, frame);

		if (!err) {
			in->frames++;
			return true;
		}
		if (err == AVERROR_EOF || in->draining)
			break;
		feed(in);
	}
	describe_end(in);
	return false;
}
