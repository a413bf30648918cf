/* SPDX-License-Identifier: MIT */
/*
 * What the engines do with a picture, without a word about buffers or fences. The
 * reference run calls the same functions on its own copies.
 */
#ifndef DEMO_FILTER_H
#define DEMO_FILTER_H

#include "picture.h"

/*
 * Local contrast, in place: moves every luma sample away from the mean of its
 * surroundings. @room is for filter_contrast_room() numbers.
 */
size_t filter_contrast_room(int width, int height);
void filter_contrast(const struct picture *pic, int *room);

/* The number of the frame, written into the lower left corner. */
void filter_counter(const struct picture *pic, uint64_t number);

/*
 * The checksum of a picture is that of its upper half, continued over its lower
 * half. It comes in two calls so that the demo can let a writer in between.
 */
enum checksum_half { CHECKSUM_UPPER, CHECKSUM_LOWER };
uint64_t checksum_half(uint64_t sum, const struct picture *pic, enum checksum_half half);
uint64_t checksum_picture(const struct picture *pic);

#endif
