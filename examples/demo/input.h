/* SPDX-License-Identifier: MIT */
/*
 * A video file, picture by picture, in the order in which they are shown. Whose
 * memory the pictures are decoded into is up to a hook, so that the reference run
 * and the demo read the same pictures, and stop at the same one where the file is
 * bad.
 */
#ifndef DEMO_INPUT_H
#define DEMO_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "problem.h"

/* Why an input gives no more pictures. */
enum input_end {
	INPUT_WHOLE,   /* that was all of it, or there may be more */
	INPUT_DAMAGED, /* cut off, or not decodable from here on */
	INPUT_RESIZED, /* the next picture is of another size or format */
	INPUT_FOREIGN, /* of a format that the demo does not take */
};

struct input {
	const char *path;
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	int stream;
	uint64_t packets; /* given to the codec so far */
	uint64_t frames;  /* got out of it so far */
	uint64_t limit;   /* stop after so many frames */
	int width, height;
	int pix_fmt;          /* of the first picture; AV_PIX_FMT_NONE before it */
	unsigned int cut_off; /* ffmpeg_log_cut_off() before it was opened */
	bool draining;        /* no more packets will be sent */
	bool stopped;         /* the hook wants no more */
	enum input_end end;
	int next_width, next_height, next_pix_fmt; /* what the codec wanted then */

	/*
	 * The hook: give @frame its buffer, as AVCodecContext.get_buffer2 does. Called
	 * on the thread that calls input_next(), with the size and format checked.
	 * AVERROR_EXIT stops the input without a problem.
	 */
	int (*get_buffer)(struct input *in, AVFrame *frame, int flags);
	void *owner; /* the hook's */
	struct problem problem;
};

/* Open @path and its decoder. False: in->problem says why, and nothing is open. */
bool input_open(struct input *in, const char *path, uint64_t limit);

/*
 * The next picture; the caller unreferences @frame. False: there is none; where the
 * file is bad, in->problem says so.
 */
bool input_next(struct input *in, AVFrame *frame);

/* Pictures per second; a guess where the file does not say. */
AVRational input_rate(const struct input *in);

/* Frees the codec and with it every picture that it holds. */
void input_close(struct input *in);

#endif
