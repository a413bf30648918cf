/* SPDX-License-Identifier: MIT */
#include "player.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

bool player_init(struct player *player, const struct reference *ref, const char *path,
		 const char *video, unsigned int here)
{
	bool memory;

	memset(player, 0, sizeof(*player));
	player->ref = ref;
	player->path = path;
	player->video = video;
	player->engine[ENGINE_DECODER] = &player->decoder.base;
	player->engine[ENGINE_CONTRAST] = &player->contrast.base;
	player->engine[ENGINE_COUNTER] = &player->counter;
	player->engine[ENGINE_CHECKSUM] = &player->checksum.base;
	player->engine[ENGINE_SHEET] = &player->sheet.base;
	player->engine[ENGINE_ENCODER] = &player->encoder.base;

	/* All of them, so that player_fini() finds each initialised. */
	player->loss = calloc((size_t)ref->count, sizeof(*player->loss));
	memory = contrast_engine_init(&player->contrast, ref->width, ref->height);
	counter_engine_init(&player->counter);
	memory = checksum_engine_init(&player->checksum, ref->count) && player->loss && memory;
	memory = sheet_engine_init(&player->sheet, ref->count, ref->width, ref->height) && memory;
	if (!memory)
		problem_set(&player->problem, "out of memory");
	if (here & ENGINE_BIT(ENGINE_ENCODER))
		encoder_engine_init(&player->encoder, ref, video, &player->problem);
	else
		engine_init(&player->encoder.base, "encoder", NULL);
	if (here & ENGINE_BIT(ENGINE_DECODER))
		decoder_engine_init(&player->decoder, ref, path, &player->problem);
	else
		engine_init(&player->decoder.base, "decoder", NULL);
	return !problem_is(&player->problem);
}

void player_fini(struct player *player)
{
	decoder_engine_fini(&player->decoder);
	contrast_engine_fini(&player->contrast);
	counter_engine_fini(&player->counter);
	checksum_engine_fini(&player->checksum);
	sheet_engine_fini(&player->sheet);
	encoder_engine_fini(&player->encoder);
	rgb_image_fini(&player->last);
	free(player->loss);
}

unsigned int player_needs(struct player *player)
{
	unsigned int kept = encoder_keeps(player->ref);
	unsigned int decode = player->ref->stuck; /* with the picture that it asks for */
	unsigned int filters = 2, checksum = 1;
	unsigned int count = decode + filters + checksum + SHEET_CHOICE + 1 + kept;

	if (count <= POOL_MAX)
		return count;
	problem_set(&player->problem,
		    "the codec keeps pictures for so long that the pool would need %u buffers; "
		    "the demo stops at %d",
		    count, POOL_MAX);
	return 0;
}

unsigned int player_keeps(const struct player *player)
{
	unsigned int sheet = SHEET_CHOICE - 1, encoder = encoder_keeps(player->ref);

	return sheet > encoder ? sheet : encoder;
}

/* Of this process, and of those that it has waited for. */
static int64_t processor_ns(void)
{
	struct rusage others;
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	getrusage(RUSAGE_CHILDREN, &others);
	return (used.tv_sec + others.ru_utime.tv_sec + others.ru_stime.tv_sec) *
		       INT64_C(1000000000) +
	       used.tv_nsec + (others.ru_utime.tv_usec + others.ru_stime.tv_usec) * 1000;
}

void player_begin(struct player *player, const char *title)
{
	player->processor = -processor_ns();
	progress_begin(&player->progress, title);
}

bool player_due(const struct player *player)
{
	return progress_due(&player->progress, player->checksum.base.done, player->ref->count);
}

static void describe(const struct player *player, unsigned int in_flight, const char *more,
		     char *text, size_t size)
{
	if (more && *more)
		snprintf(text, size, "%2u/%u buffers, %s", in_flight, player->buffers, more);
	else
		snprintf(text, size, "%2u/%u buffers, %" PRIu64 " bytes copied", in_flight,
			 player->buffers, player_copied(player));
}

void player_show(struct player *player, unsigned int in_flight, const char *more)
{
	char detail[120];

	describe(player, in_flight, more, detail, sizeof(detail));
	progress_show(&player->progress, player->checksum.base.done, player->ref->count, detail);
}

void player_join(struct player *player)
{
	for (int i = 0; i < ENGINES; i++)
		engine_join(player->engine[i]);
	for (int i = 0; i < ENGINES; i++)
		if (problem_is(&player->engine[i]->problem))
			problem_set(&player->problem, "%s", player->engine[i]->problem.text);
}

void player_end(struct player *player)
{
	char detail[120], more[80];

	player->ended = now_ns();
	player->processor += processor_ns();
	chaos_describe(&player->deaths, more, sizeof(more));
	describe(player, 0, more, detail, sizeof(detail));
	progress_end(&player->progress, player->checksum.base.done, player->ref->count, detail);
}

void player_look(struct player *player, const struct picture *pic)
{
	if (rgb_image_init(&player->last, pic->width, pic->height) &&
	    rgb_image_draw(&player->last, 0, 0, pic->width, pic->height, pic))
		player->looked = true;
	else
		problem_set(&player->problem, "out of memory");
}

bool player_failed(const struct player *player)
{
	for (int i = 0; i < ENGINES; i++)
		if (player->engine[i]->failed)
			return true;
	return false;
}

uint64_t player_copied(const struct player *player)
{
	uint64_t copied = 0;

	for (int i = 0; i < ENGINES; i++)
		copied += player->engine[i]->copied;
	return copied;
}

int64_t player_first_ns(const struct player *player)
{
	int64_t sum = player->checksum.base.first_done, coded = player->encoder.base.first_done;

	return sum && coded ? (sum > coded ? sum : coded) - player->progress.begun : 0;
}
