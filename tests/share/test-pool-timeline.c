/* SPDX-License-Identifier: MIT */
/* Timelines that are shared as they are: others wait for points that are not there yet. */
#include "../fence/fences.h"
#include "members.h"
#include "peers.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 2, .fences = 4, .timelines = 2,
};

static void emit_and_signal(struct dma_fence_timeline *tl, int error)
{
	struct dma_fence *fence = dma_fence_timeline_emit(tl);

	PEER_MUST(!dma_fence_timeline_signal(tl, fence->seqno, error));
	dma_fence_put(fence);
}

/* Signals 1; 2 and 3 with 3 failing; fails 4 and 5; then ends. One step a byte. */
static void step_by_step(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_fence_timeline *tl = dma_fence_timeline_create("steps");
	struct dma_buf_pool_fence origin;
	struct dma_fence *fence[2];

	PEER_MUST(!dma_buf_pool_share_timeline(pool, tl, &origin));
	PEER_MUST(dma_buf_pool_share_timeline(pool, tl, &origin) == -EBUSY);
	peer_tell(sock, &origin, sizeof(origin));
	PEER_MUST(peer_await(sock));
	emit_and_signal(tl, 0);
	PEER_MUST(peer_await(sock));
	for (unsigned int i = 0; i < 2; i++)
		fence[i] = dma_fence_timeline_emit(tl);
	PEER_MUST(!dma_fence_timeline_signal(tl, 3, -EIO));
	for (unsigned int i = 0; i < 2; i++)
		dma_fence_put(fence[i]);
	PEER_MUST(peer_await(sock));
	for (unsigned int i = 0; i < 2; i++)
		fence[i] = dma_fence_timeline_emit(tl);
	PEER_MUST(!dma_fence_timeline_fail(tl, -ENODEV));
	for (unsigned int i = 0; i < 2; i++)
		dma_fence_put(fence[i]);
	PEER_MUST(peer_await(sock));
	dma_buf_pool_leave(pool);
	dma_fence_timeline_destroy(tl);
}

struct watched {
	struct peer peer;
	struct dma_buf_pool *pool;
	struct dma_fence *point[8];
};

static void begin(struct watched *watched)
{
	struct dma_buf_pool_fence value;

	watched->peer = peer_fork(step_by_step);
	ASSERT_INT(dma_buf_pool_create(&limits, &watched->pool), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(watched->pool, watched->peer.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_TRUE(peer_hear(watched->peer.sock, &value, sizeof(value)));
	for (unsigned int i = 1; i < 8; i++) {
		value.seqno++;
		watched->point[i] = dma_buf_pool_import_fence(watched->pool, &value);
		ASSERT_FALSE(dmabuf_is_err(watched->point[i]));
		ASSERT_FALSE(dma_fence_is_signaled(watched->point[i]));
	}
}

static int outcome(struct watched *watched, unsigned int i)
{
	ASSERT_INT(dma_fence_wait(watched->point[i], false), ==, 0);
	return dma_fence_get_status(watched->point[i]);
}

static void end(struct watched *watched, int status)
{
	ASSERT_INT(peer_reap(&watched->peer), ==, status);
	for (unsigned int i = 1; i < 8; i++)
		dma_fence_put(watched->point[i]);
	leave(watched->pool);
}

TEST(points_signal_elsewhere_in_order_each_with_its_own_error)
{
	struct watched watched;

	begin(&watched);
	peer_go(watched.peer.sock);
	ASSERT_INT(outcome(&watched, 1), ==, 1);
	ASSERT_FALSE(dma_fence_is_signaled(watched.point[2]));
	peer_go(watched.peer.sock);
	ASSERT_INT(outcome(&watched, 3), ==, -EIO);
	ASSERT_INT(outcome(&watched, 2), ==, 1);
	peer_go(watched.peer.sock);
	ASSERT_INT(outcome(&watched, 5), ==, -ENODEV);
	ASSERT_INT(outcome(&watched, 4), ==, -ENODEV);
	ASSERT_FALSE(dma_fence_is_signaled(watched.point[6]));
	peer_go(watched.peer.sock);
	ASSERT_INT(outcome(&watched, 7), ==, -ECANCELED);
	ASSERT_INT(outcome(&watched, 6), ==, -ECANCELED);
	end(&watched, 0);
}

TEST(points_that_a_dead_member_never_emitted_are_errors)
{
	struct watched watched;

	begin(&watched);
	peer_go(watched.peer.sock);
	ASSERT_INT(outcome(&watched, 1), ==, 1);
	peer_kill(&watched.peer);
	ASSERT_INT(outcome(&watched, 7), ==, -EOWNERDEAD);
	ASSERT_INT(outcome(&watched, 2), ==, -EOWNERDEAD);
	end(&watched, -SIGKILL);
}

TEST(timelines_run_out_and_come_back)
{
	struct dma_fence_timeline *tl[3];
	struct dma_buf_pool_fence origin;
	struct dma_buf_pool *pool;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	for (unsigned int i = 0; i < 3; i++)
		tl[i] = dma_fence_timeline_create("one");
	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl[0], &origin), ==, 0);
	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl[1], &origin), ==, 0);
	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl[2], &origin), ==, -ENOSPC);
	dma_fence_timeline_destroy(tl[0]);
	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl[2], &origin), ==, 0);
	dma_fence_timeline_destroy(tl[1]);
	dma_fence_timeline_destroy(tl[2]);
	leave(pool);
}

TEST(a_timeline_is_shared_once_and_in_one_pool)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("shared");
	struct dma_buf_pool_fence origin, untouched = { 0 };
	struct dma_buf_pool *pool, *other;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_create(&limits, &other), ==, 0);
	ASSERT_INT(dma_buf_pool_share_timeline(NULL, tl, &untouched), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_share_timeline(pool, NULL, &untouched), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl, &origin), ==, 0);
	/* More often than there are timelines: it takes none. */
	for (unsigned int i = 0; i <= limits.timelines; i++) {
		ASSERT_INT(dma_buf_pool_share_timeline(pool, tl, &untouched), ==, -EBUSY);
		ASSERT_INT(dma_buf_pool_share_timeline(other, tl, &untouched), ==, -EBUSY);
	}
	ASSERT_INT(untouched.member, ==, 0);
	dma_fence_timeline_destroy(tl);
	dma_buf_pool_leave(other);
	leave(pool);
}

TEST(points_of_before_are_over)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("begun");
	struct dma_fence *first = dma_fence_timeline_emit(tl), *second = dma_fence_timeline_emit(tl);
	struct dma_buf_pool_fence origin, value;
	struct dma_buf_pool *pool;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, 0);
	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl, &origin), ==, 0);
	ASSERT_INT(dma_buf_pool_export_fence(pool, second, &value), ==, 0);
	ASSERT_INT(value.timeline, ==, origin.timeline);
	ASSERT_INT(value.seqno, ==, origin.seqno + 2);
	ASSERT_INT(dma_fence_timeline_signal(tl, 2, 0), ==, 0);
	dma_fence_put(first);
	dma_fence_put(second);
	dma_buf_pool_leave(pool);
	dma_fence_timeline_destroy(tl);
	dmabuf_rcu_barrier();
}

/* As who has never looked before sees it. */
static int status_of(struct dma_buf_pool *pool, struct dma_buf_pool_fence value, uint64_t point)
{
	struct dma_fence *fence;
	int status;

	value.seqno += point;
	fence = dma_buf_pool_import_fence(pool, &value);
	ASSERT_TRUE(!dmabuf_is_err(fence));
	status = dma_fence_get_status(fence);
	dma_fence_put(fence);
	return status;
}

/* What nobody has emitted yet has not signalled, though nothing is known of it. */
TEST(a_timeline_only_goes_forward_whoever_looks)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("forward");
	struct dma_buf_pool *pool = create_pool(&limits), *other = add_member(pool);
	struct dma_buf_pool_fence origin;
	struct dma_fence *fence[3];

	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl, &origin), ==, 0);
	for (unsigned int i = 0; i < 3; i++)
		fence[i] = dma_fence_timeline_emit(tl);
	ASSERT_INT(dma_fence_timeline_signal(tl, 2, 0), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, -ERANGE);
	ASSERT_INT(dma_fence_timeline_signal(tl, 2, -EIO), ==, -ERANGE);
	ASSERT_INT(dma_fence_timeline_signal(tl, 4, 0), ==, -ERANGE);
	for (unsigned int i = 1; i <= 5; i++)
		ASSERT_INT(status_of(other, origin, i), ==, i <= 2);
	ASSERT_INT(dma_fence_timeline_signal(tl, 3, -EIO), ==, 0);
	ASSERT_INT(status_of(other, origin, 2), ==, 1);
	ASSERT_INT(status_of(other, origin, 3), ==, -EIO);
	ASSERT_INT(status_of(other, origin, 4), ==, 0);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(fence[i]);
	leave(other);
	leave(pool);
	dma_fence_timeline_destroy(tl);
	dmabuf_rcu_barrier();
}

TEST(the_errors_of_three_runs_are_known)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("runs");
	struct dma_buf_pool *pool = create_pool(&limits), *other = add_member(pool);
	struct dma_buf_pool_fence origin;

	ASSERT_INT(dma_buf_pool_share_timeline(pool, tl, &origin), ==, 0);
	emit_and_signal(tl, 0);
	for (unsigned int i = 2; i <= 6; i++)
		emit_and_signal(tl, -EPERM);
	emit_and_signal(tl, -EINTR); /* 7: another error, another run */
	emit_and_signal(tl, 0);
	emit_and_signal(tl, -EINTR); /* 9: not one after the other */
	ASSERT_INT(status_of(other, origin, 1), ==, 1);
	for (unsigned int i = 2; i <= 6; i++)
		ASSERT_INT(status_of(other, origin, i), ==, -EPERM);
	ASSERT_INT(status_of(other, origin, 7), ==, -EINTR);
	ASSERT_INT(status_of(other, origin, 8), ==, 1);
	ASSERT_INT(status_of(other, origin, 9), ==, -EINTR);
	emit_and_signal(tl, -ENODATA); /* 10 pushes out 2 to 6 */
	for (unsigned int i = 1; i <= 6; i++)
		ASSERT_INT(status_of(other, origin, i), ==, -EIO);
	ASSERT_INT(status_of(other, origin, 7), ==, -EINTR);
	ASSERT_INT(status_of(other, origin, 8), ==, 1);
	ASSERT_INT(status_of(other, origin, 9), ==, -EINTR);
	ASSERT_INT(status_of(other, origin, 10), ==, -ENODATA);
	leave(other);
	leave(pool);
	dma_fence_timeline_destroy(tl);
}
