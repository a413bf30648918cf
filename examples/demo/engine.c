/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <string.h>

#include "progress.h"

void engine_init(struct engine *engine, const char *name,
		 int (*run)(struct engine *engine, const struct work *work))
{
	memset(engine, 0, sizeof(*engine));
	engine->name = name;
	engine->run = run;
	ring_init(&engine->ring);
}

void engine_fini(struct engine *engine)
{
	ring_fini(&engine->ring);
}

bool engine_start(struct engine *engine, void *(*body)(void *arg), void *arg)
{
	engine->started = !pthread_create(&engine->thread, NULL, body, arg);
	return engine->started;
}

void engine_join(struct engine *engine)
{
	if (engine->started)
		pthread_join(engine->thread, NULL);
	engine->started = false;
}

int engine_work(struct engine *engine, const struct work *work)
{
	int err = engine->run(engine, work);

	if (err)
		engine->failed = true;
	if (!engine->first_done)
		engine->first_done = now_ns();
	engine->done++;
	if (engine->report)
		engine->report(engine);
	return err;
}

void engine_finish(struct engine *engine)
{
	if (engine->finish)
		engine->finish(engine);
}
