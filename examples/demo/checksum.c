/* SPDX-License-Identifier: MIT */
/*
 * 64 bits over the visible samples of all planes, eight samples a step. Each step
 * multiplies by an odd constant and folds the high half down, so every sample
 * changes the result, and so does their order.
 */
#include <string.h>

#include "filter.h"

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

static uint64_t checksum_row(uint64_t sum, const uint8_t *row, size_t width)
{
	uint64_t word;

	for (; width >= sizeof(word); row += sizeof(word), width -= sizeof(word)) {
		memcpy(&word, row, sizeof(word));
		sum = mix(sum, word);
	}
	word = width;
	memcpy(&word, row, width);
	return mix(sum, word);
}

uint64_t checksum_half(uint64_t sum, const struct picture *pic, enum checksum_half half)
{
	for (int plane = 0; plane < PICTURE_PLANES; plane++) {
		int height = picture_height(pic, plane);
		int y = half == CHECKSUM_UPPER ? 0 : height / 2;
		int end = half == CHECKSUM_UPPER ? height / 2 : height;

		for (; y < end; y++)
			sum = checksum_row(sum, picture_row(pic, plane, y),
					   (size_t)picture_width(pic, plane));
	}
	return sum;
}

uint64_t checksum_picture(const struct picture *pic)
{
	return checksum_half(checksum_half(0, pic, CHECKSUM_UPPER), pic, CHECKSUM_LOWER);
}
