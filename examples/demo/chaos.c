/* SPDX-License-Identifier: MIT */
#include "chaos.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "chaos-points.h"
#include "progress.h"

#define BETWEEN (40 * MS) /* deeds, at most */
#define PAUSE (10 * MS)
#define POINTS_SHIFT 14 /* the most points, as a power of two */

void chaos_init(struct chaos *chaos, bool on, uint64_t seed)
{
	memset(chaos, 0, sizeof(*chaos));
	chaos->on = on;
	chaos->random = seed * 2 + 1;
}

unsigned int chaos_draw(struct chaos *chaos, unsigned int limit)
{
	chaos->random = chaos->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned int)((chaos->random >> 33) % limit);
}

/* Every other process; early and late are as likely, on a scale of powers of two. */
struct chaos_plan chaos_plan(struct chaos *chaos)
{
	struct chaos_plan plan = { 0 };

	if (!chaos->on || !chaos_points_are_there() || chaos_draw(chaos, 2))
		return plan;
	plan.signal = chaos_signal(chaos);
	plan.points = 1 + chaos_draw(chaos, 1u << chaos_draw(chaos, POINTS_SHIFT + 1));
	return plan;
}

bool chaos_is_due(struct chaos *chaos, bool all_work)
{
	const int64_t now = now_ns();

	if (!chaos->on || now < chaos->next)
		return false;
	chaos->next = now + 1 + chaos_draw(chaos, (unsigned int)BETWEEN);
	return all_work || !chaos_draw(chaos, 16);
}

int chaos_signal(struct chaos *chaos)
{
	return chaos_draw(chaos, 3) ? SIGKILL : SIGSTOP;
}

enum chaos_sentence chaos_sentence(struct chaos *chaos)
{
	return (enum chaos_sentence)chaos_draw(chaos, 3);
}

int64_t chaos_pause(struct chaos *chaos)
{
	if (!chaos->on)
		return 1000 * MS; /* somebody else has stopped it, and may let it go on */
	return 1 + chaos_draw(chaos, (unsigned int)PAUSE);
}

void chaos_describe(const struct chaos *chaos, char *text, size_t size)
{
	const uint64_t deaths = chaos->killed + chaos->evicted;

	text[0] = '\0';
	if (deaths && chaos->worst)
		snprintf(text, size, "%" PRIu64 " deaths, worst %.1f ms", deaths,
			 (double)chaos->worst / 1e6);
	else if (deaths)
		snprintf(text, size, "%" PRIu64 " dead", deaths);
}
