/* SPDX-License-Identifier: MIT */
/*
 * Points of who is evicted, or leaves: all agree about them, and each callback is called.
 * models/shared-fence.pml has all moments.
 */
#include "../fence/fences.h"
#include "stops.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 2, .fences = 4, .timelines = 2,
};

/*
 * Points.
 */

/* Shares a fence, and signals it when told. Its end is death. */
static void signal_when_told(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_fence *fence = make_fence();
	struct dma_buf_pool_fence value;

	PEER_MUST(!dma_buf_pool_export_fence(pool, fence, &value));
	peer_tell(sock, &value, sizeof(value));
	PEER_MUST(peer_await(sock));
	dma_fence_signal(fence);
	peer_go(sock);
	pause();
}

static struct dma_fence *get_point(struct dma_buf_pool *pool, const struct dma_buf_pool_fence *value)
{
	struct dma_fence *fence = dma_buf_pool_import_fence(pool, value);

	if (dmabuf_is_err(fence))
		abort();
	return fence;
}

/* Says what it finds of a point, when told. */
static void look_when_told(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf_pool_fence value;
	struct dma_fence *fence;
	int status;

	PEER_MUST(peer_hear(sock, &value, sizeof(value)));
	fence = get_point(pool, &value);
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	dma_fence_is_signaled(fence);
	status = dma_fence_get_status(fence);
	peer_tell(sock, &status, sizeof(status));
	PEER_MUST(peer_await(sock));
	dma_fence_put(fence);
	dma_buf_pool_leave(pool);
}

/* An owner, peer[0], and one who looks, peer[1]. The point, which both know. */
static struct dma_fence *begin_point(struct dma_buf_pool **ret_pool)
{
	struct dma_buf_pool_fence value;

	peer[0] = peer_fork(signal_when_told);
	peer[1] = peer_fork(look_when_told);
	*ret_pool = begin_pool(&limits, 2);
	ASSERT_TRUE(peer_hear(peer[0].sock, &value, sizeof(value)));
	peer_tell(peer[1].sock, &value, sizeof(value));
	ASSERT_TRUE(peer_await(peer[1].sock));
	return get_point(*ret_pool, &value);
}

static void end_point(struct dma_buf_pool *pool, struct dma_fence *fence)
{
	peer_go(peer[1].sock);
	ASSERT_INT(peer_reap(&peer[1]), ==, 0);
	dma_fence_put(fence);
	end_pool(pool);
}

static int found_there(void)
{
	int status = 99;

	peer_go(peer[1].sock);
	if (!peer_hear(peer[1].sock, &status, sizeof(status)))
		abort();
	return status;
}

static int first_found;

static void signal_and_look(void)
{
	let_it(&peer[0]);
	first_found = found_there();
}

TEST(who_looks_at_the_evicted_first_decides_for_all)
{
	struct dma_buf_pool *pool;
	struct dma_fence *fence = begin_point(&pool);

	ASSERT_INT(dma_buf_pool_evict(pool, id_of(pool, 1)), ==, 0);
	do_at("member: before it is frozen", signal_and_look);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	os_race_hook(NULL);
	ASSERT_INT(first_found, ==, 1);
	ASSERT_INT(dma_fence_get_status(fence), ==, first_found);
	end_of(&peer[0]);
	end_point(pool, fence);
}
