/* SPDX-License-Identifier: MIT */
#include "png.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include "ffmpeg-log.h"

#define BACKGROUND 0x20

bool rgb_image_init(struct rgb_image *image, int width, int height)
{
	image->width = width;
	image->height = height;
	/* swscale writes whole vectors: a little more at the end of each row. */
	image->stride = (3 * width + 127) & ~63;
	image->data = malloc((size_t)image->stride * (size_t)height + 64);
	if (image->data)
		memset(image->data, BACKGROUND, (size_t)image->stride * (size_t)height);
	return image->data != NULL;
}

void rgb_image_fini(struct rgb_image *image)
{
	free(image->data);
	image->data = NULL;
}

bool rgb_image_draw(struct rgb_image *image, int x, int y, int width, int height,
		    const struct picture *pic)
{
	const uint8_t *const from[4] = { pic->plane[0], pic->plane[1], pic->plane[2], NULL };
	const int from_stride[4] = { pic->stride[0], pic->stride[1], pic->stride[2], 0 };
	struct rgb_image tile;
	struct SwsContext *scaler;

	scaler = sws_getContext(pic->width, pic->height, pic->format, width, height,
				AV_PIX_FMT_RGB24, SWS_AREA, NULL, NULL, NULL);
	if (!scaler)
		return false;
	/* By way of a tile of its own, so that no vector store runs over into the next. */
	if (rgb_image_init(&tile, width, height)) {
		uint8_t *const to[4] = { tile.data, NULL, NULL, NULL };
		const int to_stride[4] = { tile.stride, 0, 0, 0 };

		sws_scale(scaler, from, from_stride, 0, pic->height, to, to_stride);
		for (int row = 0; row < height; row++)
			memcpy(image->data + (ptrdiff_t)(y + row) * image->stride + (ptrdiff_t)3 * x,
			       tile.data + (ptrdiff_t)row * tile.stride, (size_t)3 * (size_t)width);
	}
	sws_freeContext(scaler);
	if (!tile.data)
		return false;
	rgb_image_fini(&tile);
	return true;
}

static int encode(const struct rgb_image *image, AVPacket *packet)
{
	const AVCodec *png = avcodec_find_encoder(AV_CODEC_ID_PNG);
	AVCodecContext *codec = png ? avcodec_alloc_context3(png) : NULL;
	AVFrame *frame = av_frame_alloc();
	int err = AVERROR(ENOMEM);

	if (!codec || !frame)
		goto out;
	codec->width = frame->width = image->width;
	codec->height = frame->height = image->height;
	codec->pix_fmt = frame->format = AV_PIX_FMT_RGB24;
	codec->time_base = (AVRational){ 1, 25 };
	codec->thread_count = 1;
	codec->compression_level = 6;
	frame->data[0] = image->data;
	frame->linesize[0] = image->stride;
	av_opt_set(codec->priv_data, "pred", "paeth", 0);
	err = avcodec_open2(codec, png, NULL);
	if (!err)
		err = avcodec_send_frame(codec, frame);
	if (!err)
		err = avcodec_receive_packet(codec, packet);
out:
	av_frame_free(&frame);
	avcodec_free_context(&codec);
	return err;
}

static int write_file(const char *path, const uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "wb");
	int err = 0;

	if (!file)
		return -errno;
	if (fwrite(data, 1, size, file) != size)
		err = -errno;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

bool png_write(const struct rgb_image *image, const char *path, struct problem *problem)
{
	AVPacket *packet = av_packet_alloc();
	int err = packet ? encode(image, packet) : AVERROR(ENOMEM);

	if (!err)
		err = write_file(path, packet->data, (size_t)packet->size);
	if (err)
		problem_set(problem, "cannot write '%s': %s", path, ffmpeg_error(err));
	av_packet_free(&packet);
	return !err;
}
