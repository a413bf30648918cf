/* SPDX-License-Identifier: MIT */
/*
 * How frames get from engine to engine, and what keeps one from writing while another
 * reads: with fences.
 */
#ifndef DEMO_HAND_OVER_H
#define DEMO_HAND_OVER_H

#include "player.h"

struct hand_over {
	const char *name;
	/*
	 * Have the engines play all of it; returns when they have ended. player->problem says
	 * what went wrong; what was finished until then counts.
	 */
	void (*play)(struct player *player);
};

extern const struct hand_over hand_over_fences; /* client.c */

#endif
