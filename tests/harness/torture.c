/* SPDX-License-Identifier: MIT */
/* What torture tests go by: chance, and how wide the windows of races are. */
#define _GNU_SOURCE
#include "torture.h"

#include <sched.h>
#include <time.h>

#include "harness.h"

/*
 * Threads: a number, for its chance, and what it has done.
 */

static unsigned int threads; /* relaxed */
static __thread unsigned int thread_number; /* 0: not one that a test started */
static __thread unsigned long thread_operations;
static unsigned long operations; /* relaxed: threads that count are joined before it is read */

unsigned int torture_new_thread(void)
{
	return fetch_add_relaxed(&threads, 1) + 1;
}

void torture_thread_begins(unsigned int number)
{
	thread_number = number;
}

void torture_thread_ends(void)
{
	fetch_add_relaxed(&operations, thread_operations);
	thread_operations = 0;
}

void test_operation(void)
{
	thread_operations++;
}

/* The most memory that this program has had: getrusage() would count its parent's, too. */
static unsigned long peak_kilobytes(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	unsigned long peak = 0;
	char line[128];

	while (status && !peak && fgets(line, sizeof(line), status))
		sscanf(line, "VmHWM: %lu", &peak);
	if (status)
		fclose(status);
	return peak;
}

void torture_report(void)
{
	torture_thread_ends();
	if (operations)
		printf("%lu operations, at most %lu kB\n", operations, peak_kilobytes());
}

/*
 * Chance.
 */

uint32_t test_random(uint32_t *state)
{
	uint32_t x = *state ? *state : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

uint32_t test_seed(void)
{
	const char *given = getenv("DMABUF_TEST_SEED");
	const uint32_t seed = given ? (uint32_t)strtoul(given, NULL, 0) : 20191121;

	return seed ? seed : 1;
}

uint32_t test_thread_seed(void)
{
	return test_seed() ^ thread_number * 2654435761u;
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWER 4
#else
#define SLOWER 1
#endif

unsigned int test_rounds(unsigned int rounds)
{
	const char *given = getenv("DMABUF_TEST_TORTURE");
	const unsigned long times = given ? strtoul(given, NULL, 0) : 1;

	return (unsigned int)((rounds + SLOWER - 1) / SLOWER * (times ? times : 1));
}

/*
 * Race points.
 */

#define MAX_SLEEPS 500 /* of a thread: on a busy machine each takes its time */

static uint32_t slow_points; /* the seed that chooses them; 0: there are none */

/* One label in four. */
static bool is_slow(const char *label)
{
	uint32_t hash = slow_points;

	while (*label)
		hash = (hash ^ (unsigned char)*label++) * 16777619u;
	return hash >> 30 == 0;
}

/* So long that others get through all of what they are at. */
static void sleep_a_little(uint32_t chance)
{
	const struct timespec time = { .tv_nsec = (long)(chance % 100000) };

	nanosleep(&time, NULL);
}

void test_race_pause(const char *label)
{
	static __thread uint32_t state;
	static __thread unsigned int sleeps;

	if (!state)
		state = test_thread_seed();
	if (test_random(&state) % 8 == 0)
		sched_yield();
	if (!slow_points || sleeps == MAX_SLEEPS || test_random(&state) % 32 || !is_slow(label))
		return;
	sleeps++;
	sleep_a_little(test_random(&state));
}

void test_race_begin(void)
{
	slow_points = getenv("DMABUF_TEST_TORTURE") ? test_seed() : 0;
	os_race_hook(test_race_pause);
}

void test_race_end(void)
{
	os_race_hook(NULL);
}
