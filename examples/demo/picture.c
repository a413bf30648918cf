/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>

bool picture_supports(int format)
{
	switch (format) {
	case AV_PIX_FMT_YUV420P:
	case AV_PIX_FMT_YUV422P:
	case AV_PIX_FMT_YUV444P:
	case AV_PIX_FMT_YUVJ420P:
	case AV_PIX_FMT_YUVJ422P:
	case AV_PIX_FMT_YUVJ444P:
		return true;
	default:
		return false;
	}
}

void picture_of_frame(struct picture *pic, const AVFrame *frame)
{
	const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);

	for (int i = 0; i < PICTURE_PLANES; i++) {
		pic->plane[i] = frame->data[i];
		pic->stride[i] = frame->linesize[i];
	}
	pic->width = frame->width;
	pic->height = frame->height;
	pic->shift_x = desc->log2_chroma_w;
	pic->shift_y = desc->log2_chroma_h;
	pic->format = frame->format;
}
