/* SPDX-License-Identifier: MIT */
/*
 * Usage: bench [--count] [--ours] [ROUNDS [TEXT]]
 *
 * A line a measurement: family, row, n, design, round, value, unit, with tabs between.
 * Only rows with TEXT in `family: row, n.`, if that is given; only our design with --ours.
 * scripts/bench.py makes tables of it.
 *
 * A second thread sleeps all the time, because glibc saves its atomic operations in a process that
 * has one thread only.
 *
 * --count: under callgrind, with --collect-atstart=no, each row that is counted once. Callgrind
 * dumps what it counted under the beginning of the line, with the number of operations.
 */
#include "frame.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "os/process.h"
#include "os/rseq.h"

#ifdef HAS_VALGRIND
#include <valgrind/callgrind.h>
#else /* --count counts nothing */
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

unsigned long frame_sink;

static bool counting, only_ours;
static char label[256]; /* of what is measured */
static double began;

void frame_die(const char *condition)
{
	fprintf(stderr, "bench: %s: not %s\n", label, condition);
	exit(1);
}

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

void frame_begin(void)
{
	if (counting) {
		CALLGRIND_ZERO_STATS;
		CALLGRIND_TOGGLE_COLLECT;
	}
	began = now_ns();
}

double frame_end(double operations)
{
	const double ns = now_ns() - began;

	if (counting) {
		char name[300];

		CALLGRIND_TOGGLE_COLLECT;
		snprintf(name, sizeof(name), "%s\t%.0f", label, operations);
		CALLGRIND_DUMP_STATS_AT(name);
	}
	return ns / operations;
}

/* What is being measured. */
static struct {
	const struct family *family;
	const struct design *design;
	const struct row *row;
	unsigned int round;
} now;

static void print_line(const char *what, double value, const char *unit)
{
	printf("%s\t%s%s%s\t%u\t%s\t%u\t%.3f\t%s\n", now.family->name, now.row->name,
	       what ? ", " : "", what ? what : "", now.row->n, now.design->name, now.round,
	       value, unit);
}

void frame_report(const char *what, double value, const char *unit)
{
	if (!counting)
		print_line(what, value, unit);
}

static void measure(const struct family *family, const struct design *design,
		    const struct row *row, unsigned int round)
{
	double ns;

	if (!row->measure || (counting && !row->is_counted))
		return;
	now.family = family;
	now.design = design;
	now.row = row;
	now.round = round;
	snprintf(label, sizeof(label), "%s\t%s\t%u\t%s", family->name, row->name, row->n,
		 design->name);
	ns = row->measure(row->n);
	if (!counting && ns != REPORTED)
		print_line(NULL, ns, "ns");
}

static bool is_asked_for(const struct family *family, const struct row *row, const char *text)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s: %s, %u.", family->name, row->name, row->n);
	return strstr(whole, text);
}

static void measure_row(const struct family *family, unsigned int row, unsigned int round)
{
	const unsigned int count = only_ours ? 1 : family->designs_count;

	for (unsigned int i = 0; i < count; i++) {
		const unsigned int nth = round % 2 ? count - 1 - i : i;

		measure(family, family->designs[nth], &family->designs[nth]->rows[row], round);
	}
}

static void measure_all(unsigned int round, const char *text)
{
	for (unsigned int i = 0; i < families_count; i++) {
		const struct family *family = &families[i];

		for (unsigned int row = 0; row < family->designs[0]->rows_count; row++) {
			if (is_asked_for(family, &family->designs[0]->rows[row], text))
				measure_row(family, row, round);
		}
	}
}

static pthread_mutex_t until_end = PTHREAD_MUTEX_INITIALIZER;

static void *sleep_until_end(void *unused)
{
	pthread_mutex_lock(&until_end);
	pthread_mutex_unlock(&until_end);
	return unused;
}

/*
 * Valgrind has no restartable sequences. Those of one thread, in which nobody comes between, need
 * no kernel: so what is counted is what runs elsewhere.
 */
static void use_sequences(void)
{
#ifdef OS_HAS_RSEQ
	static uint64_t told;

	os_this_thread.rseq_cs = &told;
#endif
}

/*
 * Nor has it pidfds. What stands for one then is never readable: nobody ends while anything is
 * counted.
 */
int __real_os_process_open_self(void);
int __wrap_os_process_open_self(void);

int __wrap_os_process_open_self(void)
{
	return counting ? eventfd(0, EFD_CLOEXEC) : __real_os_process_open_self();
}

bool __real_os_process_is(int fd);
bool __wrap_os_process_is(int fd);

bool __wrap_os_process_is(int fd)
{
	return counting || __real_os_process_is(fd);
}

int main(int argc, char **argv)
{
	unsigned int rounds = 9;
	pthread_t sleeper;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		counting |= !strcmp(argv[1], "--count");
		only_ours |= !strcmp(argv[1], "--ours");
	}
	if (argc > 1)
		rounds = (unsigned int)strtoul(argv[1], NULL, 10);
	if (counting)
		use_sequences();
	pthread_mutex_lock(&until_end);
	MUST(!pthread_create(&sleeper, NULL, sleep_until_end, NULL));
	for (unsigned int round = 0; round < (counting ? 1 : rounds); round++)
		measure_all(round, argc > 2 ? argv[2] : "");
	pthread_mutex_unlock(&until_end);
	pthread_join(sleeper, NULL);
	return 0;
}
