/* SPDX-License-Identifier: MIT */
/*
 * Work: what one engine shall do with 1 to 8 frames in a row, and where they lie. Whose
 * memory that is, and why nobody else touches it meanwhile, is up to the hand-over.
 */
#ifndef DEMO_WORK_H
#define DEMO_WORK_H

#include <stdint.h>

#include "picture.h"

/* No codec that FFmpeg has needs more buffers in flight; a file that does is told so. */
#define POOL_MAX 128

#define WORK_FRAMES 8

struct work {
	uint64_t frame; /* number of the first; the others follow */
	unsigned int count;
	struct picture picture[WORK_FRAMES];

	/*
	 * For a codec, which may go on reading its one picture after the work is done: the
	 * memory that the picture is in, and what to call once when the codec needs it no
	 * more, on the engine's thread. The engine calls it also if the work fails.
	 */
	uint8_t *memory;
	size_t size;
	void (*let_go)(void *keeper, uint8_t *memory);
	void *keeper;

	/* If not NULL, the checksum engine calls it half way through its picture. */
	void (*half_way)(const struct work *work);
};

#endif
