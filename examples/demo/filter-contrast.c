/* SPDX-License-Identifier: MIT */
/*
 * Local contrast. The mean of each cell of 32 x 32 luma samples is taken first;
 * between the centres of cells it is interpolated. Then one pass moves each sample
 * away from the mean that holds there. Only the small grid of means is remembered,
 * no sample, so it works in place.
 *
 * Means carry 8 fractional bits.
 */
#include "filter.h"

#define CELL 32
#define STRENGTH 150 /* in 256ths */

static int cells(int samples)
{
	return (samples + CELL - 1) / CELL;
}

size_t filter_contrast_room(int width, int height)
{
	/* The grid, and one row of it at the height of the row that is worked on. */
	return (size_t)cells(width) * (size_t)(cells(height) + 1);
}

static int cell_mean(const struct picture *pic, int cx, int cy)
{
	int x0 = cx * CELL, y0 = cy * CELL;
	int x1 = x0 + CELL < pic->width ? x0 + CELL : pic->width;
	int y1 = y0 + CELL < pic->height ? y0 + CELL : pic->height;
	int sum = 0;

	for (int y = y0; y < y1; y++) {
		const uint8_t *row = picture_row(pic, 0, y);

		for (int x = x0; x < x1; x++)
			sum += row[x];
	}
	return sum * 256 / ((x1 - x0) * (y1 - y0));
}

/* Between the centres of two cells; @at is a position in half samples. */
static void neighbours(int at, int count, int *low, int *high, int *weight)
{
	int shifted = at - CELL;

	*low = shifted < 0 ? 0 : shifted / (2 * CELL);
	*high = shifted < 0 || *low + 1 >= count ? *low : *low + 1;
	*weight = shifted < 0 ? 0 : shifted % (2 * CELL);
}

static void contrast_row(uint8_t *row, int width, const int *means)
{
	int count = cells(width);

	/* From the centre of one cell to the centre of the next the mean is a line. */
	for (int x = 0; x < width;) {
		int end = (x + CELL / 2) / CELL * CELL + CELL / 2;
		int low, high, weight;
		int mean, step;

		neighbours(2 * x, count, &low, &high, &weight);
		mean = (means[low] << 8) + (means[high] - means[low]) * weight * 256 / (2 * CELL);
		step = (means[high] - means[low]) * 256 / CELL;
		if (end > width)
			end = width;
		for (; x < end; x++, mean += step) {
			int sample = row[x] * 256;
			int out = (sample + (sample - (mean >> 8)) * STRENGTH / 256) >> 8;

			row[x] = (uint8_t)(out < 0 ? 0 : out > 255 ? 255 : out);
		}
	}
}

void filter_contrast(const struct picture *pic, int *room)
{
	int across = cells(pic->width), down = cells(pic->height);
	int *here = room + (ptrdiff_t)across * down;

	for (int cy = 0; cy < down; cy++)
		for (int cx = 0; cx < across; cx++)
			room[cy * across + cx] = cell_mean(pic, cx, cy);

	for (int y = 0; y < pic->height; y++) {
		int low, high, weight;

		neighbours(2 * y, down, &low, &high, &weight);
		for (int cx = 0; cx < across; cx++) {
			int above = room[low * across + cx];
			int below = room[high * across + cx];

			here[cx] = above + (below - above) * weight / (2 * CELL);
		}
		contrast_row(picture_row(pic, 0, y), pic->width, here);
	}
}
