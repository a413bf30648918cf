/* SPDX-License-Identifier: MIT */
/*
 * The reader that makes the contact sheet. One job looks at up to four frames in a row
 * at once, and puts the sharpest of them on the sheet.
 */
#ifndef DEMO_SHEET_ENGINE_H
#define DEMO_SHEET_ENGINE_H

#include "engine.h"
#include "png.h"

#define SHEET_CHOICE 4 /* frames to choose from for one tile */

struct sheet_engine {
	struct engine base;
	struct rgb_image image;
	uint64_t frames;     /* in all */
	unsigned int tiles;  /* planned */
	unsigned int choice; /* frames a tile */
	unsigned int drawn;  /* the engine's thread, then others */
	int tile_width, tile_height;
};

bool sheet_engine_init(struct sheet_engine *sheet, uint64_t frames, int width, int height);
void sheet_engine_fini(struct sheet_engine *sheet);

/* Does the frame belong to a tile? If so, is it the last that this tile chooses from? */
bool sheet_wants(const struct sheet_engine *sheet, uint64_t frame, bool *last);

/* After the engine has ended. */
bool sheet_write(const struct sheet_engine *sheet, const char *path, struct problem *problem);

#endif
