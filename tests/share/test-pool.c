/* SPDX-License-Identifier: MIT */
/* Pools: create, join, leave; fences as values. */
#include <dmabuf/dma-fence.h>

#include "members.h"
#include "../fence/fences.h"
#include "peers.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 8, .fences = 4, .timelines = 4,
};

TEST(a_pool_is_created_and_left)
{
	struct dma_buf_pool *pool = create_pool(&limits);

	ASSERT_INT(dma_buf_pool_status(pool), ==, 0);
	dma_buf_pool_leave(pool);
	dma_buf_pool_leave(NULL);
	dmabuf_rcu_barrier();
}

static void just_join(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);

	PEER_MUST(!dma_buf_pool_status(pool));
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	dma_buf_pool_leave(pool);
}

TEST(another_process_joins)
{
	struct peer peer = peer_fork(just_join);
	struct dma_buf_pool *pool = create_pool(&limits);

	ASSERT_INT(dma_buf_pool_serve(pool, peer.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_TRUE(peer_await(peer.sock));
	peer_go(peer.sock);
	ASSERT_INT(peer_reap(&peer), ==, 0);
	leave(pool);
}

static void signal_when_told(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_fence *fence = make_fence();
	struct dma_buf_pool_fence value;
	char what;

	PEER_MUST(!dma_buf_pool_export_fence(pool, fence, &value));
	peer_tell(sock, &value, sizeof(value));
	PEER_MUST(peer_hear(sock, &what, 1));
	if (what == 'e')
		dma_fence_set_error(fence, -EIO);
	if (what != 'l') {
		dma_fence_signal(fence);
		peer_go(sock);
		PEER_MUST(peer_hear(sock, &what, 1));
	}
	dma_buf_pool_leave(pool);
	dma_fence_put(fence);
}

struct shared {
	struct peer peer;
	struct dma_buf_pool *pool;
	struct dma_fence *fence;
};

static struct shared begin(void)
{
	struct shared shared = { .peer = peer_fork(signal_when_told) };
	struct dma_buf_pool_fence value;

	shared.pool = create_pool(&limits);
	ASSERT_INT(dma_buf_pool_serve(shared.pool, shared.peer.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_TRUE(peer_hear(shared.peer.sock, &value, sizeof(value)));
	shared.fence = dma_buf_pool_import_fence(shared.pool, &value);
	ASSERT_FALSE(dmabuf_is_err(shared.fence));
	ASSERT_FALSE(dma_fence_is_signaled(shared.fence));
	return shared;
}

static void end(struct shared *shared, int status)
{
	dma_fence_put(shared->fence);
	ASSERT_INT(peer_reap(&shared->peer), ==, status);
	leave(shared->pool);
}

TEST(a_fence_is_signalled_by_another_process)
{
	struct shared shared = begin();

	peer_tell(shared.peer.sock, "s", 1);
	ASSERT_INT(dma_fence_wait(shared.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(shared.fence), ==, 1);
	peer_go(shared.peer.sock);
	end(&shared, 0);
}

TEST(an_error_travels)
{
	struct shared shared = begin();

	peer_tell(shared.peer.sock, "e", 1);
	ASSERT_INT(dma_fence_wait(shared.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(shared.fence), ==, -EIO);
	peer_go(shared.peer.sock);
	end(&shared, 0);
}

TEST(a_fence_of_the_dead_is_an_error)
{
	struct shared shared = begin();

	peer_kill(&shared.peer);
	ASSERT_INT(dma_fence_wait(shared.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(shared.fence), ==, -EOWNERDEAD);
	end(&shared, -SIGKILL);
}

TEST(a_fence_of_one_who_leaves_is_cancelled)
{
	struct shared shared = begin();

	peer_tell(shared.peer.sock, "l", 1);
	ASSERT_INT(dma_fence_wait(shared.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(shared.fence), ==, -ECANCELED);
	end(&shared, 0);
}

TEST(a_fence_of_the_evicted_is_cancelled)
{
	struct shared shared = begin();
	struct dma_buf_pool_fence value;

	ASSERT_INT(dma_buf_pool_export_fence(shared.pool, shared.fence, &value), ==, 0);
	kill(shared.peer.pid, SIGSTOP);
	ASSERT_INT(dma_buf_pool_evict(shared.pool, value.member), ==, 0);
	ASSERT_INT(dma_fence_wait(shared.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(shared.fence), ==, -ECANCELED);
	ASSERT_INT(dma_buf_pool_evict(shared.pool, value.member), ==, -ENOENT);
	peer_kill(&shared.peer);
	end(&shared, -SIGKILL);
}

TEST(a_callback_is_called_by_the_watcher)
{
	struct counting_cb counter = { .calls = 0 };
	struct shared shared = begin();

	ASSERT_INT(dma_fence_add_callback(shared.fence, &counter.cb, count_call), ==, 0);
	peer_tell(shared.peer.sock, "s", 1);
	WAIT_UNTIL(load_acquire(&counter.calls));
	peer_go(shared.peer.sock);
	end(&shared, 0);
}

TEST(a_callback_is_called_when_the_owner_dies)
{
	struct counting_cb counter = { .calls = 0 };
	struct shared shared = begin();

	ASSERT_INT(dma_fence_add_callback(shared.fence, &counter.cb, count_call), ==, 0);
	peer_kill(&shared.peer);
	WAIT_UNTIL(load_acquire(&counter.calls));
	ASSERT_INT(dma_fence_get_status(shared.fence), ==, -EOWNERDEAD);
	end(&shared, -SIGKILL);
}

TEST(a_callback_that_comes_late_finds_the_error)
{
	struct counting_cb counter;
	struct shared shared = begin();

	peer_tell(shared.peer.sock, "e", 1);
	ASSERT_TRUE(peer_await(shared.peer.sock));
	ASSERT_INT(dma_fence_add_callback(shared.fence, &counter.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(shared.fence), ==, -EIO);
	peer_go(shared.peer.sock);
	end(&shared, 0);
}
