/* SPDX-License-Identifier: MIT */
/* A pool with some buffers, and another process that has them, too. */
#ifndef WORLD_H
#define WORLD_H

#include <dmabuf/dmabuf.h>

#include "../fence/fences.h"
#include "members.h"
#include "peers.h"

#define WORLD_BUFFERS 8

static const struct dma_buf_pool_limits world_limits = {
	.members = 4, .buffers = WORLD_BUFFERS, .fences = 4, .timelines = 32,
};

struct world {
	struct peer peer;
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf[WORLD_BUFFERS];
	unsigned int count; /* of buffers */
};

static inline void make_world(struct world *world, unsigned int count)
{
	world->count = count;
	world->pool = create_pool(&world_limits);
	for (unsigned int i = 0; i < count; i++)
		ASSERT_INT(dma_buf_pool_alloc(world->pool, "shared", 4096, 0, &world->dmabuf[i]), ==, 0);
}

/* @peer was forked before there was a world, and arrives. */
static inline void welcome(const struct world *world, const struct peer *peer)
{
	struct dma_buf_pool_handle handle;

	ASSERT_INT(dma_buf_pool_serve(world->pool, peer->sock, 0, PEER_PATIENCE, NULL), ==, 0);
	for (unsigned int i = 0; i < world->count; i++) {
		ASSERT_INT(dma_buf_pool_get_handle(world->dmabuf[i], &handle), ==, 0);
		peer_tell(peer->sock, &handle, sizeof(handle));
	}
}

static inline void begin_world(struct world *world, unsigned int count, void (*func)(int sock))
{
	world->peer = peer_fork(func);
	make_world(world, count);
	welcome(world, &world->peer);
}

/* The peer has been reaped. */
static inline void put_world(struct world *world)
{
	for (unsigned int i = 0; i < world->count; i++)
		dma_buf_put(world->dmabuf[i]);
	leave(world->pool);
}

/* The peer ends with @status. */
static inline void end_world(struct world *world, int status)
{
	ASSERT_INT(peer_reap(&world->peer), ==, status);
	put_world(world);
}

/* In the peer. */
struct there {
	int sock;
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf[WORLD_BUFFERS];
	unsigned int count;
};

static inline struct there arrive(int sock, unsigned int count)
{
	struct there there = { .sock = sock, .pool = peer_join(sock), .count = count };

	for (unsigned int i = 0; i < count; i++)
		there.dmabuf[i] = peer_get_buf(sock, there.pool);
	return there;
}

static inline void depart(struct there *there)
{
	for (unsigned int i = 0; i < there->count; i++)
		dma_buf_put(there->dmabuf[i]);
	dma_buf_pool_leave(there->pool);
}

/* Those of a snapshot that have not signalled. */
static inline unsigned int count_in_snapshot(struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *fence;
	unsigned int n = 0;

	dma_resv_get_snapshot(resv, &set);
	dma_resv_snapshot_for_each(fence, &cursor, &set, usage)
		n += !dma_fence_is_signaled(fence);
	dma_resv_put_snapshot(&set);
	return n;
}

static inline void add_under_lock(struct dma_resv *resv, struct dma_fence *fence,
				  enum dma_resv_usage usage)
{
	if (dma_resv_reserve_fences(resv, 1))
		abort();
	dma_resv_add_fence(resv, fence, usage);
}

static inline void add(struct dma_resv *resv, struct dma_fence *fence, enum dma_resv_usage usage)
{
	if (dma_resv_lock(resv, NULL))
		abort();
	add_under_lock(resv, fence, usage);
	dma_resv_unlock(resv);
}

#endif
