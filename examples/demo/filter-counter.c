/* SPDX-License-Identifier: MIT */
/*
 * The number of the frame, burnt into the lower left corner: light digits on a dark
 * box, six of them, as large as a twentieth of the picture's height.
 */
#include "filter.h"

#define DIGITS	6
#define GLYPH_W 5
#define GLYPH_H 7
#define PITCH	(GLYPH_W + 1)
#define DARK	24
#define LIGHT	235
#define GREY	128 /* no colour, in planes 1 and 2 */

/* One byte a row, the leftmost dot in bit 4. */
static const uint8_t glyphs[10][GLYPH_H] = {
	{ 0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e },
	{ 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e },
	{ 0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f },
	{ 0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e },
	{ 0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02 },
	{ 0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e },
	{ 0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e },
	{ 0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08 },
	{ 0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e },
	{ 0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c },
};

struct box {
	int x, y, width, height;
};

/* What lies outside the plane is left out. */
static void fill(const struct picture *pic, int plane, struct box box, uint8_t value)
{
	int right = box.x + box.width, bottom = box.y + box.height;

	if (right > picture_width(pic, plane))
		right = picture_width(pic, plane);
	if (bottom > picture_height(pic, plane))
		bottom = picture_height(pic, plane);
	for (int y = box.y < 0 ? 0 : box.y; y < bottom; y++) {
		uint8_t *row = picture_row(pic, plane, y);

		for (int x = box.x < 0 ? 0 : box.x; x < right; x++)
			row[x] = value;
	}
}

static void draw_digit(const struct picture *pic, int digit, int x, int y, int dot)
{
	for (int row = 0; row < GLYPH_H; row++) {
		for (int column = 0; column < GLYPH_W; column++) {
			struct box at = { x + column * dot, y + row * dot, dot, dot };

			if (glyphs[digit][row] >> (GLYPH_W - 1 - column) & 1)
				fill(pic, 0, at, LIGHT);
		}
	}
}

void filter_counter(const struct picture *pic, uint64_t number)
{
	int dot = pic->height / 20 / GLYPH_H > 0 ? pic->height / 20 / GLYPH_H : 1;
	/* Even, so that it covers whole samples of planes 1 and 2. */
	int margin = 2 * dot;
	struct box box = {
		.x = margin,
		.width = ((DIGITS * PITCH + 3) * dot + 1) & ~1,
		.height = ((GLYPH_H + 4) * dot + 1) & ~1,
	};
	struct box chroma;

	box.y = (pic->height - margin - box.height) & ~1;
	fill(pic, 0, box, DARK);
	chroma = (struct box){ box.x >> pic->shift_x, box.y >> pic->shift_y,
			       box.width >> pic->shift_x, box.height >> pic->shift_y };
	fill(pic, 1, chroma, GREY);
	fill(pic, 2, chroma, GREY);
	for (int i = DIGITS - 1; i >= 0; i--, number /= 10)
		draw_digit(pic, (int)(number % 10), box.x + (2 + i * PITCH) * dot, box.y + 2 * dot,
			   dot);
}
