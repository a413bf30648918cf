/* SPDX-License-Identifier: MIT */
/*
 * Make a small video for the demo's tests: a ball crosses a field of slopes.
 *
 * make-clip FILE ENCODER PIXELFORMAT WIDTHxHEIGHT FRAMES [WIDTHxHEIGHT]
 *
 * FILE's ending says which container. With a second size, the other half of the frames
 * has that one.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

struct clip {
	AVFormatContext *file;
	AVPacket *packet;
	const AVCodec *kind;
	enum AVPixelFormat format;
	char *statistics; /* of a first pass */
	int64_t written;  /* the time of the last packet */
};

enum { ONLY_PASS, FIRST_PASS = AV_CODEC_FLAG_PASS1, SECOND_PASS = AV_CODEC_FLAG_PASS2 };

static void check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "make-clip: %s: %s\n", what, av_err2str(err));
	exit(1);
}

/* Some pictures are there only for others to be made from, and are never shown: it takes two passes to find them. */
static bool takes_two_passes(const struct clip *clip)
{
	return !strcmp(clip->kind->name, "libvpx");
}

static void set_pass(const struct clip *clip, AVCodecContext *codec, int pass)
{
	codec->flags |= pass;
	codec->stats_in = clip->statistics;
	codec->gop_size = 120;
	check(av_opt_set_int(codec->priv_data, "auto-alt-ref", 1, 0), "alternate references");
	check(av_opt_set_int(codec->priv_data, "lag-in-frames", 16, 0), "alternate references");
}

static AVCodecContext *open_codec(const struct clip *clip, int pass, int width, int height)
{
	AVCodecContext *codec = avcodec_alloc_context3(clip->kind);

	check(codec ? 0 : AVERROR(ENOMEM), "encoder");
	codec->width = width;
	codec->height = height;
	codec->pix_fmt = clip->format;
	codec->time_base = (AVRational){ 1, 25 };
	codec->framerate = (AVRational){ 25, 1 };
	codec->gop_size = 12;
	codec->thread_count = 1;
	codec->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
	codec->bit_rate = 1000000;
	codec->flags |= AV_CODEC_FLAG_BITEXACT;
	if (clip->kind->id == AV_CODEC_ID_MPEG4 || clip->kind->id == AV_CODEC_ID_MPEG2VIDEO)
		codec->max_b_frames = 2;
	if (pass)
		set_pass(clip, codec, pass);
	if (clip->file->oformat->flags & AVFMT_GLOBALHEADER)
		codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	check(avcodec_open2(codec, clip->kind, NULL), "encoder");
	return codec;
}

static void open_file(struct clip *clip, const char *path, const AVCodecContext *codec)
{
	AVDictionary *options = NULL;
	AVStream *stream = avformat_new_stream(clip->file, NULL);

	check(stream ? avcodec_parameters_from_context(stream->codecpar, codec) : AVERROR(ENOMEM),
	      path);
	stream->time_base = codec->time_base;
	stream->avg_frame_rate = codec->framerate;
	check(avio_open(&clip->file->pb, path, AVIO_FLAG_WRITE), path);
	/* The index of an MP4 comes first, so that the file can be cut off after it. */
	if (!strcmp(clip->file->oformat->name, "mp4"))
		check(av_dict_set(&options, "movflags", "faststart", 0), path);
	check(avformat_write_header(clip->file, &options), path);
	av_dict_free(&options);
}

static void paint(AVFrame *frame, int number)
{
	const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);

	for (int plane = 0; plane < 3 && frame->data[plane]; plane++) {
		int shift_x = plane ? desc->log2_chroma_w : 0,
		    shift_y = plane ? desc->log2_chroma_h : 0;
		int ball_x = number * 3 % frame->width, ball_y = number * 2 % frame->height;

		for (int y = 0; y < frame->height >> shift_y; y++) {
			uint8_t *row = frame->data[plane] + y * frame->linesize[plane];

			for (int x = 0; x < frame->width >> shift_x; x++) {
				int dx = (x << shift_x) - ball_x, dy = (y << shift_y) - ball_y;
				bool ball = dx * dx + dy * dy < frame->height * frame->height / 16;

				row[x] = (uint8_t)(ball ? 200 - 60 * plane :
							  64 + (2 * x + y + number + 40 * plane) %
									   120);
			}
		}
	}
}

static void write_packets(struct clip *clip, AVCodecContext *codec)
{
	int err;

	while (!(err = avcodec_receive_packet(codec, clip->packet))) {
		av_packet_rescale_ts(clip->packet, codec->time_base,
				     clip->file->streams[0]->time_base);
		clip->packet->stream_index = 0;
		/* What is never shown has the time of its successor. */
		if (clip->packet->dts <= clip->written)
			clip->packet->pts = clip->packet->dts = clip->written + 1;
		clip->written = clip->packet->dts;
		if (!clip->packet->duration)
			clip->packet->duration = 1;
		check(av_interleaved_write_frame(clip->file, clip->packet), "writing");
	}
	check(err == AVERROR(EAGAIN) || err == AVERROR_EOF ? 0 : err, "encoding");
}

static void encode(struct clip *clip, AVCodecContext *codec, int from, int to)
{
	AVFrame *frame = av_frame_alloc();

	check(frame ? 0 : AVERROR(ENOMEM), "frame");
	frame->width = codec->width;
	frame->height = codec->height;
	frame->format = codec->pix_fmt;
	check(av_frame_get_buffer(frame, 0), "frame");
	for (int i = from; i < to; i++) {
		check(av_frame_make_writable(frame), "frame");
		paint(frame, i);
		frame->pts = i;
		check(avcodec_send_frame(codec, frame), "encoding");
		write_packets(clip, codec);
	}
	check(avcodec_send_frame(codec, NULL), "encoding");
	write_packets(clip, codec);
	av_frame_free(&frame);
}

/* Packets come from the second pass only. */
static void look_at_all(struct clip *clip, int width, int height, int frames)
{
	AVCodecContext *codec = open_codec(clip, FIRST_PASS, width, height);

	encode(clip, codec, 0, frames);
	clip->statistics = av_strdup(codec->stats_out ? codec->stats_out : "");
	check(clip->statistics ? 0 : AVERROR(ENOMEM), "first pass");
	avcodec_free_context(&codec);
}

static void parse_size(const char *text, int *width, int *height)
{
	check(sscanf(text, "%dx%d", width, height) == 2 ? 0 : AVERROR(EINVAL), text);
}

int main(int argc, char **argv)
{
	struct clip clip = { .written = INT64_MIN };
	int width, height, frames, half;
	AVCodecContext *codec;

	check(argc == 6 || argc == 7 ? 0 : AVERROR(EINVAL), "arguments");
	av_log_set_level(AV_LOG_ERROR);
	frames = atoi(argv[5]);
	half = argc == 7 ? frames / 2 : frames;
	check(avformat_alloc_output_context2(&clip.file, NULL, NULL, argv[1]), argv[1]);
	clip.file->flags |= AVFMT_FLAG_BITEXACT;
	clip.packet = av_packet_alloc();
	clip.kind = avcodec_find_encoder_by_name(argv[2]);
	clip.format = av_get_pix_fmt(argv[3]);
	check(clip.packet && clip.kind && clip.format != AV_PIX_FMT_NONE ? 0 : AVERROR(EINVAL),
	      argv[2]);

	parse_size(argv[4], &width, &height);
	if (takes_two_passes(&clip))
		look_at_all(&clip, width, height, frames);
	codec = open_codec(&clip, takes_two_passes(&clip) ? SECOND_PASS : ONLY_PASS, width, height);
	open_file(&clip, argv[1], codec);
	encode(&clip, codec, 0, half);
	avcodec_free_context(&codec);
	av_freep(&clip.statistics);
	if (argc == 7) {
		parse_size(argv[6], &width, &height);
		codec = open_codec(&clip, ONLY_PASS, width, height);
		encode(&clip, codec, half, frames);
		avcodec_free_context(&codec);
	}
	check(av_write_trailer(clip.file), argv[1]);
	avio_closep(&clip.file->pb);
	avformat_free_context(clip.file);
	av_packet_free(&clip.packet);
	return 0;
}
