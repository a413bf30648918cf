/* SPDX-License-Identifier: MIT */
/*
 * Engines that come and go. A death shows in two ways: in the pool, by fences that fail, and here, by a
 * child that has ended. The first is when others go on, the second when the process is no more, and
 * with it the last that could touch what it was given.
 *
 * Of one that was evicted these are two moments: it may live on. Until it has ended, nobody gets the
 * buffers that it was at work on: an eviction takes rights away, and no memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dispatcher.h"

/* Of the next encoder: a file without a name, so that none is left behind. */
static int open_part(const struct film *film)
{
	char folder[4096];
	int fd;

	snprintf(folder, sizeof(folder), "%s", film->path);
	fd = open(dirname(folder), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? memfd_create("part", MFD_CLOEXEC) : fd; /* not every file system has such files */
}

static bool start(struct dispatcher *d, int engine)
{
	const struct chaos_plan plan = chaos_plan(&d->chaos);
	const int part = engine == ENGINE_ENCODER ? open_part(&d->film) : -1;

	d->lives++;
	if (engine == ENGINE_ENCODER && part < 0)
		problem_set(&d->player->problem, "cannot open a file for the encoder: %s",
			    strerror(errno));
	else
		d->working[engine] = life_start(&d->world, engine, d->shown, part, &plan,
						&d->player->problem);
	return d->working[engine] != NULL;
}

bool lives_begin(struct dispatcher *d)
{
	for (int i = 0; i < ENGINES; i++)
		if (!start(d, i))
			return false;
	return true;
}

/*
 * Ends.
 */

/* Below the decoder's lane there is one for what it holds. */
static unsigned int lane_of(int engine)
{
	return (unsigned int)engine + (engine > ENGINE_DECODER);
}

/* Somebody is at work again where one had died. */
static void note_return(struct dispatcher *d, int engine, int64_t now)
{
	for (size_t i = d->deaths; i--;) {
		struct timeline_death *death = &d->death[i];

		if (death->lane != lane_of(engine))
			continue;
		if (death->back)
			return;
		death->back = now;
		if (now - death->time > d->chaos.worst_back)
			d->chaos.worst_back = now - death->time;
	}
}

/* An array of @count gets one more. */
static bool grow(void **array, size_t size, size_t count)
{
	void *grown = realloc(*array, (count + 1) * size);

	if (grown)
		*array = grown;
	return grown;
}

/* For the report, and for the picture. */
static void list_death(struct dispatcher *d, const struct life *life, int64_t now)
{
	if (!grow((void **)&d->death, sizeof(*d->death), d->deaths) ||
	    !grow((void **)&d->victim, sizeof(*d->victim), d->deaths)) {
		problem_set(&d->player->problem, "out of memory");
		return;
	}
	d->victim[d->deaths] = (struct victim){ life->member, life->is_evicted };
	d->death[d->deaths++] = (struct timeline_death){
		.lane = lane_of(life->engine),
		.time = life->died ? life->died : now,
		.how = life->is_evicted ? "stopped, and evicted" : "killed",
	};
}

static void note_death(struct dispatcher *d, struct life *life, int64_t now)
{
	struct chaos *chaos = &d->chaos;

	if (!life->died)
		life->died = life->station->report.died;
	/* Of one that was no member yet, nobody waited for anything. */
	if (life->member && life->died && now - life->died > chaos->worst)
		chaos->worst = now - life->died;
	list_death(d, life, now);
}

static bool is_expected_to_end(const struct dispatcher *d, const struct life *life)
{
	return life->stage == LIFE_ENDING || (d->is_decoded && life->engine == ENGINE_DECODER);
}

/* No member any more: what it did not finish is lost, and what it did not take is another's. */
static void end_life(struct dispatcher *d, struct life *life)
{
	bool is_expected;

	if (d->working[life->engine] != life)
		return;
	frames_hear(d, life); /* its last words */
	is_expected = is_expected_to_end(d, life);
	life->stage = LIFE_OVER;
	d->working[life->engine] = NULL;
	life->next = d->over;
	d->over = life;
	if (problem_is(&life->hello.problem))
		problem_set(&d->player->problem, "%s", life->hello.problem.text);
	if (is_expected)
		return;
	note_death(d, life, now_ns());
	frames_take_back(d, life->engine);
	if (!d->is_ending && !problem_is(&life->hello.problem))
		start(d, life->engine);
}

static void keep_traces(struct dispatcher *d, const struct life *life)
{
	const struct wire_report *report = &life->station->report;
	struct trace *const trace[WIRE_LANES] = { &d->trace[life->engine], &d->holds };

	for (int lane = 0; lane < WIRE_LANES; lane++)
		for (size_t i = 0; i < report->bars[lane] && i < TRACE_MAX; i++)
			trace_add(trace[lane], &life->station->bar[lane][i]);
}

/* What it has done counts. */
static void keep_report(struct dispatcher *d, const struct life *life)
{
	const struct wire_report *report = &life->station->report;
	struct engine *engine = d->player->engine[life->engine];

	if (life->engine != ENGINE_CHECKSUM)
		engine->done += report->done;
	engine->copied += report->copied;
	if (report->first_done && (!engine->first_done || report->first_done < engine->first_done))
		engine->first_done = report->first_done;
	engine->failed = engine->failed || report->failed;
}

/* It ended by itself, and for a reason that its successor would meet, too. */
static void note_failure(struct dispatcher *d, const struct life *life, int status)
{
	struct problem *problem = &d->player->problem;
	const char *name = d->player->engine[life->engine]->name;

	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		problem_set(problem, "the %s crashed: %s", name, strsignal(WTERMSIG(status)));
	if (!WIFEXITED(status) || (WEXITSTATUS(status) == LEFT_EVICTED && life->is_evicted))
		return;
	if (WEXITSTATUS(status) == LEFT_EVICTED)
		problem_set(problem, "the %s is no member any more, and was not evicted here: are there "
			    "too few descriptors?", name);
	if (life->err)
		problem_set(problem, "cannot let the %s into the pool: %s", name,
			    strerror(-life->err));
	/* What it says of itself is whole then. */
	if (problem_is(&life->station->report.problem))
		problem_set(problem, "%s", life->station->report.problem.text);
	if (WEXITSTATUS(status) == LEFT_LEAKING)
		problem_set(problem, "descriptors have leaked in the %s", name);
	if (WEXITSTATUS(status) != LEFT_DONE)
		problem_set(problem, "the %s has ended by itself", name);
}

/* The process is no more. @status: as from waitpid(). */
static void bury(struct dispatcher *d, struct life *life, int status)
{
	struct life **at = &d->over;

	if (life->is_ushered)
		while (!life_arrive(life)) /* it hears that nobody comes */
			poll(NULL, 0, 1);
	end_life(d, life);
	while (*at != life)
		at = &(*at)->next;
	*at = life->next;
	if (WIFSIGNALED(status) && !life->is_evicted)
		d->chaos.killed++;
	if (life->station->report.died)
		d->chaos.at_points++;
	note_failure(d, life, status);
	keep_report(d, life);
	keep_traces(d, life);
	if (life->part >= 0)
		film_append(&d->film, life->assignment.part, &d->player->problem);
	for (unsigned int i = 0; i < d->pool.count; i++)
		d->pool.buffers[i].unsubmitted -= life->is_quarantined[i];
	life_free(life);
	d->still = 0;
}

/*
 * Stops.
 */

/* Nobody gets what it was at work on until it has ended. All that it has said is known: it is stopped. */
static void quarantine(struct dispatcher *d, struct life *life)
{
	frames_hear(d, life);
	for (unsigned int i = 0; i < d->pool.count; i++) {
		life->is_quarantined[i] = life_is_using(life, i);
		d->pool.buffers[i].unsubmitted += life->is_quarantined[i];
	}
}

static void evict(struct dispatcher *d, struct life *life)
{
	quarantine(d, life);
	life->died = now_ns();
	life->is_evicted = !dma_buf_pool_evict(d->world.share, life->member);
	d->chaos.evicted += life->is_evicted;
	if (life->is_evicted)
		end_life(d, life);
}

/* May it go on, evicted? Not an encoder, whose part comes before that of its successor. */
static bool may_go_on(const struct life *life)
{
	return life->is_evicted && life->engine != ENGINE_ENCODER;
}

static void judge(struct dispatcher *d, struct life *life)
{
	enum chaos_sentence sentence = chaos_sentence(&d->chaos);

	life->stopped_until = 0;
	if (!life->member || !d->chaos.on)
		sentence = CHAOS_EVICT_KILL; /* of one that nobody knows yet, there is no member to evict */
	if (sentence == CHAOS_GO_ON || life->stage == LIFE_OVER) {
		d->chaos.let_go_on += life->stage != LIFE_OVER;
		life->station->report.died = 0;
		kill(life->pid, SIGCONT);
		return;
	}
	if (life->member)
		evict(d, life);
	if (sentence == CHAOS_EVICT_KILL || !may_go_on(life))
		kill(life->pid, SIGKILL);
	else /* the world goes on without it, and then it goes on */
		life->stopped_until = now_ns() + chaos_pause(&d->chaos);
}

/* One of the children: what has become of it? */
static void ask_after(struct dispatcher *d, struct life *life)
{
	int status;

	if (waitpid(life->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) != life->pid)
		return;
	if (WIFSTOPPED(status))
		life->stopped_until = now_ns() + chaos_pause(&d->chaos);
	else if (WIFCONTINUED(status))
		life->stopped_until = 0;
	else
		bury(d, life, status);
}

/*
 * In passing.
 */

static void for_each_life(struct dispatcher *d, void (*visit)(struct dispatcher *d, struct life *life))
{
	struct life *life, *next;

	for (int i = 0; i < ENGINES; i++)
		if (d->working[i])
			visit(d, d->working[i]);
	for (life = d->over; life; life = next) {
		next = life->next;
		visit(d, life);
	}
}

static void look_after(struct dispatcher *d, struct life *life)
{
	const int64_t now = now_ns();

	if (life_arrive(life) && life->stage == LIFE_WORKING) {
		d->still = 0;
		note_return(d, life->engine, now);
	}
	/* First this: one that is dead already was not told to end. */
	if (!frames_hear(d, life)) {
		if (!is_expected_to_end(d, life)) /* dead, or we cannot hear it any more */
			kill(life->pid, SIGKILL);
		end_life(d, life);
	} else if (d->is_ending) {
		frames_end(d, life);
	}
	if (life->stopped_until && now >= life->stopped_until)
		judge(d, life);
}

static bool all_work(const struct dispatcher *d)
{
	for (int i = 0; i < ENGINES; i++)
		if (d->working[i] && d->working[i]->stage == LIFE_COMING)
			return false;
	return true;
}

static void strike(struct dispatcher *d)
{
	struct life *life = d->working[chaos_draw(&d->chaos, ENGINES)];
	const int signal = chaos_signal(&d->chaos);

	if (!life || life->stopped_until)
		return;
	if (signal == SIGKILL)
		life->died = now_ns();
	kill(life->pid, signal);
}

void lives_go_on(struct dispatcher *d)
{
	struct signalfd_siginfo info;
	uint64_t count;

	while (read(d->children, &info, sizeof(info)) == sizeof(info))
		;
	if (read(d->world.arrivals, &count, sizeof(count)) < 0 && errno != EAGAIN)
		problem_set(&d->player->problem, "cannot wait for processes: %s", strerror(errno));
	for_each_life(d, look_after);
	for_each_life(d, ask_after);
	if (chaos_is_due(&d->chaos, all_work(d)))
		strike(d);
}

bool lives_are_over(const struct dispatcher *d)
{
	for (int i = 0; i < ENGINES; i++)
		if (d->working[i])
			return false;
	return !d->over;
}

static void kill_it(struct dispatcher *d, struct life *life)
{
	(void)d;
	kill(life->pid, SIGKILL);
}

void lives_fini(struct dispatcher *d)
{
	d->is_ending = true;
	for_each_life(d, kill_it);
	while (!lives_are_over(d)) {
		dma_buf_pool_watch(d->world.share);
		for_each_life(d, ask_after);
		poll(NULL, 0, 1);
	}
}
