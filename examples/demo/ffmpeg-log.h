/* SPDX-License-Identifier: MIT */
/*
 * FFmpeg's libraries talk on stderr by default. Here they are quiet, and the demo says
 * what is wrong in one sentence of its own.
 */
#ifndef DEMO_FFMPEG_LOG_H
#define DEMO_FFMPEG_LOG_H

void ffmpeg_log_init(void);

/*
 * How often a demuxer has said, on this thread, that a file ended too early. Matroska's
 * says it there and nowhere else.
 */
unsigned int ffmpeg_log_cut_off(void);

/* The text for an FFmpeg error code, in a buffer of the calling thread. */
const char *ffmpeg_error(int err);

#endif
