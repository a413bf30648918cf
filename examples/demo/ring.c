/* SPDX-License-Identifier: MIT */
/* Locking: ring->lock guards all of it and is held for a moment only. */
#include "ring.h"

#include <string.h>

void ring_init(struct ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	pthread_mutex_init(&ring->lock, NULL);
	pthread_cond_init(&ring->changed, NULL);
}

void ring_fini(struct ring *ring)
{
	pthread_cond_destroy(&ring->changed);
	pthread_mutex_destroy(&ring->lock);
}

void ring_push(struct ring *ring, void *item)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->tail - ring->head == RING_ROOM)
		pthread_cond_wait(&ring->changed, &ring->lock);
	ring->item[ring->tail++ % RING_ROOM] = item;
	pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

void *ring_pop(struct ring *ring)
{
	void *item = NULL;

	pthread_mutex_lock(&ring->lock);
	while (ring->tail == ring->head && !ring->closed)
		pthread_cond_wait(&ring->changed, &ring->lock);
	if (ring->tail != ring->head) {
		item = ring->item[ring->head++ % RING_ROOM];
		pthread_cond_broadcast(&ring->changed);
	}
	pthread_mutex_unlock(&ring->lock);
	return item;
}

void ring_close(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->closed = true;
	pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

unsigned int ring_count(struct ring *ring)
{
	unsigned int count;

	pthread_mutex_lock(&ring->lock);
	count = ring->tail - ring->head;
	pthread_mutex_unlock(&ring->lock);
	return count;
}
