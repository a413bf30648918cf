/* SPDX-License-Identifier: MIT */
/* Writing a picture as a PNG file, and making RGB of YUV for it. */
#ifndef DEMO_PNG_H
#define DEMO_PNG_H

#include "picture.h"
#include "problem.h"

/* Packed RGB, three bytes a sample. */
struct rgb_image {
	uint8_t *data;
	int width, height, stride;
};

bool rgb_image_init(struct rgb_image *image, int width, int height);
void rgb_image_fini(struct rgb_image *image);

/* Scale @pic into the rectangle of @image. False: no memory, or sizes that cannot be. */
bool rgb_image_draw(struct rgb_image *image, int x, int y, int width, int height,
		    const struct picture *pic);

bool png_write(const struct rgb_image *image, const char *path, struct problem *problem);

#endif
