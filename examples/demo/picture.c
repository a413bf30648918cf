/* SPDX-License-Identifier: MIT */
#include "picture.h"

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
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

size_t picture_move(struct picture *pic, const uint8_t *from, uint8_t *to, size_t size)
{
	size_t elsewhere = 0;

	for (int plane = 0; plane < PICTURE_PLANES; plane++) {
		uintptr_t offset = (uintptr_t)pic->plane[plane] - (uintptr_t)from;
		size_t bytes = picture_plane_bytes(pic, plane);

		if (offset < size && bytes <= size - offset)
			pic->plane[plane] = to + offset;
		else
			elsewhere += bytes;
	}
	return elsewhere;
}

size_t picture_copy(const struct picture *to, const struct picture *from)
{
	size_t copied = 0;

	for (int plane = 0; plane < PICTURE_PLANES; plane++) {
		int width = picture_width(from, plane), height = picture_height(from, plane);

		av_image_copy_plane(to->plane[plane], to->stride[plane], from->plane[plane],
				    from->stride[plane], width, height);
		copied += (size_t)width * (size_t)height;
	}
	return copied;
}
