/* SPDX-License-Identifier: MIT */
/* How a process shall end by itself, at a labelled point of the library. */
#ifndef DEMO_CHAOS_PLAN_H
#define DEMO_CHAOS_PLAN_H

#include <stdint.h>

struct chaos_plan {
	int signal;      /* SIGKILL or SIGSTOP, which it sends itself; 0: it lives */
	uint32_t points; /* at which point, counted from its first call of the library */
};

#endif
