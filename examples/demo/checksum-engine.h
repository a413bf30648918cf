/* SPDX-License-Identifier: MIT */
/* The reader that sums up every frame, for the comparison with the reference. */
#ifndef DEMO_CHECKSUM_ENGINE_H
#define DEMO_CHECKSUM_ENGINE_H

#include "engine.h"

struct checksum_engine {
	struct engine base;
	uint64_t *checksum; /* of each frame; the engine's thread, then others */
	bool *taken;        /* which frames there are */
	uint64_t count;
};

bool checksum_engine_init(struct checksum_engine *sum, uint64_t frames);
void checksum_engine_fini(struct checksum_engine *sum);

#endif
