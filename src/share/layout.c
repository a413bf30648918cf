/* SPDX-License-Identifier: MIT */
/* The pool's file, in this order: head, places, what is awaited, reservations. */
#include "share/layout.h"

#include "os/file.h"

#define LINE 64

static uint64_t round_up(uint64_t size, uint64_t to)
{
	return (size + to - 1) / to * to;
}

bool shape_is_fine(const struct pool_shape *shape)
{
	return shape->members && shape->members <= MOST_MEMBERS && shape->buffers &&
	       shape->buffers <= MOST_BUFFERS && shape->fences && shape->fences <= MOST_FENCES &&
	       shape->timelines && shape->timelines <= MOST_TIMELINES;
}

static uint64_t places_at(void)
{
	return round_up(sizeof(struct shm_head), LINE);
}

static uint64_t awaits_at(void)
{
	return round_up(places_at() + MOST_MEMBERS * sizeof(struct shm_place), LINE);
}

static uint64_t resvs_at(const struct pool_shape *shape)
{
	const uint64_t awaits = (uint64_t)shape->members * shape->timelines;

	return round_up(awaits_at() + awaits * sizeof(struct shm_await), LINE);
}

static uint64_t resv_size(const struct pool_shape *shape)
{
	const uint64_t entries = 2 * (uint64_t)half_capacity(shape);

	return round_up(sizeof(struct shm_resv) + entries * sizeof(struct shm_entry), LINE);
}

uint64_t pool_file_size(const struct pool_shape *shape)
{
	return round_up(resvs_at(shape) + shape->buffers * resv_size(shape), os_page_size());
}

uint64_t timelines_file_size(const struct pool_shape *shape)
{
	const uint64_t timelines = shape->timelines * (uint64_t)sizeof(struct shm_timeline);

	const uint64_t stamps = shape->buffers * (uint64_t)sizeof(uint64_t);

	return round_up(sizeof(struct shm_timelines) + timelines + stamps, os_page_size());
}

static void *at(void *pool, uint64_t offset)
{
	return (char *)pool + offset;
}

struct shm_place *shm_place(void *pool, unsigned int place)
{
	return (struct shm_place *)at(pool, places_at()) + place;
}

struct shm_await *shm_await(const struct pool_shape *shape, void *pool, unsigned int place,
			    uint32_t timeline)
{
	return (struct shm_await *)at(pool, awaits_at()) + (uint64_t)place * shape->timelines + timeline;
}

struct shm_resv *shm_resv(const struct pool_shape *shape, void *pool, uint32_t buffer)
{
	return at(pool, resvs_at(shape) + buffer * resv_size(shape));
}
