/* SPDX-License-Identifier: MIT */
#include "timeline-svg.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WIDTH 1600
#define LEFT 120
#define RIGHT 20
#define TOP 80
#define LINE 16 /* of text */
#define LANE 34 /* height of a lane whose bars do not overlap */
#define ROW 6   /* height of a row in a lane whose bars do */
#define GAP 10
#define SMALL 9 /* height of a lane in the overview */
#define FRAMES 12
#define NOBODY UINT64_MAX /* frame of a bar that was never shown */

/* A stretch of time, and where it is drawn. */
struct view {
	int64_t begin, end;
};

struct svg {
	FILE *file;
	const struct timeline_lanes *lanes;
	struct view all, window;
	uint64_t first_frame, last_frame; /* in the window */
	double y[16], height[16];         /* of each lane in the window */
	unsigned int row[16][256];        /* a lane's rows, without those that are empty */
	unsigned int rows[16];
	double top, bottom;
};

static double x_of(const struct view *view, int64_t time)
{
	double part = (double)(time - view->begin) / (double)(view->end - view->begin);

	return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static bool is_inside(const struct view *view, const struct trace_bar *bar)
{
	return bar->end >= view->begin && bar->turn <= view->end;
}

static const struct trace_bar *bar_of_frame(const struct trace *trace, uint64_t frame)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace->bars[i].frame == frame)
			return &trace->bars[i];
	return NULL;
}

static void stretch(struct view *view, int64_t begin, int64_t end)
{
	if (begin < view->begin)
		view->begin = begin;
	if (end > view->end)
		view->end = end;
}

static struct view find_all(const struct timeline_lanes *lanes)
{
	struct view all = { INT64_MAX, INT64_MIN };

	for (unsigned int l = 0; l < lanes->count; l++) {
		for (size_t i = 0; i < lanes->lane[l]->count; i++) {
			const struct trace_bar *bar = &lanes->lane[l]->bars[i];

			stretch(&all, bar->turn, bar->end);
		}
	}
	for (size_t i = 0; i < lanes->deaths; i++) {
		const struct timeline_death *death = &lanes->death[i];

		stretch(&all, death->time, death->back ? death->back : death->time);
	}
	return all.end > all.begin ? all : (struct view){ 0, 1 };
}

static void show(struct svg *svg, const struct trace_bar *from, const struct trace_bar *to)
{
	if (!from || !to || to->end <= from->turn)
		return;
	svg->window = (struct view){ from->turn, to->end };
	svg->first_frame = from->frame;
	svg->last_frame = to->frame;
}

/* The one nearest to the middle of @view. */
static const struct timeline_death *find_death(const struct timeline_lanes *lanes,
					       const struct view *view)
{
	int64_t middle = view->begin + (view->end - view->begin) / 2, least = INT64_MAX;
	const struct timeline_death *nearest = NULL;

	for (size_t i = 0; i < lanes->deaths; i++) {
		int64_t time = lanes->death[i].time;
		int64_t distance = time > middle ? time - middle : middle - time;

		if (distance < least) {
			least = distance;
			nearest = &lanes->death[i];
		}
	}
	return nearest;
}

/* Of the bars that had begun at @time, the last but @before of them. */
static const struct trace_bar *find_begun(const struct trace *trace, int64_t time, size_t before)
{
	size_t begun = 0;

	while (begun < trace->count && trace->bars[begun].turn <= time)
		begun++;
	if (begun > before)
		return &trace->bars[begun - 1 - before];
	return trace->count ? &trace->bars[0] : NULL;
}

/* The bar of @frame, or, if that was lost, of one after it. */
static const struct trace_bar *find_from(const struct trace *trace, uint64_t frame)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace->bars[i].frame >= frame && trace->bars[i].frame != NOBODY)
			return &trace->bars[i];
	return NULL;
}

/* Show the frames around @death. Its engine may have been the last, and gone for ever. */
static void show_death(struct svg *svg, const struct timeline_death *death)
{
	const struct timeline_lanes *lanes = svg->lanes;
	const struct trace *first = lanes->lane[lanes->first], *last = lanes->lane[lanes->last];
	const struct trace_bar *from = find_begun(first, death->time, FRAMES / 2);

	if (from) {
		uint64_t frame = from->frame + FRAMES - 1;
		const struct trace_bar *to;

		if (frame >= lanes->frames)
			frame = lanes->frames - 1;
		to = find_from(last, frame);
		if (!to)
			to = find_from(first, frame);
		show(svg, from, to ? to : &first->bars[first->count - 1]);
	}
	stretch(&svg->window, death->time, death->time);
}

static void find_views(struct svg *svg)
{
	const struct timeline_lanes *lanes = svg->lanes;
	const struct timeline_death *death;

	svg->all = find_all(lanes);
	svg->window = svg->all;
	svg->first_frame = 0;
	svg->last_frame = lanes->frames - 1;
	if (lanes->frames <= FRAMES)
		return;

	/* From the middle of the run, where all engines have work. */
	show(svg, bar_of_frame(lanes->lane[lanes->first], lanes->frames / 2),
	     bar_of_frame(lanes->lane[lanes->last], lanes->frames / 2 + FRAMES - 1));

	/* Where engines died, that is what there is to see. */
	death = find_death(lanes, &svg->window);
	if (death)
		show_death(svg, death);
}

/* Which lane how high: rows that nobody uses in the window take no room. */
static void place_lanes(struct svg *svg)
{
	double y = svg->top;

	for (unsigned int l = 0; l < svg->lanes->count; l++) {
		const struct trace *trace = svg->lanes->lane[l];
		bool used[256] = { false };
		unsigned int rows = 0;

		for (size_t i = 0; i < trace->count; i++)
			if (is_inside(&svg->window, &trace->bars[i]))
				used[trace->bars[i].row % 256] = true;
		for (unsigned int row = 0; row < 256; row++) {
			svg->row[l][row] = rows;
			rows += used[row];
		}
		svg->rows[l] = rows ? rows : 1;
		svg->y[l] = y;
		svg->height[l] = rows > 1 && rows * ROW > LANE ? rows * ROW : LANE;
		y += svg->height[l] + GAP;
	}
	svg->bottom = y;
}

static void put_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", file);
			break;
		case '&':
			fputs("&amp;", file);
			break;
		default:
			/* A control character would make the file no XML. */
			fputc((unsigned char)*text < ' ' ? '?' : *text, file);
		}
	}
}

static void put_head(struct svg *svg)
{
	double height = svg->bottom + 70 + svg->lanes->count * SMALL;

	fprintf(svg->file,
		"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %.0f' "
		"font-family='sans-serif' font-size='12'>\n"
		"<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
		"markerHeight='7' orient='auto'><path d='M0 1 L7 4 L0 7 z' fill='#333'/></marker>"
		"<clipPath id='plot'><rect x='%d' y='0' width='%d' "
		"height='%.0f'/></clipPath></defs>\n"
		"<rect width='100%%' height='100%%' fill='#fff'/>\n"
		"<text x='16' y='24' font-size='16' font-weight='bold'>",
		WIDTH, height, LEFT, WIDTH - LEFT - RIGHT, height);
	put_escaped(svg->file, svg->lanes->title);
	fprintf(svg->file,
		"</text>\n<text x='16' y='44' fill='#555'>Frames %" PRIu64 " to %" PRIu64
		", from the first filter to the encoder, and what else went on meanwhile.</text>\n"
		"<text x='16' y='60' fill='#555'>A bar is a job at work, one colour a frame (grey: "
		"never shown); pale: its turn has come, and it waits; an arrow comes from the "
		"fence that it waited for. Decoder holds: pictures that libavcodec gave out and "
		"reads still.</text>\n",
		svg->first_frame, svg->last_frame);
	if (svg->lanes->deaths)
		fprintf(svg->file,
			"<text x='16' y='%d' fill='#c00'>A red cross: the engine died there (one "
			"of "
			"%zu deaths in the whole run); pale red: nobody did its work, "
			"until its successor's first job.</text>\n",
			TOP - 4, svg->lanes->deaths);
}

/* A line each 1, 2, 5, 10, ... ms, and at most 16 of them. */
static void put_axis(struct svg *svg)
{
	static const int64_t factor[] = { 2, 5, 10 };
	int64_t span = svg->window.end - svg->window.begin, unit = 1000000, step = unit;

	for (unsigned int i = 0; span / step > 16; i++) {
		step = unit * factor[i % 3];
		if (i % 3 == 2)
			unit *= 10;
	}
	for (int64_t at = 0; at <= span; at += step) {
		double x = x_of(&svg->window, svg->window.begin + at);

		fprintf(svg->file,
			"<line x1='%.1f' x2='%.1f' y1='%.0f' y2='%.1f' stroke='#ddd'/>"
			"<text x='%.1f' y='%.1f' fill='#777' text-anchor='middle'>%" PRId64
			" ms</text>\n",
			x, x, svg->top - 6, svg->bottom, x, svg->bottom + 12, at / 1000000);
	}
}

static double middle_of(const struct svg *svg, unsigned int lane, const struct trace_bar *bar)
{
	double height = svg->height[lane] / svg->rows[lane];

	return svg->y[lane] + (svg->row[lane][bar->row % 256] + 0.5) * height;
}

static void put_rectangle(FILE *file, double x, double y, double width, double height,
			  uint64_t frame, const char *style)
{
	if (frame == NOBODY)
		fprintf(file, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='#aaa'%s/>",
			x, y, width, height, style);
	else
		fprintf(file,
			"<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' "
			"fill='hsl(%" PRIu64 ",65%%,62%%)'%s/>",
			x, y, width, height, frame * 47 % 360, style);
}

static void put_bar(const struct svg *svg, unsigned int lane, const struct trace_bar *bar)
{
	double row = svg->height[lane] / svg->rows[lane];
	double height = svg->rows[lane] > 1 ? row - 1 : row;
	double y = middle_of(svg, lane, bar) - height / 2;
	double turn = x_of(&svg->window, bar->turn), begin = x_of(&svg->window, bar->begin);
	double width = x_of(&svg->window, bar->end) - begin;

	fputs("<g>", svg->file);
	if (begin > turn)
		put_rectangle(svg->file, turn, y, begin - turn, height, bar->frame,
			      " opacity='.3'");
	put_rectangle(svg->file, begin, y, width < 0.5 ? 0.5 : width, height, bar->frame, "");
	if (svg->rows[lane] == 1 && width > 19 && bar->frame != NOBODY)
		fprintf(svg->file,
			"<text x='%.1f' y='%.1f' text-anchor='middle' font-size='10'>%" PRIu64
			"</text>",
			begin + width / 2, y + height / 2 + 4, bar->frame);
	fprintf(svg->file, "<title>%s, ", svg->lanes->lane[lane]->name);
	if (bar->frame != NOBODY)
		fprintf(svg->file, "frame %" PRIu64 ", ", bar->frame);
	fprintf(svg->file, "point %" PRIu64 ": waited %.2f ms, worked %.2f ms</title></g>\n",
		bar->seqno, (double)(bar->begin - bar->turn) / 1e6,
		(double)(bar->end - bar->begin) / 1e6);
}

static const struct trace_bar *find_fence(const struct svg *svg, const struct trace_wait *wait,
					  unsigned int *lane)
{
	for (*lane = 0; *lane < svg->lanes->count; ++*lane) {
		const struct trace *trace = svg->lanes->lane[*lane];

		for (size_t i = 0; i < trace->count; i++)
			if (trace->bars[i].context == wait->context &&
			    trace->bars[i].seqno == wait->seqno)
				return &trace->bars[i];
	}
	return NULL;
}

static void put_arrows(const struct svg *svg, unsigned int lane, const struct trace_bar *bar)
{
	double x = x_of(&svg->window, bar->begin), y = middle_of(svg, lane, bar);

	for (unsigned int i = 0; i < bar->waits; i++) {
		unsigned int other;
		const struct trace_bar *from = find_fence(svg, &bar->wait[i], &other);
		double from_x, from_y, bend;

		if (!from)
			continue;
		from_x = x_of(&svg->window, from->end);
		from_y = middle_of(svg, other, from);
		bend = (x - from_x) / 2 > 14 ? (x - from_x) / 2 : 14;
		fprintf(svg->file,
			"<path d='M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f' fill='none' "
			"stroke='#333' stroke-opacity='.75' marker-end='url(#tip)'/>\n",
			from_x, from_y, from_x + bend, from_y, x - bend, y, x, y);
	}
}

/* The cross, and the time until the successor works, which may be without end. */
static void put_death(const struct svg *svg, const struct timeline_death *death)
{
	int64_t back = death->back ? death->back : svg->all.end;
	double x = x_of(&svg->window, death->time), y = svg->y[death->lane];
	double height = svg->height[death->lane];

	fprintf(svg->file,
		"<g><rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='#c00' "
		"fill-opacity='.18'/><path d='M%.1f %.1fv%.1fm-7 %.1fl14 14m0 -14l-14 14' "
		"fill='none' stroke='#c00' stroke-width='2.5'/><title>%s, ",
		x, y, x_of(&svg->window, back) - x, height, x, y, height, -height / 2 - 7,
		svg->lanes->lane[death->lane]->name);
	put_escaped(svg->file, death->how);
	if (death->back)
		fprintf(svg->file, ": its successor's first job came %.2f ms later",
			(double)(death->back - death->time) / 1e6);
	else
		fputs(": no successor did a job", svg->file);
	fputs("</title></g>\n", svg->file);
}

static void put_deaths(const struct svg *svg)
{
	for (size_t i = 0; i < svg->lanes->deaths; i++) {
		const struct timeline_death *death = &svg->lanes->death[i];
		int64_t back = death->back ? death->back : svg->all.end;

		if (back >= svg->window.begin && death->time <= svg->window.end)
			put_death(svg, death);
	}
}

/* A lane's deaths in the overview, whose bars are at @y. */
static void put_ticks(const struct svg *svg, unsigned int lane, double y)
{
	double drawn = 0;

	for (size_t i = 0; i < svg->lanes->deaths; i++) {
		double x = x_of(&svg->all, svg->lanes->death[i].time);

		/* As with bars: not where the one before is. */
		if (svg->lanes->death[i].lane != lane || (x < drawn + 0.5 && x > drawn - 0.5))
			continue;
		drawn = x;
		fprintf(svg->file, "<rect x='%.1f' y='%.1f' width='2' height='%d' fill='#c00'/>\n",
			x - 1, y - 1, SMALL);
	}
}

/* The whole run, and where the window is. */
static void put_overview(const struct svg *svg)
{
	double top = svg->bottom + 36, from = x_of(&svg->all, svg->window.begin);

	fprintf(svg->file, "<text x='16' y='%.1f' fill='#555'>whole run</text>\n", top + 10);
	for (unsigned int l = 0; l < svg->lanes->count; l++) {
		const struct trace *trace = svg->lanes->lane[l];
		double drawn = 0;

		for (size_t i = 0; i < trace->count; i++) {
			double x = x_of(&svg->all, trace->bars[i].begin);
			double end = x_of(&svg->all, trace->bars[i].end);

			/* What would lie on the bar before adds nothing to the picture. */
			if (end < drawn + 0.5)
				continue;
			drawn = end > x + 0.5 ? end : x + 0.5;
			put_rectangle(svg->file, x, top + l * SMALL, drawn - x, SMALL - 2,
				      trace->bars[i].frame, "");
			fputc('\n', svg->file);
		}
		put_ticks(svg, l, top + l * SMALL);
	}
	fprintf(svg->file,
		"<rect x='%.1f' y='%.1f' width='%.1f' height='%d' fill='none' stroke='#c00'/>\n"
		"<text x='%d' y='%.1f' fill='#777' text-anchor='end'>%.2f s</text>\n",
		from, top - 3, x_of(&svg->all, svg->window.end) - from,
		(int)svg->lanes->count * SMALL + 4, WIDTH - RIGHT,
		top + svg->lanes->count * SMALL + 14,
		(double)(svg->all.end - svg->all.begin) / 1e9);
}

static void put_lanes(const struct svg *svg)
{
	for (unsigned int l = 0; l < svg->lanes->count; l++) {
		fprintf(svg->file,
			"<rect x='%d' y='%.1f' width='%d' height='%.1f' fill='#f5f5f5'/>"
			"<text x='16' y='%.1f'>%s</text>\n",
			LEFT, svg->y[l], WIDTH - LEFT - RIGHT, svg->height[l],
			svg->y[l] + svg->height[l] / 2 + 4, svg->lanes->lane[l]->name);
	}
}

typedef void (*put_fn)(const struct svg *svg, unsigned int lane, const struct trace_bar *bar);

static void put_each(const struct svg *svg, put_fn put)
{
	for (unsigned int l = 0; l < svg->lanes->count; l++) {
		const struct trace *trace = svg->lanes->lane[l];

		for (size_t i = 0; i < trace->count; i++)
			if (is_inside(&svg->window, &trace->bars[i]))
				put(svg, l, &trace->bars[i]);
	}
}

bool timeline_svg_write(const struct timeline_lanes *lanes, const char *path,
			struct problem *problem)
{
	struct svg svg = { .file = fopen(path, "w"),
			   .lanes = lanes,
			   .top = lanes->deaths ? TOP + LINE : TOP };
	bool good;

	if (!svg.file) {
		problem_set(problem, "cannot write '%s': %s", path, strerror(errno));
		return false;
	}
	find_views(&svg);
	place_lanes(&svg);
	put_head(&svg);
	put_lanes(&svg);
	put_axis(&svg);
	fputs("<g clip-path='url(#plot)'>\n", svg.file);
	put_each(&svg, put_bar);
	put_each(&svg, put_arrows);
	put_deaths(&svg);
	fputs("</g>\n", svg.file);
	put_overview(&svg);
	fputs("</svg>\n", svg.file);
	good = !ferror(svg.file);
	good = !fclose(svg.file) && good;
	if (!good)
		problem_set(problem, "cannot write '%s': %s", path, strerror(errno));
	return good;
}
