/* SPDX-License-Identifier: MIT */
/* Two members that are both this process, and leases that one of them has: nobody looks but the test. */
#ifndef LEASES_H
#define LEASES_H

#include "../fence/fences.h"
#include "members.h"
#include "os/clock.h"
#include "peers.h"
#include "share/member.h"

#define SHORT (SECOND / 50)
#define LONG (1000 * SECOND)

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 4, .fences = 4, .timelines = 4,
};

static inline void until(int64_t when)
{
	while (os_now_ns() <= when)
		usleep(1000);
}

enum { POINTS = 3 };

static struct {
	struct dma_buf_pool *host, *other;
	struct dma_fence *there[POINTS], *here[POINTS]; /* of other's, of one context; to host */
	struct dma_fence_cb cb[POINTS];
	bool is_asked[POINTS];
	struct member *member; /* other, to host */
	int fd;
} both;

static unsigned int calls; /* of callbacks, since then */

static inline void begin_both(void)
{
	const uint64_t context = dma_fence_context_alloc(1);

	calls = 0;
	both.host = create_pool(&limits);
	both.other = add_member(both.host);
	both.fd = dma_buf_pool_watch_fd(both.host);
	for (unsigned int i = 0; i < POINTS; i++) {
		both.there[i] = make_fence_with(&plain_ops, NULL, context, i + 1);
		both.here[i] = pass_fence(both.other, both.there[i], both.host);
		both.is_asked[i] = false;
	}
	both.member = member_in_place(both.host, 1);
}

static inline void end_both(void)
{
	for (unsigned int i = 0; i < POINTS; i++) {
		if (both.is_asked[i])
			dma_fence_remove_callback(both.here[i], &both.cb[i]);
		dma_fence_put(both.here[i]);
		dma_fence_put(both.there[i]);
	}
	member_put(both.member);
	leave(both.other);
	leave(both.host);
}

static inline int lease_point(unsigned int i, int64_t time)
{
	return dma_buf_pool_lease_fence(both.other, both.there[i], time);
}

/* It has ended when this returns. */
static inline void lease_in_vain(unsigned int i)
{
	ASSERT_INT(lease_point(i, 1), ==, 0);
	until(os_now_ns() + 1);
}

static inline bool is_evicted(void)
{
	const enum verdict verdict = member_check(both.member);

	ASSERT_INT(dma_buf_pool_status(both.other), ==, verdict == VERDICT_ALIVE ? 0 : -ESTALE);
	return verdict == VERDICT_EVICTED;
}

/* It says of itself what nobody would believe. */
static inline void forge(uint32_t i, uint64_t point, int64_t by)
{
	struct shm_timelines *map = both.other->self->map;

	store_relaxed(&map->leases, UINT32_MAX);
	store_relaxed(&map->lease[i].point, point);
	store_relaxed(&map->lease[i].deadline, by);
}

static void called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	fetch_add_release(&calls, 1);
}

/* A callback, of which nobody hears but by `calls`. */
static inline void ask(unsigned int i)
{
	ASSERT_INT(dma_fence_add_callback(both.here[i], &both.cb[i], called), ==, 0);
	both.is_asked[i] = true;
}

#endif
