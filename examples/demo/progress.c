/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR 10 /* so that lines fit in 80 columns: one that wraps cannot be overwritten */
#define PERIOD_NS INT64_C(100000000)
#define SECOND_NS 1e9
#define STEPS 4 /* lines where there is no terminal */

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void progress_begin(struct progress *progress, const char *title)
{
	memset(progress, 0, sizeof(*progress));
	progress->title = title;
	progress->terminal = isatty(STDOUT_FILENO) == 1;
	progress->begun = now_ns();
}

bool progress_due(const struct progress *progress, uint64_t done, uint64_t total)
{
	if (!progress->terminal)
		return total && done * STEPS / total > progress->quarters;
	return now_ns() - progress->shown >= PERIOD_NS;
}

static void print_line(const struct progress *progress, uint64_t done, uint64_t total,
		       const char *detail)
{
	double seconds = (double)(now_ns() - progress->begun) / SECOND_NS;
	double rate = seconds > 0 ? (double)done / seconds : 0;

	printf("%s%-9s ", progress->terminal ? "\r\033[K" : "", progress->title);
	if (total) {
		size_t full = (size_t)(done * BAR / total);
		char bar[BAR + 1];

		memset(bar, '.', BAR);
		memset(bar, '#', full < BAR ? full : BAR);
		bar[BAR] = '\0';
		printf("[%s] %" PRIu64 "/%" PRIu64, bar, done, total);
	} else {
		printf("%" PRIu64, done);
	}
	printf(" frames, %.0f/s", rate);
	if (detail)
		printf(", %s", detail);
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total, const char *detail)
{
	if (!progress_due(progress, done, total))
		return;
	progress->shown = now_ns();
	print_line(progress, done, total, detail);
	if (!progress->terminal) {
		progress->quarters = total ? done * STEPS / total : 0;
		putchar('\n');
	}
	fflush(stdout);
}

void progress_end(struct progress *progress, uint64_t done, uint64_t total, const char *detail)
{
	/* Without a terminal, the last quarter has said it already. */
	if (progress->terminal || !total || progress->quarters < STEPS) {
		print_line(progress, done, total, detail);
		putchar('\n');
	}
	fflush(stdout);
}
