/* SPDX-License-Identifier: MIT */
/* The two writers after the decoder: each changes a frame where it lies. */
#ifndef DEMO_FILTER_ENGINES_H
#define DEMO_FILTER_ENGINES_H

#include "engine.h"

struct contrast_engine {
	struct engine base;
	int *room; /* for filter_contrast() */
};

bool contrast_engine_init(struct contrast_engine *contrast, int width, int height);
void contrast_engine_fini(struct contrast_engine *contrast);

void counter_engine_init(struct engine *counter);
void counter_engine_fini(struct engine *counter);

#endif
