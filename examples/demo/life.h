/* SPDX-License-Identifier: MIT */
/*
 * The life of one process that is an engine, as the dispatcher sees it: from the day it is started until
 * it has been waited for. What the two tell each other lies in a station that is made for that life, so
 * whoever was evicted and does not know it tells nobody.
 */
#ifndef DEMO_LIFE_H
#define DEMO_LIFE_H

#include <pthread.h>
#include <sys/types.h>

#include "wake.h"
#include "wire.h"

/* How the program is called for a new process, and where that has its end of the socket. */
#define LIFE_OPTION "--engine"
#define LIFE_SOCK 3

enum life_stage {
	LIFE_COMING,  /* it is being let into the pool */
	LIFE_WORKING, /* it takes orders */
	LIFE_ENDING,  /* it was told to end */
	LIFE_OVER,    /* it is dead, or no member any more; the process may still be there */
};

struct player;

/* What all lives have in common. */
struct world {
	const struct player *player;
	struct dma_buf_pool *share;
	int arrivals; /* eventfd: somebody has come, or will not */
	struct assignment assignment;	  /* but for what is about one engine */
	struct introduction introduction; /* but for what is about one life */
};

/* What it does to a buffer: the last of its jobs there, and until when a codec keeps that. */
struct life_use {
	struct dma_fence *work, *hold;
};

struct life {
	struct life *next; /* the dispatcher's */
	struct world *world;
	int engine;
	enum life_stage stage;
	pid_t pid;
	uint32_t member; /* 0: not yet */
	int64_t died;	 /* ns: when it was killed or evicted; 0: not that we know */
	bool is_evicted;
	int64_t stopped_until; /* ns: then there is a sentence; 0: it runs */
	int part; /* an encoder's file; else -1 */

	/* The usher's, until it has been joined. */
	pthread_t usher;
	bool is_ushered;
	_Atomic bool has_ended; /* the usher */
	struct assignment assignment;
	struct introduction introduction;
	uint32_t comer; /* member; 0: it is none yet */
	int err;	/* why it cannot be let in; 0: it did not come, or did */
	struct hello hello;
	bool has_come;
	int sock;

	struct dma_buf *station_buf;
	struct station *station;
	struct dma_fence_timeline *doorbell; /* of its orders */
	uint64_t ordered, heard;	     /* so many orders, so many news */
	struct wake news;		     /* by the next ones */
	struct life_use use[POOL_MAX];
	bool is_quarantined[POOL_MAX]; /* the dispatcher's */
};

/*
 * Begin a process for @engine; @from and @plan as in its assignment; @part is consumed. It goes on by itself until
 * life_arrive() is due, which world->arrivals says. NULL: it cannot be had, and @problem says why.
 */
struct life *life_start(struct world *world, int engine, uint64_t from, int part,
			const struct chaos_plan *plan, struct problem *problem);

/* Has it just come, or will not? In the first case it is WORKING now; in the other it is about to end. */
bool life_arrive(struct life *life);

/* Give it an order; it is working. False: no memory. */
bool life_order(struct life *life, const struct order *order);

/* The next news, if there are any. *@ret_gone: there will be none, since it is no member any more. */
bool life_hear(struct life *life, struct news *ret_news, bool *ret_gone);

/* It has taken an order that uses @buffer. */
void life_uses(struct life *life, unsigned int buffer, struct dma_fence *work,
	       struct dma_fence *hold);

/* Does it still work there, or keep what is there? */
bool life_is_using(const struct life *life, unsigned int buffer);

/* It has been waited for. */
void life_free(struct life *life);

#endif
