/* SPDX-License-Identifier: MIT */
/*
 * Reservations, and who is stopped at the worst moment, or evicted and goes on: it changes nothing for the
 * others.
 * models/shared-log.pml has all moments.
 */
#include "../fence/fences.h"
#include "stops.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 2, .fences = 4, .timelines = 4,
};

static struct dma_buf *make_buffer(struct dma_buf_pool *pool, unsigned int members)
{
	struct dma_buf_pool_handle handle;
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_pool_alloc(pool, "shared", 4096, 0, &dmabuf), ==, 0);
	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	for (unsigned int i = 0; i < members; i++)
		peer_tell(peer[i].sock, &handle, sizeof(handle));
	return dmabuf;
}

static void add(struct dma_resv *resv, struct dma_fence *fence)
{
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, 0);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(resv);
}

static void add_over(struct dma_resv *resv)
{
	struct dma_fence *fence = make_fence();

	add(resv, fence);
	signal_and_put(fence);
}

/* When told, takes the lock and adds a fence, and stops at a label on the way; or where it is refused. */
static void add_slowly(int sock, const char *label, unsigned int nth)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf *dmabuf = peer_get_buf(sock, pool);
	struct dma_fence *fence = make_fence();

	peer_go(sock);
	PEER_MUST(peer_await(sock));
	stop_at(sock, label, nth);
	if (!dma_resv_lock(dmabuf->resv, NULL)) {
		if (!dma_resv_reserve_fences(dmabuf->resv, 1))
			dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
		dma_resv_unlock(dmabuf->resv);
	}
	os_race_hook(NULL);
	if (stop.nth)
		stop_here();
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool); /* if its point shows, it has failed */
	signal_and_put(fence);
}

static void write_half_an_entry(int sock)
{
	add_slowly(sock, "shared log: before a word", 2);
}

static void lock_and_stop(int sock)
{
	add_slowly(sock, "shared resv: locked", 1);
}

static void commit_late(int sock)
{
	add_slowly(sock, "shared log: before the commit", 1);
}

static struct world {
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;
	struct dma_fence *fence;
} world;

/* peer[0] runs @func. Its first point and our third are of two timelines: ours seems to be over if they mix. */
static void begin_mix(void (*func)(int sock))
{
	peer[0] = peer_fork(func);
	world.pool = begin_pool(&limits, 1);
	world.dmabuf = make_buffer(world.pool, 1);
	add_over(world.dmabuf->resv);
	add_over(world.dmabuf->resv);
	world.fence = make_fence();
	ASSERT_TRUE(peer_await(peer[0].sock));
}

static void go_on(void)
{
	peer_go(peer[0].sock);
	ASSERT_INT(peer_reap(&peer[0]), ==, 0);
}

/* When it has gone on, ours is there, and nothing else that has not signalled, or failed. */
static void end_mix(void)
{
	struct dma_resv *resv = world.dmabuf->resv;
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *fence;

	ASSERT_FALSE(dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	dma_resv_get_snapshot(resv, &set);
	dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP) {
		if (dma_fence_get_status(fence) != 1)
			ASSERT_PTR(fence, ==, world.fence);
	}
	dma_resv_put_snapshot(&set);
	dma_fence_signal(world.fence);
	ASSERT_TRUE(dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE));
	dma_fence_put(world.fence);
	dma_buf_put(world.dmabuf);
	leave(world.pool);
}

static void let_it_write(void)
{
	let_it(&peer[0]);
}

TEST(who_takes_the_lock_while_it_is_evicted_writes_over_nobody)
{
	begin_mix(write_half_an_entry);
	do_at("evict: counted", let_it_write);
	ASSERT_INT(dma_buf_pool_evict(world.pool, id_of(world.pool, 1)), ==, 0);
	os_race_hook(NULL);
	add(world.dmabuf->resv, world.fence);
	go_on();
	end_mix();
}

static void evict_it(void)
{
	ASSERT_INT(dma_buf_pool_evict(world.pool, id_of(world.pool, 1)), ==, 0);
}

TEST(who_waits_for_the_lock_of_one_who_is_evicted_is_not_written_over)
{
	begin_mix(write_half_an_entry);
	let_it(&peer[0]);
	do_at("shared lock: before it is taken", evict_it);
	add(world.dmabuf->resv, world.fence);
	os_race_hook(NULL);
	go_on();
	end_mix();
}

/* It would show one entry, and not the second. */
TEST(who_is_evicted_before_it_commits_commits_nothing)
{
	struct dma_fence *first = make_fence();
	struct dma_resv *resv;

	begin_mix(commit_late);
	let_it(&peer[0]);
	evict_it();
	resv = world.dmabuf->resv;
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 2), ==, 0);
	dma_resv_add_fence(resv, first, DMA_RESV_USAGE_WRITE);
	dma_resv_add_fence(resv, world.fence, DMA_RESV_USAGE_WRITE);
	go_on();
	dma_resv_unlock(resv);
	signal_and_put(first);
	end_mix();
}

TEST(who_is_evicted_before_it_looks_at_the_log_commits_nothing)
{
	begin_mix(lock_and_stop);
	let_it(&peer[0]);
	evict_it();
	add(world.dmabuf->resv, world.fence);
	go_on();
	end_mix();
}

/* Adds two, and when told, replaces both, and what replaced the first: each time by writing the log anew. */
static void flip_twice(int sock)
{
	const uint64_t context = dma_fence_context_alloc(3);
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf *dmabuf = peer_get_buf(sock, pool);
	struct dma_fence *fence[4];

	for (unsigned int i = 0; i < 4; i++)
		fence[i] = make_fence_with(&plain_ops, NULL, context + (i < 2 ? i : 2), i + 1);
	add(dmabuf->resv, fence[0]);
	add(dmabuf->resv, fence[1]);
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	for (unsigned int i = 0; i < 2; i++) {
		PEER_MUST(!dma_resv_lock(dmabuf->resv, NULL));
		PEER_MUST(!dma_resv_replace_fences(dmabuf->resv, context + i, fence[2 + i],
						   DMA_RESV_USAGE_WRITE));
		dma_resv_unlock(dmabuf->resv);
	}
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	signal_and_put_all(fence, 4);
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool);
}

TEST(a_reader_finds_what_one_commit_left)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *fence;
	unsigned int count = 0;

	peer[0] = peer_fork(flip_twice);
	world.pool = begin_pool(&limits, 1);
	world.dmabuf = make_buffer(world.pool, 1);
	ASSERT_TRUE(peer_await(peer[0].sock));
	do_at("shared log: before it is read", let_it_write);
	dma_resv_get_snapshot(world.dmabuf->resv, &set);
	os_race_hook(NULL);
	dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP)
		count++;
	dma_resv_put_snapshot(&set);
	ASSERT_INT(count, ==, 1);
	go_on();
	dma_buf_put(world.dmabuf);
	leave(world.pool);
}

static void hold(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf *dmabuf = peer_get_buf(sock, pool);

	PEER_MUST(!dma_resv_lock(dmabuf->resv, NULL));
	stop.sock = sock;
	stop_here();
	_exit(1);
}

/* When told: takes the lock over, and stops before it has said so. */
static void take_over(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf *dmabuf = peer_get_buf(sock, pool);
	int err;

	PEER_MUST(peer_await(sock));
	stop_at(sock, "shared log: before a takeover", 1);
	err = dma_resv_lock(dmabuf->resv, NULL);
	os_race_hook(NULL);
	if (!err) {
		err = dma_resv_reserve_fences(dmabuf->resv, 1);
		dma_resv_unlock(dmabuf->resv);
	}
	PEER_MUST(err == -ESTALE);
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool);
}

TEST(who_took_a_lock_over_and_was_evicted_spoils_no_commit)
{
	struct dma_fence *fence = make_fence();
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;

	peer[0] = peer_fork(hold);
	peer[1] = peer_fork(take_over);
	pool = begin_pool(&limits, 2);
	dmabuf = make_buffer(pool, 2);
	ASSERT_TRUE(peer_await(peer[0].sock));
	end_of(&peer[0]);
	let_it(&peer[1]);
	ASSERT_INT(dma_buf_pool_evict(pool, id_of(pool, 2)), ==, 0);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	peer_go(peer[1].sock);
	ASSERT_INT(peer_reap(&peer[1]), ==, 0);
	dma_resv_unlock(dmabuf->resv);
	ASSERT_FALSE(dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_WRITE));
	signal_and_put(fence);
	dma_buf_put(dmabuf);
	leave(pool);
}
