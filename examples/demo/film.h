/* SPDX-License-Identifier: MIT */
/*
 * The video file of an encoder that may be killed at any time. Each encoder process
 * writes a part, a Matroska file of its own; when it has ended, however it did, the
 * pictures that are whole in the part are appended to the one file, as they are coded.
 */
#ifndef DEMO_FILM_H
#define DEMO_FILM_H

#include <libavformat/avformat.h>

#include "reference.h"

struct film {
	const char *path;
	AVRational rate;
	AVIOContext *io;       /* the open file */
	AVFormatContext *file; /* NULL before the first picture, which says how it is coded */
	AVPacket *packet;
	int64_t latest, before; /* the two highest presentation times so far */
	uint64_t frames;        /* pictures in the file */
	bool failed;
};

/*
 * Open @path, which must stay, for frames at the rate of @ref. False: @problem says why.
 * film_close() in any case.
 */
bool film_open(struct film *film, const char *path, const struct reference *ref,
	       struct problem *problem);

/*
 * Append what is whole of @part and remove it. A part that is cut off anywhere, or empty,
 * or was never made, gives fewer pictures, maybe none, and is no problem. The first
 * picture of a part comes after all those of the parts before; some may be missing in
 * between. When this returns, the pictures have left this process.
 *
 * False, now and from then on: the film cannot be written, or @part not be read; @problem
 * said why the first time. Not on a thread that reads a struct input: see
 * ffmpeg_log_cut_off().
 */
bool film_append(struct film *film, const char *part, struct problem *problem);

/*
 * Write the end and close the file. Without any picture, it stays empty. False: the film
 * has failed, now, and @problem says why, or before.
 */
bool film_close(struct film *film, struct problem *problem);

#endif
