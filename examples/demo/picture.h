/* SPDX-License-Identifier: MIT */
/*
 * A picture: planes of 8-bit samples, Y, U, V, somewhere in memory. It owns nothing.
 */
#ifndef DEMO_PICTURE_H
#define DEMO_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICTURE_PLANES 3

struct AVFrame;

struct picture {
	uint8_t *plane[PICTURE_PLANES];
	int stride[PICTURE_PLANES]; /* bytes */
	int width, height;          /* samples of plane 0 */
	int shift_x, shift_y;       /* planes 1 and 2 are so much smaller: a power of two */
	int format;                 /* enum AVPixelFormat */
};

/* Is it planar 8-bit YUV 4:2:0, 4:2:2 or 4:4:4? @format: enum AVPixelFormat. */
bool picture_supports(int format);

/* Where the planes of @frame are; its format is one of the supported. */
void picture_of_frame(struct picture *pic, const struct AVFrame *frame);

static inline int picture_width(const struct picture *pic, int plane)
{
	return plane ? -(-pic->width >> pic->shift_x) : pic->width;
}

static inline int picture_height(const struct picture *pic, int plane)
{
	return plane ? -(-pic->height >> pic->shift_y) : pic->height;
}

static inline uint8_t *picture_row(const struct picture *pic, int plane, int y)
{
	return pic->plane[plane] + (ptrdiff_t)y * pic->stride[plane];
}

/* Bytes from the first to the last sample of a plane. */
static inline size_t picture_plane_bytes(const struct picture *pic, int plane)
{
	return (size_t)(picture_height(pic, plane) - 1) * (size_t)pic->stride[plane] +
	       (size_t)picture_width(pic, plane);
}

/*
 * @pic is in the @size bytes at @from; let it be at the same place of @to. A plane that is
 * elsewhere stays there. Returns the bytes of those planes.
 */
size_t picture_move(struct picture *pic, const uint8_t *from, uint8_t *to, size_t size);

/* Copy the samples, between pictures that are alike. Returns how many. */
size_t picture_copy(const struct picture *to, const struct picture *from);

#endif
