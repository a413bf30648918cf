/* SPDX-License-Identifier: MIT */
/* What the threads of the mixture share. */
#ifndef MIXTURE_WORLD_H
#define MIXTURE_WORLD_H

#include <dmabuf/dma-fence-chain.h>
#include <pthread.h>

#include "mixture-engines.h"

#define SLOTS 5

/* Who is number n of the chain of all jobs. */
struct entry {
	const struct engine *engine;
	uint64_t seqno;
};

struct world {
	struct engine engine[ENGINES];
	pthread_mutex_t lock;
	struct buffer *slot[SLOTS]; /* under lock */
	struct dma_fence *history;  /* under lock: a chain of all points */
	uint64_t history_length;    /* under lock */
	struct entry *entry;	    /* from 1; an entry is constant once it is in the chain */
	struct dma_resv shared;	    /* of the first two buffers */
	struct notes shared_notes;
	unsigned int rounds;
	unsigned int submitting; /* atomic: submitters that have not ended */
	unsigned int running;	 /* atomic: engines likewise */
};

static inline struct buffer *make_slot(struct world *world, unsigned int slot)
{
	static const enum kind kinds[SLOTS] = { PINNING, STATIC, STATIC, DYNAMIC, PINNING };
	const bool shares = slot < 2;

	return make_buffer(kinds[slot], shares ? &world->shared : NULL,
			   shares ? &world->shared_notes : NULL);
}

static inline struct world *make_world(unsigned int rounds, unsigned int submitters)
{
	struct world *world = calloc(1, sizeof(*world));

	ASSERT_TRUE(world);
	world->rounds = rounds;
	world->submitting = submitters;
	world->running = ENGINES;
	world->entry = calloc(rounds * submitters + 1, sizeof(*world->entry));
	ASSERT_TRUE(world->entry);
	pthread_mutex_init(&world->lock, NULL);
	dma_resv_init(&world->shared);
	for (unsigned int i = 0; i < ENGINES; i++)
		make_engine(&world->engine[i], rounds * submitters);
	for (unsigned int i = 0; i < SLOTS; i++)
		world->slot[i] = make_slot(world, i);
	return world;
}

static inline void end_world(struct world *world)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		dma_buf_put(world->slot[i]->dmabuf);
	dma_fence_put(world->history);
	for (unsigned int i = 0; i < ENGINES; i++)
		end_engine(&world->engine[i]);
	dma_resv_fini(&world->shared);
	pthread_mutex_destroy(&world->lock);
	free(world->entry);
	free(world);
}

/* With a reference. */
static inline struct buffer *get_buffer(struct world *world, unsigned int slot)
{
	struct buffer *buffer;

	pthread_mutex_lock(&world->lock);
	buffer = world->slot[slot];
	get_dma_buf(buffer->dmabuf);
	pthread_mutex_unlock(&world->lock);
	return buffer;
}

/* Its users go on until they notice. */
static inline void replace_buffer(struct world *world, unsigned int slot)
{
	struct buffer *new = make_slot(world, slot), *old;

	pthread_mutex_lock(&world->lock);
	old = world->slot[slot];
	world->slot[slot] = new;
	pthread_mutex_unlock(&world->lock);
	dma_buf_put(old->dmabuf);
}

static inline void add_to_history(struct world *world, const struct engine *engine,
				  struct dma_fence *point)
{
	struct dma_fence_chain *link = dma_fence_chain_alloc();

	ASSERT_TRUE(link);
	pthread_mutex_lock(&world->lock);
	world->entry[++world->history_length] = (struct entry){ engine, point->seqno };
	dma_fence_chain_init(link, world->history, dma_fence_get(point), world->history_length);
	world->history = &link->base;
	pthread_mutex_unlock(&world->lock);
}

#endif
