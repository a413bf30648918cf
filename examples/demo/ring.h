/* SPDX-License-Identifier: MIT */
/* A bounded queue between threads: what goes through are pointers. */
#ifndef DEMO_RING_H
#define DEMO_RING_H

#include <pthread.h>
#include <stdbool.h>

#include "work.h"

/*
 * Jobs in flight are bounded by the buffers in flight. With a broken rule, a reader
 * may lag behind by the whole pool, and the frames after it by another.
 */
#define RING_ROOM (4 * POOL_MAX)

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void *item[RING_ROOM];   /* under lock, as all that follows */
	unsigned int head, tail; /* taken, put */
	bool closed;
};

void ring_init(struct ring *ring);
void ring_fini(struct ring *ring);

/* Waits while it is full. */
void ring_push(struct ring *ring, void *item);

/* The next item; waits while there is none. NULL: closed, and nothing is left. */
void *ring_pop(struct ring *ring);

/* No more will come. What is in it can still be taken. */
void ring_close(struct ring *ring);

unsigned int ring_count(struct ring *ring);

#endif
