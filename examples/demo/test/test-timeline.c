/* SPDX-License-Identifier: MIT */
/*
 * test-timeline: how the timeline picture shows deaths. The run is made up: three lanes,
 * whose bars follow each other, a frame each millisecond.
 */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "progress.h"
#include "timeline-svg.h"

enum {
	LANES = 3,
	FRAMES = 1000,
	MANY = 5000, /* deaths */
};

#define BEGIN (INT64_C(77) * 1000 * MS) /* of the run */

struct run {
	struct trace trace[LANES];
	struct timeline_lanes lanes;
	char *svg; /* to be freed */
	size_t size;
};

/* Frame @number in lane @lane, which is dead from @from to @to, in ms. */
static void add_bar(struct run *run, unsigned int lane, uint64_t number, int64_t from, int64_t to)
{
	int64_t at = (int64_t)number + lane;
	struct trace_bar bar = {
		.frame = number, .context = lane, .seqno = number, .turn = BEGIN + at * MS
	};

	bar.begin = bar.turn + MS / 4;
	bar.end = bar.turn + MS * 3 / 4;
	if (lane) {
		bar.waits = 1;
		bar.wait[0] = (struct trace_wait){ lane - 1, number };
	}
	if (at < from || at >= to)
		NEED(trace_add(&run->trace[lane], &bar) != TRACE_NONE);
}

/* A run of @frames; lane @dead has no bars from @from to @to. */
static void make_run(struct run *run, uint64_t frames, unsigned int dead, int64_t from, int64_t to)
{
	static const char *const name[LANES] = { "contrast", "checksum", "encoder" };

	memset(run, 0, sizeof(*run));
	run->lanes.title = "a made-up run";
	run->lanes.frames = frames;
	run->lanes.last = LANES - 1;
	for (; run->lanes.count < LANES; run->lanes.count++) {
		unsigned int lane = run->lanes.count;

		run->trace[lane].name = name[lane];
		run->lanes.lane[lane] = &run->trace[lane];
		for (uint64_t i = 0; i < frames; i++)
			add_bar(run, lane, i, lane == dead ? from : 0, lane == dead ? to : 0);
	}
}

static void end_run(struct run *run)
{
	for (unsigned int i = 0; i < LANES; i++)
		trace_fini(&run->trace[i]);
	free(run->svg);
}

/* Write it, and read what was written. An XML parser must take it. */
static void draw(struct run *run, const struct timeline_death *death, size_t deaths)
{
	struct problem problem = { "" };
	FILE *file;
	size_t room = 16 << 20;

	run->lanes.death = death;
	run->lanes.deaths = deaths;
	CHECK(timeline_svg_write(&run->lanes, "timeline.svg", &problem), "%s", problem.text);
	CHECK(!system("python3 -c 'import xml.etree.ElementTree as xml; "
		      "xml.parse(\"timeline.svg\")'"),
	      "no XML");
	free(run->svg);
	file = fopen("timeline.svg", "r");
	run->svg = malloc(room);
	NEED(file && run->svg);
	run->size = fread(run->svg, 1, room - 1, file);
	run->svg[run->size] = '\0';
	NEED(!fclose(file) && !unlink("timeline.svg"));
}

static unsigned int count(const struct run *run, const char *text)
{
	unsigned int found = 0;

	for (const char *at = run->svg; (at = strstr(at, text)); at += strlen(text))
		found++;
	return found;
}

static void check_count(const struct run *run, const char *text, unsigned int wanted)
{
	CHECK(count(run, text) == wanted, "%u times '%s', wanted %u", count(run, text), text,
	      wanted);
}

/* What only deaths bring: the pale stretch, the cross, the tick, the line of text. */
static void check_marks(const struct run *run, unsigned int crosses, unsigned int ticks,
			const char *text)
{
	check_count(run, "fill-opacity='.18'", crosses);
	check_count(run, "l14 14m0 -14l-14 14", crosses);
	check_count(run, "width='2' height='9' fill='#c00'", ticks);
	check_count(run, "A red cross", ticks > 0);
	check_count(run, text, 1);
}

static void without_deaths_nothing_is_red(void)
{
	struct run run;

	make_run(&run, FRAMES, 0, 0, 0);
	draw(&run, NULL, 0);
	check_marks(&run, 0, 0, "Frames 500 to 511,");
	check_count(&run, "#c00", 1); /* the frame around the window, in the overview */
	end_run(&run);
}

static void death_is_in_the_window(void)
{
	static const struct timeline_death death = { 2, BEGIN + 100 * MS, BEGIN + 104 * MS + MS / 2,
						     "killed" };
	struct run run;

	make_run(&run, FRAMES, 2, 100, 105);
	draw(&run, &death, 1);
	check_marks(&run, 1, 1,
		    "<title>encoder, killed: its successor's first job came 4.50 ms later</title>");
	check_count(&run, "Frames 94 to 105,", 1);
	check_count(&run, "one of 1 deaths", 1);
	end_run(&run);
}

static void death_nearest_to_the_middle_is_in_the_window(void)
{
	static const struct timeline_death death[] = {
		{ 0, BEGIN + 900 * MS, BEGIN + 901 * MS, "killed" },
		{ 1, BEGIN + 300 * MS, BEGIN + 301 * MS, "stopped and evicted" },
		{ 2, BEGIN + 20 * MS, BEGIN + 21 * MS, "killed" },
	};
	struct run run;

	make_run(&run, FRAMES, 0, 0, 0);
	draw(&run, death, 3);
	check_marks(&run, 1, 3, "stopped and evicted");
	check_count(&run, "Frames 294 to 305,", 1);
	end_run(&run);
}

/* The encoder, whose bars end the window, is the one that does not come back. */
static void nobody_came_back(void)
{
	static const struct timeline_death death = { 2, BEGIN + 700 * MS, 0, "killed" };
	struct run run;

	make_run(&run, FRAMES, 2, 700, INT64_MAX);
	draw(&run, &death, 1);
	check_marks(&run, 1, 1, "<title>encoder, killed: no successor did a job</title>");
	check_count(&run, "Frames 694 to 705,", 1);
	end_run(&run);
}

static void first_engine_did_not_come_back(void)
{
	static const struct timeline_death death = { 0, BEGIN + 700 * MS, 0, "killed" };
	struct run run;

	make_run(&run, FRAMES, 0, 700, INT64_MAX);
	draw(&run, &death, 1);
	check_marks(&run, 1, 1, "no successor");
	check_count(&run, "Frames 693 to 704,", 1);
	end_run(&run);
}

static void frames_that_were_lost_do_not_hide_it(void)
{
	static const struct timeline_death death = { 1, BEGIN + 90 * MS, BEGIN + 120 * MS,
						     "killed" };
	struct run run;

	make_run(&run, FRAMES, 2, 90, 120);
	draw(&run, &death, 1);
	check_marks(&run, 1, 1, "30.00 ms later");
	check_count(&run, "Frames 84 to 118,", 1);
	end_run(&run);
}

static void death_before_the_first_job_and_after_the_last(void)
{
	static const int64_t time[] = { -5, 0, FRAMES + LANES + 50 };
	struct run run;

	make_run(&run, FRAMES, 0, 0, 0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct timeline_death death = { 1, BEGIN + time[i] * MS, 0, "killed" };

		draw(&run, &death, 1);
		check_marks(&run, 1, 1, "no successor");
	}
	end_run(&run);
}

static void run_that_is_short_or_empty(void)
{
	static const struct timeline_death death[] = {
		{ 1, BEGIN + 3 * MS, BEGIN + 5 * MS, "killed" }, { 1, BEGIN + 9 * MS, 0, "killed" }
	};

	for (uint64_t frames = 0; frames < 14; frames++) {
		struct run run;

		make_run(&run, frames, 0, 0, 0);
		draw(&run, death, 2);
		check_count(&run, "A red cross", 1);
		check_count(&run, "<title>checksum, killed: ", 2);
		draw(&run, death, 0);
		check_count(&run, "A red cross", 0);
		end_run(&run);
	}
}

static void what_is_no_xml_is_escaped(void)
{
	static const struct timeline_death death = { 1, BEGIN + 500 * MS, 0,
						     "<killed> & \x1b[31m\n'\"" };
	struct run run;

	make_run(&run, FRAMES, 0, 0, 0);
	draw(&run, &death, 1);
	check_marks(&run, 1, 1, "checksum, &lt;killed> &amp; ?[31m?'\": no");
	end_run(&run);
}

/* Each in the same 12 frames, and all over the run. */
static void thousands_of_deaths_make_no_huge_file(void)
{
	static struct timeline_death death[MANY];
	static const int64_t span[] = { 2 * MS, FRAMES * MS };
	struct run run;

	make_run(&run, FRAMES, 0, 0, 0);
	for (unsigned int s = 0; s < 2; s++) {
		for (unsigned int i = 0; i < MANY; i++) {
			int64_t time = BEGIN + 500 * MS + span[s] * ((int64_t)i - MANY / 2) / MANY;

			death[i] = (struct timeline_death){ i % LANES, time, time + MS, "killed" };
		}
		draw(&run, death, MANY);
		CHECK(run.size < 3 << 20, "%zu bytes", run.size);
		CHECK(count(&run, "l14 14m0") >= MANY / 100, "%u crosses", count(&run, "l14 14m0"));
	}
	end_run(&run);
}

int main(void)
{
	char folder[] = "/tmp/test-timeline-XXXXXX";

	NEED(mkdtemp(folder) && !chdir(folder));
	RUN(without_deaths_nothing_is_red);
	RUN(death_is_in_the_window);
	RUN(death_nearest_to_the_middle_is_in_the_window);
	RUN(nobody_came_back);
	RUN(first_engine_did_not_come_back);
	RUN(frames_that_were_lost_do_not_hide_it);
	RUN(death_before_the_first_job_and_after_the_last);
	RUN(run_that_is_short_or_empty);
	RUN(what_is_no_xml_is_escaped);
	RUN(thousands_of_deaths_make_no_huge_file);
	NEED(!chdir("/") && !rmdir(folder));
	return sum_up();
}
