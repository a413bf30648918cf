/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_different(const struct player *player, uint64_t frame)
{
	const struct checksum_engine *sum = &player->checksum;

	return sum->taken[frame] && sum->checksum[frame] != player->ref->checksum[frame];
}

/* Which frames to list. */
struct filter {
	bool (*takes)(const struct player *player, uint64_t frame, struct loss loss);
	struct loss loss;
};

static bool is_different_by(const struct player *player, uint64_t frame, struct loss loss)
{
	(void)loss;
	return is_different(player, frame);
}

static bool is_lost_by(const struct player *player, uint64_t frame, struct loss loss)
{
	const struct loss *its = &player->loss[frame];

	return its->fate == loss.fate && its->engine == loss.engine;
}

/* As "3, 7-9, 12". How many. */
static uint64_t list_frames(const struct player *player, struct filter filter, bool prints)
{
	const uint64_t end = player->ref->count;
	const char *separator = "";
	uint64_t listed = 0;

	for (uint64_t i = 0; i < end; i++) {
		const uint64_t begin = i;

		while (i < end && filter.takes(player, i, filter.loss))
			i++;
		listed += i - begin;
		if (i == begin || !prints)
			continue;
		printf("%s%" PRIu64, separator, begin);
		if (i - begin > 1)
			printf("-%" PRIu64, i - 1);
		separator = ", ";
	}
	return listed;
}

static void tell_different(const struct player *player)
{
	printf("torn or wrong: ");
	list_frames(player, (struct filter){ .takes = is_different_by }, true);
	putchar('\n');
}

struct counts {
	uint64_t taken, identical, lost;
};

static struct counts count(const struct player *player)
{
	struct counts counts = { 0 };

	for (uint64_t i = 0; i < player->ref->count; i++) {
		counts.taken += player->checksum.taken[i];
		counts.identical += player->checksum.taken[i] && !is_different(player, i);
		counts.lost += player->loss[i].fate != FATE_GOOD;
	}
	return counts;
}

static void tell_losses_with(const struct player *player, int engine, enum fate fate)
{
	const struct filter filter = { is_lost_by, { fate, engine } };

	if (!list_frames(player, filter, false))
		return;
	printf("  when the %s was %s: ", player->engine[engine]->name,
	       fate == FATE_KILLED ? "killed" : "stopped, and evicted");
	list_frames(player, filter, true);
	putchar('\n');
}

static void tell_losses(const struct player *player, uint64_t lost)
{
	printf("%" PRIu64 " more frames were lost:\n", lost);
	for (int i = 0; i < ENGINES; i++) {
		tell_losses_with(player, i, FATE_KILLED);
		tell_losses_with(player, i, FATE_EVICTED);
	}
}

/* What was done to processes, and how the others took it. */
static void tell_deaths(const struct chaos *chaos)
{
	printf("%" PRIu64 " processes were killed and %" PRIu64 " stopped and evicted, %" PRIu64
	       " of them by themselves at a labelled point; %" PRIu64 " were stopped and went on\n",
	       chaos->killed, chaos->evicted, chaos->at_points, chaos->let_go_on);
	if (chaos->worst) /* who was killed by somebody else: since when, we do not know */
		printf("a death was known after %.1f ms at worst, a successor at work after %.1f ms at "
		       "worst\n",
		       (double)chaos->worst / 1e6, (double)chaos->worst_back / 1e6);
}

/* Returns whether all frames that came through are identical. */
static bool compare(const struct player *player)
{
	const struct reference *ref = player->ref;
	const struct counts counts = count(player);

	printf("%" PRIu64 "/%" PRIu64 " frames identical\n", counts.identical, counts.taken);
	if (counts.lost)
		tell_losses(player, counts.lost);
	if (counts.taken + counts.lost < ref->count)
		printf("%" PRIu64 " more frames were not reached\n",
		       ref->count - counts.taken - counts.lost);
	if (player->break_rule)
		printf("broken rule: writers did not wait for readers; %u times a writer came in "
		       "while a reader was half way through a frame\n",
		       player->torn);
	if (counts.identical == counts.taken)
		return true;
	tell_different(player);
	return false;
}

int report(struct player *player, const struct output *output)
{
	double seconds = (double)(player->ended - player->progress.begun) / 1e9;
	double frames = (double)player->checksum.base.done;
	const struct counts counts = count(player);
	bool identical;

	if (player->sheet.drawn)
		sheet_write(&player->sheet, output->sheet, &player->problem);
	if (player->looked)
		png_write(&player->last, output->poster, &player->problem);

	identical = compare(player);
	if (counts.taken + counts.lost < player->ref->count)
		problem_set(&player->problem, "not all frames were reached");
	printf("%" PRIu64 " bytes of planes copied, %.1f frames/s, first frame after %.1f ms, "
	       "%d engines, %u buffers of %.1f MB\n",
	       player_copied(player), frames / seconds, (double)player_first_ns(player) / 1e6,
	       ENGINES, player->buffers, (double)player->ref->layout.size / 1e6);
	if (player->deaths.killed + player->deaths.evicted)
		tell_deaths(&player->deaths);
	if (frames > 0)
		printf("%.2f ms of processor time a frame\n",
		       (double)player->processor / 1e6 / frames);
	printf("%s: %" PRIu64 " frames\n", output->video, player->encoder.frames);
	printf("%s: %u pictures\n", output->sheet, player->sheet.drawn);
	if (player->looked)
		printf("%s: the last frame, as the CPU sees it\n", output->poster);
	if (output->has_timeline)
		printf("%s: who waited for whom\n", output->timeline);
	return identical ? EXIT_SAME : EXIT_DIFFERENT;
}

int report_showing(const struct player *player, struct tally *tally)
{
	const struct counts counts = count(player);
	struct chaos *all = &tally->deaths;
	const struct chaos *its = &player->deaths;

	tally->showings++;
	tally->identical += counts.identical;
	tally->lost += counts.lost;
	tally->torn += counts.taken - counts.identical;
	all->killed += its->killed;
	all->evicted += its->evicted;
	all->at_points += its->at_points;
	all->let_go_on += its->let_go_on;
	all->worst = its->worst > all->worst ? its->worst : all->worst;
	all->worst_back = its->worst_back > all->worst_back ? its->worst_back : all->worst_back;
	printf("showing %" PRIu64 ": %" PRIu64 "/%" PRIu64 " frames identical, %" PRIu64
	       " lost; %" PRIu64 " deaths so far\n",
	       tally->showings, counts.identical, counts.taken, counts.lost,
	       all->killed + all->evicted);
	if (counts.identical == counts.taken)
		return EXIT_SAME;
	tell_different(player);
	return EXIT_DIFFERENT;
}

void report_tally(const struct tally *tally)
{
	printf("%" PRIu64 " showings: %" PRIu64 " frames identical, %" PRIu64 " lost, ",
	       tally->showings, tally->identical, tally->lost);
	if (tally->torn)
		printf("%" PRIu64 " torn or wrong\n", tally->torn);
	else
		puts("none torn");
	tell_deaths(&tally->deaths);
}
