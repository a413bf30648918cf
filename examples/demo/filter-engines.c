/* SPDX-License-Identifier: MIT */
#include "filter-engines.h"

#include <stdlib.h>

#include "filter.h"

static int run_contrast(struct engine *engine, const struct work *work)
{
	struct contrast_engine *contrast = (struct contrast_engine *)engine;

	filter_contrast(&work->picture[0], contrast->room);
	return 0;
}

bool contrast_engine_init(struct contrast_engine *contrast, int width, int height)
{
	contrast->room = calloc(filter_contrast_room(width, height), sizeof(*contrast->room));
	engine_init(&contrast->base, "contrast", run_contrast);
	return contrast->room != NULL;
}

void contrast_engine_fini(struct contrast_engine *contrast)
{
	engine_fini(&contrast->base);
	free(contrast->room);
}

static int run_counter(struct engine *engine, const struct work *work)
{
	(void)engine;
	filter_counter(&work->picture[0], work->frame);
	return 0;
}

void counter_engine_init(struct engine *counter)
{
	engine_init(counter, "counter", run_counter);
}

void counter_engine_fini(struct engine *counter)
{
	engine_fini(counter);
}
