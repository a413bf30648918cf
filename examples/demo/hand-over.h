/* SPDX-License-Identifier: MIT */
/*
 * How frames get from engine to engine, and what keeps one from writing while another
 * reads: with fences, between processes or between threads, which is what the demo is about, and
 * in two ways without the library, to be measured beside it.
 */
#ifndef DEMO_HAND_OVER_H
#define DEMO_HAND_OVER_H

#include "player.h"

struct hand_over {
	const char *name;
	unsigned int here; /* which engines are threads of this process, by ENGINE_BIT() */
	/*
	 * Have the engines play all of it; returns when they have ended. player->problem says
	 * what went wrong; what was finished until then counts.
	 */
	void (*play)(struct player *player);
};

extern const struct hand_over hand_over_processes; /* dispatcher.c */
extern const struct hand_over hand_over_threads; /* client.c */
extern const struct hand_over hand_over_copies; /* copies.c */
extern const struct hand_over hand_over_mutex;  /* mutex.c */

#endif
