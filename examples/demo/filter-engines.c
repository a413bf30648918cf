/* SPDX-License-Identifier: MIT */
#include "filter-engines.h"

#include <stdlib.h>

#include "filter.h"

static int run_contrast(struct engine *engine, struct job *job)
{
	struct contrast_engine *contrast = (struct contrast_engine *)engine;
	struct picture pic = engine_picture(engine, job, 0);

	filter_contrast(&pic, contrast->room);
	return 0;
}

bool contrast_engine_init(struct contrast_engine *contrast, int width, int height)
{
	contrast->room = calloc(filter_contrast_room(width, height), sizeof(*contrast->room));
	return engine_init(&contrast->base, "contrast", run_contrast) && contrast->room;
}

void contrast_engine_fini(struct contrast_engine *contrast)
{
	engine_fini(&contrast->base);
	free(contrast->room);
}

static int run_counter(struct engine *engine, struct job *job)
{
	struct picture pic = engine_picture(engine, job, 0);

	filter_counter(&pic, job->frame);
	return 0;
}

bool counter_engine_init(struct engine *counter)
{
	return engine_init(counter, "counter", run_counter);
}

void counter_engine_fini(struct engine *counter)
{
	engine_fini(counter);
}
