/* SPDX-License-Identifier: MIT */
/* Events by a semaphore, which who got it passes on. */
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "os/atomic.h"

struct event {
	sem_t semaphore;
	uint32_t refcount; /* atomic */
};

static struct event *event_create(void)
{
	struct event *event = malloc(sizeof(*event));

	if (!event || sem_init(&event->semaphore, 0, 0))
		abort();
	event->refcount = 1;
	return event;
}

static void event_put(struct event *event)
{
	if (fetch_sub_acq_rel(&event->refcount, 1) != 1)
		return;
	sem_destroy(&event->semaphore);
	free(event);
}

static void event_barrier(void)
{
}

static void event_signal(struct event *event)
{
	sem_post(&event->semaphore);
}

static bool event_is_signaled(struct event *event)
{
	int value;

	return !sem_getvalue(&event->semaphore, &value) && value > 0;
}

static void event_wait(struct event *event)
{
	while (sem_wait(&event->semaphore))
		;
	sem_post(&event->semaphore);
}
