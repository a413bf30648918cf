/* SPDX-License-Identifier: MIT */
/*
 * Who dies when (--chaos). By chance: a process is killed, or stopped and then let go on, or stopped and
 * evicted, and then killed or let go on to find out. Some do it to themselves, at a labelled point.
 */
#ifndef DEMO_CHAOS_H
#define DEMO_CHAOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaos-plan.h"

struct chaos {
	bool on;
	uint64_t random;
	int64_t next; /* ns: when to do the next thing to somebody */

	/* What came of it. */
	uint64_t killed, evicted, at_points, let_go_on;
	int64_t worst;	    /* ns from a death until the dispatcher had heard of it; 0: never known */
	int64_t worst_back; /* until a successor was at work */
};

/* What to do to one who is stopped. */
enum chaos_sentence {
	CHAOS_GO_ON,	    /* nothing has happened */
	CHAOS_EVICT_KILL,   /* it is evicted, and does not go on */
	CHAOS_EVICT_GO_ON, /* it is evicted, and finds that out */
};

void chaos_init(struct chaos *chaos, bool on, uint64_t seed);

/* How a process that is about to begin shall end by itself. */
struct chaos_plan chaos_plan(struct chaos *chaos);

/*
 * Has the time come? If so, the next one is set. @all_work: nobody is on his way; mostly it waits for
 * that, or where a process takes long to begin, none would ever get to work.
 */
bool chaos_is_due(struct chaos *chaos, bool all_work);

/* A number below @limit. */
unsigned int chaos_draw(struct chaos *chaos, unsigned int limit);

/* SIGKILL or SIGSTOP. */
int chaos_signal(struct chaos *chaos);
enum chaos_sentence chaos_sentence(struct chaos *chaos);

/* How long somebody stays stopped: nanoseconds. */
int64_t chaos_pause(struct chaos *chaos);

/* "12 deaths, ...": empty if nobody died. */
void chaos_describe(const struct chaos *chaos, char *text, size_t size);

#endif
