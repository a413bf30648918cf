/* SPDX-License-Identifier: MIT */
#include "dispatcher.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fenced.h"
#include "hand-over.h"

#define TICK 10		       /* ms: look at everything that often, whatever happens */
#define STUCK (30000 * MS) /* ns without anything that goes on */
#define GIVE_UP (2000 * MS)
#define LONG_TURN (1000 * MS)

/*
 * The pool.
 */

static int make_buffer(void *owner, unsigned int index, const char *name, size_t size,
		       struct dma_buf **ret_buf)
{
	struct dispatcher *d = owner;
	int err = dma_buf_pool_alloc(d->world.share, name, size, 0, ret_buf);

	if (!err)
		err = dma_buf_pool_get_handle(*ret_buf, &d->world.introduction.buffer[index]);
	return err;
}

static size_t image_size(const struct sheet_engine *sheet)
{
	return (size_t)sheet->image.stride * (size_t)sheet->image.height;
}

/* A checksum a frame, and the contact sheet, where nothing is drawn yet. */
static int make_results(struct dispatcher *d)
{
	const struct sheet_engine *sheet = &d->player->sheet;
	const uint64_t frames = d->player->ref->count;
	int err;

	/* Scaling writes a little beyond the end. */
	err = dma_buf_pool_alloc(d->world.share, "results",
				 results_size(frames, image_size(sheet) + 64), 0, &d->results_buf);
	if (!err)
		err = wire_map(d->results_buf, &d->results);
	if (!err)
		err = dma_buf_pool_get_handle(d->results_buf, &d->world.introduction.results);
	if (!err)
		memcpy(d->results + results_size(frames, 0), sheet->image.data, image_size(sheet));
	return err;
}

static struct dma_buf_pool_limits limits_for(unsigned int buffers)
{
	return (struct dma_buf_pool_limits){
		.members = MEMBERS,
		.buffers = buffers + 1 + MEMBERS, /* results, and stations */
		.fences = 8 * ENGINES,
		.timelines = buffers + MEMBERS + 4,
	};
}

static bool make_pool(struct dispatcher *d)
{
	struct player *player = d->player;
	const struct pool_source source = { make_buffer, d };
	struct dma_buf_pool_limits limits;
	int err;

	player->buffers = player_needs(player);
	if (!player->buffers)
		return false;
	limits = limits_for(player->buffers);
	err = dma_buf_pool_create(&limits, &d->world.share);
	if (err) {
		problem_cannot(&d->player->problem, "create a pool", err);
		return false;
	}
	if (!pool_init(&d->pool, &source, player->buffers, player->ref->layout.size,
		       &player->problem))
		return false;
	d->world.introduction.buffers = player->buffers;
	err = make_results(d);
	if (err)
		problem_cannot(&d->player->problem, "make room for results", err);
	return !err;
}

/*
 * Nothing may be left: places for all members but this one, and for all buffers, can be had.
 */

static bool places_are_free(struct dispatcher *d)
{
	static struct dma_buf_pool_message invitation[MEMBERS];
	unsigned int count = 0;

	int err = 0;

	while (count < MEMBERS - 1 && !err) {
		err = dma_buf_pool_invite(d->world.share, 0, &invitation[count]);
		count += !err;
	}
	for (unsigned int i = 0; i < count; i++) {
		dma_buf_pool_uninvite(d->world.share, &invitation[i]);
		dma_buf_pool_message_close(&invitation[i]);
	}
	return err != -EUSERS;
}

static bool buffers_are_free(struct dispatcher *d)
{
	static struct dma_buf *buf[POOL_MAX + 1 + MEMBERS];
	const unsigned int all = limits_for(d->player->buffers).buffers;
	unsigned int count = 0;

	int err = 0;

	while (count < all && !err) {
		err = dma_buf_pool_alloc(d->world.share, "left", 1, 0, &buf[count]);
		count += !err;
	}
	for (unsigned int i = 0; i < count; i++)
		dma_buf_put(buf[i]);
	return err != -ENOSPC;
}

static void check_for_leaks(struct dispatcher *d)
{
	if (!places_are_free(d))
		problem_set(&d->player->problem, "places of members have leaked");
	if (!buffers_are_free(d))
		problem_set(&d->player->problem, "buffers have leaked");
}

/*
 * Going on.
 */

/* Wait until something happens. */
static void sleep_until_next(struct dispatcher *d)
{
	struct pollfd wait[] = {
		{ .fd = dma_buf_pool_watch_fd(d->world.share), .events = POLLIN },
		{ .fd = d->world.arrivals, .events = POLLIN },
		{ .fd = d->children, .events = POLLIN },
	};

	poll(wait, sizeof(wait) / sizeof(wait[0]), TICK);
	dma_buf_pool_watch(d->world.share);
}

/* Has somebody failed, or done something? */
static void hear_reports(struct dispatcher *d)
{
	uint64_t done = d->settled;

	for (int i = 0; i < ENGINES; i++) {
		const struct wire_report *report;

		if (!d->working[i])
			continue;
		report = &d->working[i]->station->report;
		d->player->engine[i]->failed = d->player->engine[i]->failed || report->failed;
		done += report->done + report->passed;
	}
	if (done != d->done)
		d->still = 0;
	d->done = done;
}

/* False: it is no use. */
static bool goes_on(struct dispatcher *d)
{
	const int64_t now = now_ns(), turn = now - d->turned;

	/* A long turn is one that all were stopped in. */
	d->still += turn < LONG_TURN ? turn : LONG_TURN;
	d->turned = now;
	if (d->still > STUCK)
		problem_set(&d->player->problem, "nothing has happened for %" PRId64 " s: a deadlock",
			    STUCK / 1000 / MS);
	return !problem_is(&d->player->problem) || d->still < GIVE_UP;
}

static void show_progress(struct dispatcher *d)
{
	char text[80];

	d->player->checksum.base.done = d->settled;
	if (!player_due(d->player))
		return;
	chaos_describe(&d->chaos, text, sizeof(text));
	player_show(d->player, pool_in_flight(&d->pool), text);
}

static void run(struct dispatcher *d)
{
	player_begin(d->player, "processes");
	d->turned = now_ns();
	if (!lives_begin(d))
		return;
	while (!lives_are_over(d) && goes_on(d)) {
		sleep_until_next(d);
		lives_go_on(d);
		hear_reports(d);
		frames_go_on(d);
		show_progress(d);
		if (!d->is_ending && frames_are_done(d)) {
			if (d->last && d->note[d->shown - 1].lost_by < 0)
				fenced_look_at(d->player, d->last);
			d->is_ending = true;
		}
	}
	if (!lives_are_over(d))
		problem_set(&d->player->problem, "the processes do not end");
}

/* Those of one who was evicted may come late: it may have outlived its successor. */
static int compare_turns(const void *one, const void *other)
{
	const struct trace_bar *a = one, *b = other;

	return (a->turn > b->turn) - (a->turn < b->turn);
}

static void sort(struct trace *trace)
{
	if (trace->count)
		qsort(trace->bars, trace->count, sizeof(trace->bars[0]), compare_turns);
}

static void write_timeline(struct dispatcher *d)
{
	struct timeline_lanes lanes = { .frames = d->shown, .death = d->death, .deaths = d->deaths };
	char whose[40];

	for (int i = 0; i < ENGINES; i++) {
		sort(&d->trace[i]);
		fenced_add_lane(&lanes, i, &d->trace[i], &d->holds);
	}
	snprintf(whose, sizeof(whose), " of %u processes", d->lives + 1);
	fenced_write_timeline(d->player, &lanes, whose);
}

/*
 * Beginning and end.
 */

static bool init(struct dispatcher *d, struct player *player)
{
	sigset_t children;

	memset(d, 0, sizeof(*d));
	d->player = player;
	d->world.player = player;
	signal(SIGCHLD, SIG_DFL); /* where it was ignored, nobody could be waited for */
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &children, NULL);
	d->children = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
	d->world.arrivals = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->note = calloc((size_t)player->ref->count, sizeof(*d->note));
	d->world.assignment.ref = *player->ref;
	d->world.assignment.ref.checksum = NULL;
	snprintf(d->world.assignment.path, sizeof(d->world.assignment.path), "%s", player->path);
	chaos_init(&d->chaos, player->chaos, player->seed);
	for (int i = 0; i < ENGINES; i++)
		d->trace[i].name = player->engine[i]->name;
	d->holds.name = "decoder holds";
	if (d->children < 0 || d->world.arrivals < 0 || !d->note) {
		problem_cannot(&d->player->problem, "begin", -errno);
		return false;
	}
	return film_open(&d->film, player->video, player->ref, &player->problem) && make_pool(d);
}

static void fini(struct dispatcher *d)
{
	struct player *player = d->player;

	frames_fini(d);
	if (d->results) {
		memcpy(player->sheet.image.data, d->results + results_size(player->ref->count, 0),
		       image_size(&player->sheet));
		wire_unmap(d->results_buf);
	}
	dma_buf_put(d->results_buf);
	pool_fini(&d->pool);
	if (d->world.share && !problem_is(&player->problem))
		check_for_leaks(d);
	dma_buf_pool_leave(d->world.share);
	film_close(&d->film, &player->problem);
	player->encoder.frames = d->film.frames;
	for (int i = 0; i < ENGINES; i++)
		trace_fini(&d->trace[i]);
	trace_fini(&d->holds);
	free(d->death);
	free(d->victim);
	free(d->note);
	close(d->children);
	close(d->world.arrivals);
}

static void play(struct player *player)
{
	static struct dispatcher d; /* large: it has all queues */
	const unsigned int descriptors = wire_count_descriptors();

	if (init(&d, player)) {
		run(&d);
		player->deaths = d.chaos; /* without those who are killed now */
		lives_fini(&d);
		frames_count(&d);
		player_end(player);
		if (d.shown)
			write_timeline(&d);
	}
	fini(&d);
	if (!problem_is(&player->problem) && wire_have_leaked(descriptors))
		problem_set(&player->problem, "descriptors have leaked");
}

const struct hand_over hand_over_processes = { "processes", 0, play };
