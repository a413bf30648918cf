/* SPDX-License-Identifier: MIT */
#include "checksum-engine.h"

#include <stdlib.h>

#include "filter.h"

/* With a broken rule: one frame in so many is held between its halves. */
#define HOLD_EVERY 16

static int run(struct engine *engine, struct job *job)
{
	struct checksum_engine *sum = (struct checksum_engine *)engine;
	struct picture pic = engine_picture(engine, job, 0);
	unsigned int buffer = job->buffer[0]->index;
	uint64_t writes = engine->race ? race_point_writes(engine->race, buffer) : 0;
	uint64_t value = checksum_half(0, &pic, CHECKSUM_UPPER);

	if (engine->race && job->frame % HOLD_EVERY == HOLD_EVERY / 4)
		race_point_hold(engine->race, buffer, writes);
	value = checksum_half(value, &pic, CHECKSUM_LOWER);
	if (job->frame < sum->count) {
		sum->checksum[job->frame] = value;
		sum->taken[job->frame] = true;
	}
	return 0;
}

bool checksum_engine_init(struct checksum_engine *sum, uint64_t frames)
{
	sum->count = frames;
	sum->checksum = calloc((size_t)frames, sizeof(*sum->checksum));
	sum->taken = calloc((size_t)frames, sizeof(*sum->taken));
	return engine_init(&sum->base, "checksum", run) && sum->checksum && sum->taken;
}

void checksum_engine_fini(struct checksum_engine *sum)
{
	engine_fini(&sum->base);
	free(sum->checksum);
	free(sum->taken);
}
