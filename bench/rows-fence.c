/* SPDX-License-Identifier: MIT */
/*
 * Fences, and what is used in their place. Compiled once a design, with -DDESIGN=name and
 * -DFENCE_HEADER="fence-name.h".
 */
#define _GNU_SOURCE
#include FENCE_HEADER

#include <sched.h>
#include <stdlib.h>

#include "rows.h"
#include "window.h"

#ifdef EVENT_IS_DESCRIPTOR
#define MANY 256
#define LIVES 4096
#else
#define MANY 8192
#define LIVES 400000
#endif

static struct event *event[MANY];

static void create(unsigned int many)
{
	for (unsigned int i = 0; i < many; i++)
		event[i] = event_create();
}

static void put(unsigned int many)
{
	for (unsigned int i = 0; i < many; i++)
		event_put(event[i]);
	event_barrier();
}

/*
 * Made, signalled, put, and free again, where that is later; so many that the last grace period
 * does not count. Memory may be freed by another thread: hence also the time of all processors.
 */
static double life(unsigned int n)
{
	double ns, all_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	(void)n;
	ns = MEASURED(LIVES, {
		for (unsigned int i = 0; i < LIVES; i++) {
			struct event *it = event_create();

			event_signal(it);
			event_put(it);
		}
		event_barrier();
	});
	all_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - all_ns;
	frame_report("processors", all_ns / LIVES, "ns");
	return ns;
}

/* The same without the grace period at the end; so few that nothing else waits for one. */
static double life_counted(unsigned int n)
{
	const unsigned int many = LIVES < MANY ? LIVES : MANY;
	double ns;

	(void)n;
	event_barrier();
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++) {
		struct event *it = event_create();

		event_signal(it);
		event_put(it);
	});
	event_barrier();
	return ns;
}

static double signal_alone(unsigned int n)
{
	double ns;

	(void)n;
	create(MANY);
	ns = MEASURED(MANY, for (unsigned int i = 0; i < MANY; i++)
		      event_signal(event[i]));
	put(MANY);
	return ns;
}

static double ask(bool is_signaled)
{
	double ns;

	create(1);
	if (is_signaled)
		event_signal(event[0]);
	ns = MEASURED(20000, for (unsigned int i = 0; i < 20000; i++)
		      frame_sink += event_is_signaled(event[0]));
	put(1);
	return ns;
}

static double ask_busy(unsigned int n)
{
	(void)n;
	return ask(false);
}

static double ask_done(unsigned int n)
{
	(void)n;
	return ask(true);
}

/* Waiting for what has signalled already. */
static double wait_done(unsigned int n)
{
	double ns;

	(void)n;
	create(1);
	event_signal(event[0]);
	ns = MEASURED(20000, for (unsigned int i = 0; i < 20000; i++)
		      event_wait(event[0]));
	put(1);
	return ns;
}

#ifdef EVENT_HAS_CALLBACKS
static double signal_callbacks(unsigned int n)
{
	const unsigned int many = MANY / (n + 1);
	struct event_cb *const cb = calloc((size_t)many * n, sizeof(*cb));
	double ns;

	MUST(cb);
	create(many);
	for (unsigned int i = 0; i < many * n; i++)
		event_add_callback(event[i / n], &cb[i]);
	event_called = 0;
	ns = MEASURED(many, for (unsigned int i = 0; i < many; i++)
		      event_signal(event[i]));
	MUST(event_called == many * n);
	put(many);
	free(cb);
	return ns;
}

/* Registering with what is busy, for each of n. */
static double add_callbacks(unsigned int n)
{
	const unsigned int many = MANY / (n + 1);
	struct event_cb *const cb = calloc((size_t)many * n, sizeof(*cb));
	double ns;

	MUST(cb);
	create(many);
	ns = MEASURED((double)many * n, for (unsigned int i = 0; i < many * n; i++)
		      event_add_callback(event[i / n], &cb[i]));
	for (unsigned int i = 0; i < many; i++)
		event_signal(event[i]);
	put(many);
	free(cb);
	return ns;
}
#else
#define signal_callbacks NULL
#define add_callbacks NULL
#endif

/*
 * Threads that wait, again and again. Before each signal they get the time to fall asleep.
 */

#define MOST_WAITERS 8
#define TURNS 48
#define SET 64

static struct {
	unsigned int n;			/* how many waiters */
	const cpu_set_t *cpus;		/* theirs; NULL: any */
	void (*wait)(unsigned int turn);
	unsigned int arrived, returned; /* atomic: in all turns */
	unsigned int turn;		/* atomic */
	double last_ns[MOST_WAITERS];
} crowd;

static void until(const unsigned int *counter, unsigned int value)
{
	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < value)
		sched_yield();
}

static void *wait_on(void *arg)
{
	double *const last_ns = arg;

	if (crowd.cpus)
		MUST(!pthread_setaffinity_np(pthread_self(), sizeof(*crowd.cpus), crowd.cpus));
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		until(&crowd.turn, turn);
		__atomic_fetch_add(&crowd.arrived, 1, __ATOMIC_ACQ_REL);
		crowd.wait(turn);
		*last_ns = clock_ns(CLOCK_MONOTONIC);
		__atomic_fetch_add(&crowd.returned, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

static double latest(void)
{
	double ns = crowd.last_ns[0];

	for (unsigned int i = 1; i < crowd.n; i++)
		ns = crowd.last_ns[i] > ns ? crowd.last_ns[i] : ns;
	return ns;
}

/* A turn's event is signalled, for which @wait waits. */
static double wake(unsigned int n, void (*wait)(unsigned int turn))
{
	const struct timespec a_while = { .tv_nsec = 100000 };
	pthread_t threads[MOST_WAITERS];
	double call_ns = 0, wake_ns = 0;

	create(TURNS + SET);
	crowd.n = n;
	crowd.wait = wait;
	crowd.arrived = crowd.returned = crowd.turn = 0;
	for (unsigned int i = 0; i < n; i++)
		MUST(!pthread_create(&threads[i], NULL, wait_on, &crowd.last_ns[i]));
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		double began;

		until(&crowd.arrived, (turn + 1) * n);
		nanosleep(&a_while, NULL);
		began = clock_ns(CLOCK_MONOTONIC);
		event_signal(event[turn]);
		call_ns += clock_ns(CLOCK_MONOTONIC) - began;
		until(&crowd.returned, (turn + 1) * n);
		wake_ns += n ? latest() - began : 0;
		__atomic_store_n(&crowd.turn, turn + 1, __ATOMIC_RELEASE);
	}
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	put(TURNS + SET);
	frame_report("the call", call_ns / TURNS, "ns");
	if (n)
		frame_report("until the last one runs", wake_ns / TURNS, "ns");
	return REPORTED;
}

static void wait_for_one(unsigned int turn)
{
	event_wait(event[turn]);
}

static double signal_waiters(unsigned int n)
{
	return wake(n, wait_for_one);
}

/*
 * Who waits on another processor than who signals, or not at all, if there is none: where the
 * scheduler puts a waiter is chance, and most of what the call takes.
 */
static double wake_apart(unsigned int n, void (*wait)(unsigned int turn))
{
	cpu_set_t all, first, rest;
	size_t cpu = 0;

	MUST(!pthread_getaffinity_np(pthread_self(), sizeof(all), &all));
	if (CPU_COUNT(&all) < 2)
		return REPORTED;
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&first);
	CPU_SET(cpu, &first);
	CPU_XOR(&rest, &all, &first);
	MUST(!pthread_setaffinity_np(pthread_self(), sizeof(first), &first));
	crowd.cpus = &rest;
	wake(n, wait);
	crowd.cpus = NULL;
	MUST(!pthread_setaffinity_np(pthread_self(), sizeof(all), &all));
	return REPORTED;
}

static double signal_apart(unsigned int n)
{
	return wake_apart(n, wait_for_one);
}

#ifdef EVENT_HAS_WAIT_ANY
/* The first of them is signalled, and the next turn goes without. */
static void wait_for_any(unsigned int turn)
{
	event_wait_any(&event[turn], SET);
}

static double signal_any(unsigned int n)
{
	(void)n;
	return wake(1, wait_for_any);
}

static double signal_any_apart(unsigned int n)
{
	(void)n;
	return wake_apart(1, wait_for_any);
}

/* Of n the last has signalled. */
static double wait_any_done(unsigned int n)
{
	double ns;

	create(n);
	event_signal(event[n - 1]);
	ns = MEASURED(1000, for (unsigned int i = 0; i < 1000; i++)
		      event_wait_any(event, n));
	put(n);
	return ns;
}
#else
#define signal_any NULL
#define signal_any_apart NULL
#define wait_any_done NULL
#endif

#ifdef EVENT_HAS_TIME
static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The furthest that a signal's time is outside of two looks at the clock, around the signal. */
static double time_off(unsigned int n)
{
	int64_t early_ns = 0, late_ns = 0;

	create(1);
	for (unsigned int i = 0; i < n; i++) {
		int64_t before_ns, time_ns, after_ns;

		event_renew(event[0]);
		before_ns = now_ns();
		event_signal(event[0]);
		after_ns = now_ns();
		time_ns = event_time_ns(event[0]);
		early_ns = before_ns - time_ns > early_ns ? before_ns - time_ns : early_ns;
		late_ns = time_ns - after_ns > late_ns ? time_ns - after_ns : late_ns;
	}
	put(1);
	frame_report("too early by", (double)early_ns, "ns");
	frame_report("too late by", (double)late_ns, "ns");
	return REPORTED;
}
#else
#define time_off NULL
#endif

static double bytes(unsigned int n)
{
	(void)n;
	frame_report("the object", sizeof(struct event), "bytes");
	return REPORTED;
}

static const struct row rows[] = {
	{ "life", 1, life, false },
	{ "life, but for the barrier", 1, life_counted, true },
	{ "signal with n callbacks", 0, signal_alone, true },
	{ "signal with n callbacks", 1, signal_callbacks, true },
	{ "signal with n callbacks", 16, signal_callbacks, true },
	{ "add a callback", 1, add_callbacks, true },
	{ "add a callback", 16, add_callbacks, true },
	{ "signal with n waiters", 0, signal_waiters, false },
	{ "signal with n waiters", 1, signal_waiters, false },
	{ "signal with n waiters", 8, signal_waiters, false },
	{ "signal with n waiters elsewhere", 1, signal_apart, false },
	{ "is_signaled: no", 1, ask_busy, true },
	{ "is_signaled: yes", 1, ask_done, true },
	{ "wait: it has signalled", 1, wait_done, true },
	{ "wait for any of n: the last has", 64, wait_any_done, true },
	{ "wait for any of n", 64, signal_any, false },
	{ "wait for any of n, elsewhere", 64, signal_any_apart, false },
	{ "time of n signals, the worst", 10000000, time_off, false },
	{ "memory", 1, bytes, false },
};

const struct design DESIGN_NAME(fence_rows) = { DESIGN_TITLE, rows, COUNT(rows) };
