/* SPDX-License-Identifier: MIT */
/*
 * The plain run, before the demo: one thread, libavcodec's own buffers, filters on
 * copies. It gives the checksums that the demo must meet, and measures what its pool
 * must hold.
 */
#ifndef DEMO_REFERENCE_H
#define DEMO_REFERENCE_H

#include <stdint.h>

#include <libavutil/rational.h>

#include "picture.h"
#include "problem.h"
#include "progress.h"

/* How a picture lies in a buffer: what this decoder wants for its pictures. */
struct layout {
	size_t offset[PICTURE_PLANES];
	int stride[PICTURE_PLANES];
	size_t size; /* a multiple of LAYOUT_ALIGN */
};

/* Alignment of each plane and row: enough for any vector instruction that FFmpeg uses. */
#define LAYOUT_ALIGN 64

/* Memory for one picture, to be freed, or NULL. */
uint8_t *layout_alloc(const struct layout *layout);

/* A picture like @like, in that memory. */
struct picture layout_picture(const struct layout *layout, uint8_t *memory,
			      const struct picture *like);

struct reference {
	uint64_t count;     /* frames */
	uint64_t *checksum; /* of each, after the filters */
	int width, height;  /* as shown */
	int pix_fmt;
	char decoder[32];
	AVRational rate; /* frames per second */
	struct layout layout;

	/*
	 * The most buffers that the decoder alone keeps busy: what it holds itself, and
	 * the frames that must stay behind one of those, since frames leave in order.
	 */
	unsigned int stuck;
};

/*
 * Run it over at most @limit frames. What is wrong with the file goes to @problem;
 * the frames before that count. False: there is none.
 */
bool reference_run(struct reference *ref, const char *path, uint64_t limit,
		   struct progress *progress, struct problem *problem);
void reference_fini(struct reference *ref);

#endif
