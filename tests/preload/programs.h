/* SPDX-License-Identifier: MIT */
/* What the sources of the programs share. */
#ifndef TESTS_PRELOAD_PROGRAMS_H
#define TESTS_PRELOAD_PROGRAMS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define NEEDS(cond)                                                              \
	do {                                                                     \
		if (!(cond)) {                                                   \
			fprintf(stderr, "line %d: not %s\n", __LINE__, #cond);   \
			exit(1);                                                 \
		}                                                                \
	} while (0)

struct program {
	const char *name;
	void (*func)(void);
};

/* shared.c; the last has no name. */
extern const struct program shared_programs[];

static inline void lock_both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	pthread_mutex_lock(inner);
	pthread_mutex_unlock(inner);
	pthread_mutex_unlock(outer);
}

#endif
