/* SPDX-License-Identifier: MIT */
#include "checksum-engine.h"

#include <stdlib.h>

#include "filter.h"

static int run(struct engine *engine, const struct work *work)
{
	struct checksum_engine *sum = (struct checksum_engine *)engine;
	uint64_t value = checksum_half(0, &work->picture[0], CHECKSUM_UPPER);

	if (work->half_way)
		work->half_way(work);
	value = checksum_half(value, &work->picture[0], CHECKSUM_LOWER);
	if (work->frame < sum->count) {
		sum->checksum[work->frame] = value;
		sum->taken[work->frame] = true;
	}
	return 0;
}

bool checksum_engine_init(struct checksum_engine *sum, uint64_t frames)
{
	sum->count = frames;
	sum->checksum = calloc((size_t)frames, sizeof(*sum->checksum));
	sum->taken = calloc((size_t)frames, sizeof(*sum->taken));
	engine_init(&sum->base, "checksum", run);
	return sum->checksum && sum->taken;
}

void checksum_engine_fini(struct checksum_engine *sum)
{
	engine_fini(&sum->base);
	free(sum->checksum);
	free(sum->taken);
}
