/* SPDX-License-Identifier: MIT */
/*
 * An engine: a thread that does one kind of work, and a ring of what it shall do. It
 * knows no other engine, nor how frames come to it: the hand-over's thread body takes
 * items from the ring and has engine_work() do them.
 */
#ifndef DEMO_ENGINE_H
#define DEMO_ENGINE_H

#include <stdatomic.h>

#include "problem.h"
#include "ring.h"

struct engine {
	const char *name;
	int (*run)(struct engine *engine, const struct work *work);
	/* After the last work, on the engine's thread; may be NULL. */
	void (*finish)(struct engine *engine);
	/* After each work, on the engine's thread: what follows has changed; may be NULL. */
	void (*report)(struct engine *engine);
	void *owner; /* report's */
	struct ring ring;
	pthread_t thread;
	bool started;

	_Atomic bool failed;     /* some work has gone wrong */
	_Atomic uint64_t done;   /* so many times */
	_Atomic uint64_t copied; /* bytes of planes, to get them to this engine */

	/* The engine's thread; others when it has ended. */
	struct problem problem;
	int64_t first_done; /* ns; 0: nothing is done */
};

/*
 * @run does one work, on the engine's thread; it returns 0, or a negative errno with the
 * sentence in engine->problem. NULL for the decoder, which libavcodec runs.
 */
void engine_init(struct engine *engine, const char *name,
		 int (*run)(struct engine *engine, const struct work *work));
void engine_fini(struct engine *engine);

/* Begin the thread. */
bool engine_start(struct engine *engine, void *(*body)(void *arg), void *arg);

/* Wait until the thread has ended, if it was begun. */
void engine_join(struct engine *engine);

/* Have it done. Returns what engine->run does. */
int engine_work(struct engine *engine, const struct work *work);

/* There is no more. */
void engine_finish(struct engine *engine);

#endif
