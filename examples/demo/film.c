/* SPDX-License-Identifier: MIT */
/*
 * Decode times. Matroska stores presentation times only; libavformat wants decode times
 * nevertheless, which never fall and are never above those. Pictures come as they are
 * coded: a B-frame after the picture that it is shown before. No codec of the encoder's
 * builds B-frames on B-frames, so at most one picture is ahead of its turn; the second
 * highest presentation time so far is then a decode time that holds for both, and goes on
 * over the end of a part, be it cut off or not.
 */
#include "film.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ffmpeg-log.h"

static bool fail(struct film *film, int err, struct problem *problem)
{
	problem_set(problem, "cannot write '%s' any further: %s", film->path, ffmpeg_error(err));
	film->failed = true;
	return false;
}

bool film_open(struct film *film, const char *path, const struct reference *ref,
	       struct problem *problem)
{
	int err;

	*film = (struct film){
		.path = path, .rate = ref->rate, .latest = AV_NOPTS_VALUE, .before = AV_NOPTS_VALUE
	};
	film->packet = av_packet_alloc();
	err = film->packet ? avio_open(&film->io, path, AVIO_FLAG_WRITE) : AVERROR(ENOMEM);
	film->failed = err < 0;
	if (film->failed)
		problem_set(problem, "cannot write '%s': %s", path, ffmpeg_error(err));
	return !film->failed;
}

/* 0 or an FFmpeg error. */
static int begin_file(struct film *film, const AVStream *from)
{
	AVStream *stream;
	int err = avformat_alloc_output_context2(&film->file, NULL, "matroska", film->path);

	if (err < 0)
		return err;
	film->file->pb = film->io;
	stream = avformat_new_stream(film->file, NULL);
	if (!stream)
		return AVERROR(ENOMEM);
	err = avcodec_parameters_copy(stream->codecpar, from->codecpar);
	if (err < 0)
		return err;
	stream->codecpar->codec_tag = 0; /* the muxer's choice */
	stream->avg_frame_rate = film->rate;
	return avformat_write_header(film->file, NULL);
}

static int64_t decode_time(struct film *film, int64_t shown)
{
	if (film->latest == AV_NOPTS_VALUE) {
		film->before = shown;
		film->latest = shown;
	} else if (shown > film->latest) {
		film->before = film->latest;
		film->latest = shown;
	} else if (shown > film->before) {
		film->before = shown;
	}
	return film->before;
}

/* Write film->packet, which comes from stream @from, and let go of it. */
static int write_packet(struct film *film, const AVStream *from)
{
	AVPacket *packet = film->packet;
	const AVStream *stream;
	int err = film->file ? 0 : begin_file(film, from);

	if (err < 0) {
		av_packet_unref(packet);
		return err;
	}
	stream = film->file->streams[0];
	av_packet_rescale_ts(packet, from->time_base, stream->time_base);
	packet->dts = decode_time(film, packet->pts);
	packet->stream_index = 0;
	packet->pos = -1;
	err = av_write_frame(film->file, packet);
	av_packet_unref(packet);
	film->frames += err >= 0;
	return err;
}

/* Have all that was written leave this process. */
static int flush(struct film *film)
{
	int err = film->file ? av_write_frame(film->file, NULL) : 0;

	avio_flush(film->io);
	return err < 0 ? err : film->io->error;
}

/* What comes before the first packet. NULL: that is not whole. */
static AVFormatContext *open_part(const char *path, AVIOContext *io)
{
	AVFormatContext *part = avformat_alloc_context();

	if (!part)
		return NULL;
	/* Packets as they are in the file: no parser that looks into them or guesses times. */
	part->flags |= AVFMT_FLAG_NOFILLIN | AVFMT_FLAG_NOPARSE;
	part->pb = io;
	if (avformat_open_input(&part, path, av_find_input_format("matroska"), NULL) < 0)
		return NULL;
	return part;
}

/* An error is the film's: where the part cannot be read any further, it is cut off. */
static int copy_packets(struct film *film, AVFormatContext *part)
{
	AVPacket *packet = film->packet;
	int err = 0;

	while (err >= 0 && av_read_frame(part, packet) >= 0) {
		if (packet->stream_index == 0 && packet->pts != AV_NOPTS_VALUE &&
		    !(packet->flags & AV_PKT_FLAG_CORRUPT))
			err = write_packet(film, part->streams[0]);
		else
			av_packet_unref(packet);
	}
	return err < 0 ? err : flush(film);
}

static bool copy_part(struct film *film, const char *path, struct problem *problem)
{
	AVIOContext *io = NULL;
	AVFormatContext *part;
	int read_err = avio_open(&io, path, AVIO_FLAG_READ), err = 0;

	if (read_err == AVERROR(ENOENT))
		return true;
	if (read_err >= 0) {
		part = open_part(path, io);
		if (part)
			err = copy_packets(film, part);
		avformat_close_input(&part);
		read_err = io->error;
		avio_closep(&io);
	}
	if (err < 0)
		return fail(film, err, problem);
	if (read_err < 0) {
		film->failed = true;
		problem_set(problem, "cannot read '%s': %s", path, ffmpeg_error(read_err));
	}
	return !film->failed;
}

bool film_append(struct film *film, const char *part, struct problem *problem)
{
	bool good = !film->failed && copy_part(film, part, problem);

	unlink(part);
	return good;
}

bool film_close(struct film *film, struct problem *problem)
{
	int err = 0, close_err;

	if (film->file && !film->failed)
		err = av_write_trailer(film->file);
	avformat_free_context(film->file);
	film->file = NULL;
	av_packet_free(&film->packet);
	close_err = avio_closep(&film->io);
	if (err >= 0)
		err = close_err;
	return err >= 0 || film->failed ? !film->failed : fail(film, err, problem);
}
