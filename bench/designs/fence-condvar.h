/* SPDX-License-Identifier: MIT */
/* Events by a mutex with a condition variable. Who looks only needs neither. */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "os/atomic.h"

struct event {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool is_signaled;  /* atomic: written under mutex */
	uint32_t refcount; /* atomic */
};

static struct event *event_create(void)
{
	struct event *event = malloc(sizeof(*event));

	if (!event)
		abort();
	pthread_mutex_init(&event->mutex, NULL);
	pthread_cond_init(&event->cond, NULL);
	event->is_signaled = false;
	event->refcount = 1;
	return event;
}

static void event_put(struct event *event)
{
	if (fetch_sub_acq_rel(&event->refcount, 1) != 1)
		return;
	pthread_cond_destroy(&event->cond);
	pthread_mutex_destroy(&event->mutex);
	free(event);
}

static void event_barrier(void)
{
}

static void event_signal(struct event *event)
{
	pthread_mutex_lock(&event->mutex);
	store_release(&event->is_signaled, true);
	pthread_cond_broadcast(&event->cond);
	pthread_mutex_unlock(&event->mutex);
}

static bool event_is_signaled(struct event *event)
{
	return load_acquire(&event->is_signaled);
}

static void event_wait(struct event *event)
{
	if (event_is_signaled(event))
		return;
	pthread_mutex_lock(&event->mutex);
	while (!event->is_signaled)
		pthread_cond_wait(&event->cond, &event->mutex);
	pthread_mutex_unlock(&event->mutex);
}
