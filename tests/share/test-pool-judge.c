/* SPDX-License-Identifier: MIT */
/*
 * Points of who is evicted, or leaves: all agree about them, and each callback is called.
 * models/shared-fence.pml has all moments.
 */
#include <pthread.h>

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
	leave(pool);
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

/*
 * Callbacks.
 */

/* Has a callback, which must be called. */
static void be_called(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf_pool_fence value;
	struct counting_cb counter = { .calls = 0 };
	struct dma_fence *fence;

	PEER_MUST(peer_hear(sock, &value, sizeof(value)));
	fence = get_point(pool, &value);
	PEER_MUST(!dma_fence_add_callback(fence, &counter.cb, count_call));
	peer_go(sock);
	WAIT_UNTIL(load_acquire(&counter.calls));
	PEER_MUST(dma_fence_get_status(fence) == -ECANCELED);
	dma_fence_put(fence);
	dma_buf_pool_leave(pool);
}

TEST(an_eviction_calls_callbacks_in_every_process)
{
	struct dma_buf_pool_fence value;
	struct dma_buf_pool *pool;

	peer[0] = peer_fork(signal_when_told);
	peer[1] = peer_fork(be_called);
	pool = begin_pool(&limits, 2);
	ASSERT_TRUE(peer_hear(peer[0].sock, &value, sizeof(value)));
	peer_tell(peer[1].sock, &value, sizeof(value));
	ASSERT_TRUE(peer_await(peer[1].sock));
	ASSERT_INT(dma_buf_pool_evict(pool, id_of(pool, 1)), ==, 0);
	ASSERT_INT(peer_reap(&peer[1]), ==, 0);
	end_of(&peer[0]);
	leave(pool);
}

/* When told, evicts another one, and stops before anybody hears of it. */
static void evict_in_silence(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	uint32_t other;

	PEER_MUST(peer_hear(sock, &other, sizeof(other)));
	stop_at(sock, "evict: not told", 1);
	(void)!dma_buf_pool_evict(pool, other);
	_exit(1);
}

TEST(an_eviction_calls_callbacks_also_if_who_did_it_dies)
{
	struct dma_buf_pool_fence value;
	struct dma_buf_pool *pool;
	uint32_t owner;

	peer[0] = peer_fork(signal_when_told);
	peer[1] = peer_fork(be_called);
	peer[2] = peer_fork(evict_in_silence);
	pool = begin_pool(&limits, 3);
	ASSERT_TRUE(peer_hear(peer[0].sock, &value, sizeof(value)));
	peer_tell(peer[1].sock, &value, sizeof(value));
	ASSERT_TRUE(peer_await(peer[1].sock));
	owner = id_of(pool, 1);
	peer_tell(peer[2].sock, &owner, sizeof(owner));
	ASSERT_TRUE(peer_await(peer[2].sock));
	end_of(&peer[2]);
	ASSERT_INT(peer_reap(&peer[1]), ==, 0);
	end_of(&peer[0]);
	leave(pool);
}

static void *signal_it(void *fence)
{
	dma_fence_signal(fence);
	return NULL;
}

/* One of its threads signals a point; another leaves before whoever waits for it is woken. */
static void wake_late(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_fence *fence = make_fence();
	struct dma_buf_pool_fence value;
	pthread_t thread;

	PEER_MUST(!dma_buf_pool_export_fence(pool, fence, &value));
	peer_tell(sock, &value, sizeof(value));
	PEER_MUST(peer_await(sock));
	stop_at(sock, "carry: before it wakes", 1);
	PEER_MUST(!pthread_create(&thread, NULL, signal_it, fence));
	while (load_acquire(&stop.nth))
		usleep(1000);
	leave(pool);
	peer_go(sock);
	PEER_MUST(!pthread_join(thread, NULL));
	dma_fence_put(fence);
}

static struct dma_fence *await_call(struct dma_buf_pool *pool, int sock, struct counting_cb *counter)
{
	struct dma_buf_pool_fence value;
	struct dma_fence *fence;

	ASSERT_TRUE(peer_hear(sock, &value, sizeof(value)));
	fence = get_point(pool, &value);
	ASSERT_INT(dma_fence_add_callback(fence, &counter->cb, count_call), ==, 0);
	return fence;
}

TEST(who_left_takes_no_ring_from_its_successor)
{
	const struct dma_buf_pool_limits two = { 2, 1, 1, 1 };
	struct counting_cb counter[2] = { 0 };
	struct dma_fence *fence[2];
	struct dma_buf_pool *pool;

	peer[0] = peer_fork(wake_late);
	peer[1] = peer_fork(signal_when_told);
	ASSERT_INT(dma_buf_pool_create(&two, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(pool, peer[0].sock, 0, PEER_PATIENCE, NULL), ==, 0);
	fence[0] = await_call(pool, peer[0].sock, &counter[0]);
	let_it(&peer[0]);
	WAIT_UNTIL(load_acquire(&counter[0].calls));
	ASSERT_TRUE(peer_await(peer[0].sock)); /* it has left */
	ASSERT_INT(dma_buf_pool_serve(pool, peer[1].sock, 0, PEER_PATIENCE, NULL), ==, 0);
	fence[1] = await_call(pool, peer[1].sock, &counter[1]);
	peer_go(peer[0].sock);
	ASSERT_INT(peer_reap(&peer[0]), ==, 0);
	let_it(&peer[1]);
	WAIT_UNTIL(load_acquire(&counter[1].calls));
	end_of(&peer[1]);
	for (unsigned int i = 0; i < 2; i++)
		dma_fence_put(fence[i]);
	leave(pool);
}
