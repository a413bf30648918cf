/* SPDX-License-Identifier: MIT */
/*
 * How everything is measured.
 *
 * A machine's speed drifts, so each round measures everything, the yardstick (lock
 * and unlock of a pthread mutex) first, and what counts is the ratio to the
 * yardstick of the same round. Shown are medians of 7 rounds, and of the ratios
 * also the smallest and the largest.
 *
 * One thread works, on warm caches: these are lower limits, not what a program will
 * see. A second one sleeps all the time, because glibc's mutex saves its atomic
 * operations in a process that has one thread only.
 */
#include "frame.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 7
#define LOCKS 200000
#define MAX_SUBJECTS 64

unsigned long frame_sink;

static double lock_and_unlock(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	return TIMED(for (unsigned int i = 0; i < LOCKS; i++) {
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
	}) / LOCKS;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void show(const char *name, double *ns, double *ratios)
{
	qsort(ns, ROUNDS, sizeof(double), compare);
	qsort(ratios, ROUNDS, sizeof(double), compare);
	printf("%-56s %9.1f %8.2f %8.2f %8.2f\n", name, ns[ROUNDS / 2], ratios[ROUNDS / 2],
	       ratios[0], ratios[ROUNDS - 1]);
}

static pthread_mutex_t until_end = PTHREAD_MUTEX_INITIALIZER;

static void *sleep_until_end(void *unused)
{
	pthread_mutex_lock(&until_end);
	pthread_mutex_unlock(&until_end);
	return unused;
}

int main(void)
{
	static double ns[MAX_SUBJECTS][ROUNDS], ratios[MAX_SUBJECTS][ROUNDS];
	double yardstick[ROUNDS], one[ROUNDS];
	pthread_t sleeper;

	pthread_mutex_lock(&until_end);
	if (subjects_count > MAX_SUBJECTS || pthread_create(&sleeper, NULL, sleep_until_end, NULL))
		return 1;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		yardstick[round] = lock_and_unlock();
		one[round] = 1;
		for (unsigned int i = 0; i < subjects_count; i++) {
			ns[i][round] = subjects[i].measure();
			ratios[i][round] = ns[i][round] / yardstick[round];
		}
	}
	printf("%-56s %9s %8s %17s\n", "", "ns", "ratio", "smallest, largest");
	show("pthread mutex: lock and unlock", yardstick, one);
	for (unsigned int i = 0; i < subjects_count; i++)
		show(subjects[i].name, ns[i], ratios[i]);
	pthread_mutex_unlock(&until_end);
	pthread_join(sleeper, NULL);
	return frame_sink ? 0 : 1;
}
