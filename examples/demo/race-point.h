/* SPDX-License-Identifier: MIT */
/*
 * A race point: where a reader stops half way through a picture until somebody has
 * written to that buffer. Only used with a broken rule, to make sure that what the
 * rule prevents does happen.
 */
#ifndef DEMO_RACE_POINT_H
#define DEMO_RACE_POINT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pool.h"

struct race_point {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t writes[POOL_MAX]; /* under lock: by buffer */
	bool over;                 /* under lock: nobody will write any more */
	unsigned int torn;         /* the reader's: how often a writer came in between */
};

void race_point_init(struct race_point *race);
void race_point_fini(struct race_point *race);

/* A writer is done with a buffer. */
void race_point_wrote(struct race_point *race, unsigned int buffer);

/*
 * How often the buffer was written so far; and wait until it was written more often than
 * that, or nobody is left to write.
 */
uint64_t race_point_writes(struct race_point *race, unsigned int buffer);
void race_point_hold(struct race_point *race, unsigned int buffer, uint64_t writes);
void race_point_over(struct race_point *race);

#endif
