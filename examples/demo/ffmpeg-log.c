/* SPDX-License-Identifier: MIT */
#include "ffmpeg-log.h"

#include <string.h>

#include <libavutil/error.h>
#include <libavutil/log.h>

static _Thread_local unsigned int cut_off;

static void listen(void *context, int level, const char *fmt, va_list args)
{
	(void)context;
	(void)args;
	if (level <= AV_LOG_WARNING && strstr(fmt, "ended prematurely"))
		cut_off++;
}

void ffmpeg_log_init(void)
{
	av_log_set_callback(listen);
}

unsigned int ffmpeg_log_cut_off(void)
{
	return cut_off;
}

const char *ffmpeg_error(int err)
{
	static _Thread_local char text[AV_ERROR_MAX_STRING_SIZE];

	return av_make_error_string(text, sizeof(text), err);
}
