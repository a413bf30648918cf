/* SPDX-License-Identifier: MIT */
#include "sheet-engine.h"

#include <errno.h>
#include <stdlib.h>

#define COLUMNS 4
#define ROWS 5
#define GAP 8
#define TILE_W 320

/* The sum of steps between neighbours in every fourth row: more is sharper. */
static uint64_t sharpness(const struct picture *pic)
{
	uint64_t sum = 0;

	for (int y = 0; y < pic->height; y += 4) {
		const uint8_t *row = picture_row(pic, 0, y);

		for (int x = 1; x < pic->width; x++)
			sum += (uint64_t)abs(row[x] - row[x - 1]);
	}
	return sum;
}

/* Tile t begins at frame t * frames / tiles: the last one that has begun. */
static uint64_t tile_of(const struct sheet_engine *sheet, uint64_t frame)
{
	return ((frame + 1) * sheet->tiles - 1) / sheet->frames;
}

static int run(struct engine *engine, const struct work *work)
{
	struct sheet_engine *sheet = (struct sheet_engine *)engine;
	const struct picture *best = &work->picture[0];
	uint64_t best_sharpness = sharpness(best);
	uint64_t tile = tile_of(sheet, work->frame);
	int x = GAP + (int)(tile % COLUMNS) * (sheet->tile_width + GAP);
	int y = GAP + (int)(tile / COLUMNS) * (sheet->tile_height + GAP);

	for (unsigned int i = 1; i < work->count; i++) {
		uint64_t its = sharpness(&work->picture[i]);

		if (its > best_sharpness) {
			best = &work->picture[i];
			best_sharpness = its;
		}
	}
	if (!rgb_image_draw(&sheet->image, x, y, sheet->tile_width, sheet->tile_height, best)) {
		problem_set(&engine->problem, "out of memory for the contact sheet");
		return -ENOMEM;
	}
	sheet->drawn++;
	return 0;
}

bool sheet_engine_init(struct sheet_engine *sheet, uint64_t frames, int width, int height)
{
	int rows, columns;

	sheet->frames = frames;
	sheet->choice = frames < SHEET_CHOICE ? (unsigned int)frames : SHEET_CHOICE;
	sheet->tiles = COLUMNS * ROWS;
	if (sheet->tiles > frames / sheet->choice)
		sheet->tiles = (unsigned int)(frames / sheet->choice);
	sheet->tile_width = TILE_W;
	sheet->tile_height = height * TILE_W / width > 0 ? height * TILE_W / width : 1;

	columns = sheet->tiles < COLUMNS ? (int)sheet->tiles : COLUMNS;
	rows = (int)(sheet->tiles + COLUMNS - 1) / COLUMNS;
	engine_init(&sheet->base, "contact sheet", run);
	return rgb_image_init(&sheet->image, columns * (sheet->tile_width + GAP) + GAP,
			      rows * (sheet->tile_height + GAP) + GAP);
}

void sheet_engine_fini(struct sheet_engine *sheet)
{
	engine_fini(&sheet->base);
	rgb_image_fini(&sheet->image);
}

bool sheet_wants(const struct sheet_engine *sheet, uint64_t frame, bool *last)
{
	uint64_t tile = tile_of(sheet, frame);
	uint64_t begin = tile * sheet->frames / sheet->tiles;

	if (tile >= sheet->tiles || frame < begin || frame >= begin + sheet->choice)
		return false;
	*last = frame == begin + sheet->choice - 1;
	return true;
}

bool sheet_write(const struct sheet_engine *sheet, const char *path, struct problem *problem)
{
	return png_write(&sheet->image, path, problem);
}
