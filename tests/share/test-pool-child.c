/* SPDX-License-Identifier: MIT */
/* What a forked child finds of a pool: it is no member, and nothing that it does shows to others. */
#include "../fence/fences.h"
#include "members.h"
#include "peers.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 4, .fences = 4, .timelines = 4,
};

/* Shares a fence, waits for the parent's, and says how that ended. */
static void exchange(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_fence *fence = make_fence(), *theirs;
	struct dma_buf_pool_fence value;
	int status;

	PEER_MUST(!dma_buf_pool_export_fence(pool, fence, &value));
	peer_tell(sock, &value, sizeof(value));
	PEER_MUST(peer_hear(sock, &value, sizeof(value)));
	theirs = dma_buf_pool_import_fence(pool, &value);
	PEER_MUST(peer_await(sock)); /* the child has ended */
	status = dma_fence_get_status(theirs);
	peer_tell(sock, &status, sizeof(status));
	PEER_MUST(peer_await(sock));
	dma_fence_put(theirs);
	signal_and_put(fence);
	dma_buf_pool_leave(pool);
}

static struct {
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;
	struct dma_fence *mine, *theirs;
} world;

/* In the child. */
static void look_at_all(void)
{
	struct dma_resv *resv = world.dmabuf->resv;
	struct dma_buf_pool_fence value;
	struct counting_cb counter;
	struct dma_fence *any = NULL;

	PEER_MUST(dma_buf_pool_status(world.pool) == -ECHILD);
	PEER_MUST(dma_buf_pool_export_fence(world.pool, world.mine, &value) == -ECHILD);
	PEER_MUST(dma_fence_add_callback(world.theirs, &counter.cb, count_call) == -ENOENT);
	PEER_MUST(dma_fence_get_status(world.theirs) == -ECHILD);
	PEER_MUST(dma_fence_wait_timeout(world.theirs, false, SECOND) > 0);
	PEER_MUST(dma_resv_lock(resv, NULL) == -ECHILD);
	PEER_MUST(!dma_resv_get_singleton(resv, DMA_RESV_USAGE_WRITE, &any));
	PEER_MUST(!any);
	PEER_MUST(dma_buf_begin_cpu_access(world.dmabuf, DMA_FROM_DEVICE) == -ECHILD);
	dma_fence_set_error(world.mine, -EIO);
	dma_fence_signal(world.mine);
	dma_buf_pool_leave(world.pool);
	_exit(0);
}

static int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void add(struct dma_fence *fence, enum dma_resv_usage usage)
{
	ASSERT_INT(dma_resv_lock(world.dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(world.dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(world.dmabuf->resv, fence, usage);
	dma_resv_unlock(world.dmabuf->resv);
}

TEST(what_a_forked_child_does_shows_to_nobody)
{
	struct peer peer = peer_fork(exchange);
	struct dma_buf_pool_fence value;
	int status;
	pid_t pid;

	ASSERT_INT(dma_buf_pool_create(&limits, &world.pool), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(world.pool, peer.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(world.pool, "shared", 4096, 0, &world.dmabuf), ==, 0);
	ASSERT_TRUE(peer_hear(peer.sock, &value, sizeof(value)));
	world.theirs = dma_buf_pool_import_fence(world.pool, &value);
	world.mine = make_fence();
	ASSERT_INT(dma_buf_pool_export_fence(world.pool, world.mine, &value), ==, 0);
	peer_tell(peer.sock, &value, sizeof(value));
	add(world.theirs, DMA_RESV_USAGE_WRITE);
	add(world.mine, DMA_RESV_USAGE_READ);

	pid = fork();
	if (!pid)
		look_at_all();
	ASSERT_INT(end_of(pid), ==, 0);

	ASSERT_INT(dma_buf_pool_status(world.pool), ==, 0);
	ASSERT_FALSE(dma_resv_test_signaled(world.dmabuf->resv, DMA_RESV_USAGE_WRITE));
	peer_go(peer.sock);
	ASSERT_TRUE(peer_hear(peer.sock, &status, sizeof(status)));
	ASSERT_INT(status, ==, 0);
	peer_go(peer.sock);
	ASSERT_INT(dma_fence_wait(world.theirs, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(world.theirs), ==, 1);
	ASSERT_INT(peer_reap(&peer), ==, 0);
	signal_and_put(world.mine);
	dma_fence_put(world.theirs);
	dma_buf_put(world.dmabuf);
	leave(world.pool);
}
