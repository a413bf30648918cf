/* SPDX-License-Identifier: MIT */
/* Reservations that two processes share. */
#include "adding.h"

TEST(fences_show_to_others_at_unlock)
{
	struct dma_fence *fence = make_fence();
	struct world world;
	struct dma_resv *resv = begin(&world);

	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	add_under_lock(resv, fence, DMA_RESV_USAGE_READ);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 1);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	dma_fence_put(fence);
	end(&world);
}

TEST(a_later_fence_of_a_context_replaces_the_one_before_elsewhere)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *fence[20];
	struct world world;
	struct dma_resv *resv = begin(&world);

	for (unsigned int i = 0; i < 20; i++) {
		fence[i] = make_fence_with(&plain_ops, NULL, context, i + 1);
		add(resv, fence[i], DMA_RESV_USAGE_WRITE);
		ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 1);
	}
	signal_and_put_all(fence, 20);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 0);
	end(&world);
}

/*
 * What is written anew at the next commit: with one fence in the place of another, or of all; or since the log
 * has no room behind what is there.
 */

enum rewriting { REPLACED, SET, FULL };

static void rewrite(struct dma_resv *resv, enum rewriting why, struct dma_fence *old, struct dma_fence *new)
{
	for (unsigned int i = 0; why == FULL && i < 10; i++) {
		struct dma_fence *over = make_fence();

		dma_fence_signal(old);
		add(resv, over, DMA_RESV_USAGE_READ);
		signal_and_put(over);
	}
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	if (why == REPLACED)
		ASSERT_INT(dma_resv_replace_fences(resv, old->context, new, DMA_RESV_USAGE_READ), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, 0);
	if (why == SET)
		dma_resv_fences_set(resv, &resv->fences, new, DMA_RESV_USAGE_READ);
	if (why == FULL)
		dma_resv_add_fence(resv, new, DMA_RESV_USAGE_READ);
}

static void check_rewritten(enum rewriting why)
{
	struct dma_fence *fence[5];
	struct world world;
	struct dma_resv *resv = begin(&world);

	for (unsigned int i = 0; i < 5; i++)
		fence[i] = make_fence();
	add(resv, fence[0], DMA_RESV_USAGE_READ);
	rewrite(resv, why, fence[0], fence[1]);
	for (unsigned int i = 2; i < 5; i++) {
		ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, 0);
		dma_resv_add_fence(resv, fence[i], DMA_RESV_USAGE_READ);
	}
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, -ENOSPC);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 4);
	signal_and_put_all(fence, 5);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	end(&world);
}

TEST(what_replaces_a_fence_may_be_followed_by_as_many_as_there_is_room_for)
{
	check_rewritten(REPLACED);
}

TEST(what_is_set_may_be_followed_by_as_many_as_there_is_room_for)
{
	check_rewritten(SET);
}

TEST(a_log_without_room_takes_as_many_as_there_is_room_for)
{
	check_rewritten(FULL);
}

TEST(a_full_buffer_takes_no_more_until_some_have_signalled)
{
	struct dma_fence *fence[5];
	struct world world;
	struct dma_resv *resv = begin(&world);

	for (unsigned int i = 0; i < 5; i++)
		fence[i] = make_fence();
	for (unsigned int i = 0; i < 4; i++)
		add(resv, fence[i], DMA_RESV_USAGE_READ);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, -ENOSPC);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 4);
	dma_fence_signal(fence[1]);
	add(resv, fence[4], DMA_RESV_USAGE_READ);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 4);
	signal_and_put_all(fence, 5);
	end(&world);
}

TEST(a_full_buffer_takes_a_fence_in_the_place_of_others)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *fence[5];
	struct world world;
	struct dma_resv *resv = begin(&world);

	for (unsigned int i = 0; i < 5; i++) {
		fence[i] = i == 1 ? make_fence_with(&plain_ops, NULL, context, 1) : make_fence();
		if (i < 4)
			add(resv, fence[i], DMA_RESV_USAGE_READ);
	}
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_replace_fences(resv, context, fence[4], DMA_RESV_USAGE_WRITE), ==, 0);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 1);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 4);
	signal_and_put_all(fence, 5);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	end(&world);
}

/* Takes the lock, adds one that is not committed, and waits. */
static void hold(int sock)
{
	struct there there = arrive(sock, 1);
	struct dma_fence *fence = make_fence();

	PEER_MUST(!dma_resv_lock(there.dmabuf[0]->resv, NULL));
	add_under_lock(there.dmabuf[0]->resv, fence, DMA_RESV_USAGE_WRITE);
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	dma_resv_unlock(there.dmabuf[0]->resv);
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	signal_and_put(fence);
	depart(&there);
}

TEST(a_lock_is_between_processes)
{
	struct world world;

	begin_world(&world, 1, hold);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_FALSE(dma_resv_trylock(world.dmabuf[0]->resv));
	peer_go(world.peer.sock);
	ASSERT_INT(dma_resv_lock(world.dmabuf[0]->resv, NULL), ==, 0);
	ASSERT_FALSE(dma_resv_test_signaled(world.dmabuf[0]->resv, DMA_RESV_USAGE_WRITE));
	dma_resv_unlock(world.dmabuf[0]->resv);
	ASSERT_TRUE(peer_await(world.peer.sock));
	peer_go(world.peer.sock);
	ASSERT_INT(dma_resv_wait_timeout(world.dmabuf[0]->resv, DMA_RESV_USAGE_WRITE, false,
					 MAX_SCHEDULE_TIMEOUT), >, 0);
	end_world(&world, 0);
}

TEST(the_lock_of_a_dead_holder_is_taken_over_and_what_it_staged_is_gone)
{
	struct world world;

	begin_world(&world, 1, hold);
	ASSERT_TRUE(peer_await(world.peer.sock));
	peer_kill(&world.peer);
	ASSERT_INT(dma_resv_lock(world.dmabuf[0]->resv, NULL), ==, 0);
	ASSERT_TRUE(dma_resv_test_signaled(world.dmabuf[0]->resv, DMA_RESV_USAGE_BOOKKEEP));
	dma_resv_unlock(world.dmabuf[0]->resv);
	end_world(&world, -SIGKILL);
}

TEST(what_the_dead_committed_is_an_error)
{
	struct dma_fence **fences;
	struct world world;
	unsigned int n;

	begin_world(&world, 1, hold);
	ASSERT_TRUE(peer_await(world.peer.sock));
	peer_go(world.peer.sock);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_INT(dma_resv_get_fences(world.dmabuf[0]->resv, DMA_RESV_USAGE_WRITE, &n, &fences), ==, 0);
	ASSERT_INT(n, ==, 1);
	peer_kill(&world.peer);
	ASSERT_INT(dma_fence_wait(fences[0], false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fences[0]), ==, -EOWNERDEAD);
	dma_fence_put(fences[0]);
	free(fences);
	ASSERT_TRUE(dma_resv_test_signaled(world.dmabuf[0]->resv, DMA_RESV_USAGE_WRITE));
	end_world(&world, -SIGKILL);
}

/* Without a fence of it here, and without a watcher. */
TEST(who_only_tests_finds_out_that_a_member_is_dead)
{
	struct world world;

	begin_world(&world, 1, hold);
	ASSERT_TRUE(peer_await(world.peer.sock));
	peer_go(world.peer.sock);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_FALSE(dma_resv_test_signaled(world.dmabuf[0]->resv, DMA_RESV_USAGE_WRITE));
	peer_kill(&world.peer);
	while (!dma_resv_test_signaled(world.dmabuf[0]->resv, DMA_RESV_USAGE_WRITE))
		test_yield();
	end_world(&world, -SIGKILL);
}

/* As hold(), but finds that it was evicted. */
static void hold_on(int sock)
{
	struct there there = arrive(sock, 1);
	struct dma_fence *fence = make_fence();

	PEER_MUST(!dma_buf_begin_cpu_access(there.dmabuf[0], DMA_FROM_DEVICE));
	PEER_MUST(!dma_resv_lock(there.dmabuf[0]->resv, NULL));
	add_under_lock(there.dmabuf[0]->resv, fence, DMA_RESV_USAGE_WRITE);
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	dma_resv_unlock(there.dmabuf[0]->resv);
	PEER_MUST(dma_buf_end_cpu_access(there.dmabuf[0], DMA_FROM_DEVICE) == -ESTALE);
	PEER_MUST(dma_buf_pool_status(there.pool) == -ESTALE);
	PEER_MUST(dma_resv_lock(there.dmabuf[0]->resv, NULL) == -ESTALE);
	PEER_MUST(dma_buf_begin_cpu_access(there.dmabuf[0], DMA_FROM_DEVICE) == -ESTALE);
	signal_and_put(fence);
	depart(&there);
}

TEST(who_is_evicted_loses_the_lock_and_cannot_commit)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence **fences;
	struct world world;
	unsigned int n;

	begin_world(&world, 1, hold_on);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_INT(dma_buf_pool_evict(world.pool, dma_buf_pool_self(world.pool) + 2), ==, 0);
	add(world.dmabuf[0]->resv, fence, DMA_RESV_USAGE_READ);
	peer_go(world.peer.sock);
	ASSERT_INT(peer_reap(&world.peer), ==, 0);
	ASSERT_INT(dma_resv_get_fences(world.dmabuf[0]->resv, DMA_RESV_USAGE_BOOKKEEP, &n, &fences),
		   ==, 0);
	ASSERT_INT(n, ==, 1);
	ASSERT_PTR(fences[0], ==, fence);
	dma_fence_put(fences[0]);
	free(fences);
	signal_and_put(fence);
	put_world(&world);
}

TEST(a_lock_that_takes_too_long_is_not_waited_for)
{
	struct world world;
	uint32_t holder;

	begin_world(&world, 1, hold);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[0]->resv, NULL, SECOND / 100), ==, -ETIME);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[0]->resv, NULL, 0), ==, -ETIME);
	ASSERT_INT(dma_buf_pool_lock_holder(world.dmabuf[0], &holder), ==, 0);
	ASSERT_INT(holder, ==, dma_buf_pool_self(world.pool) + 2); /* the next place, as new */
	peer_go(world.peer.sock);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[0]->resv, NULL, PEER_PATIENCE), ==, 0);
	dma_resv_unlock(world.dmabuf[0]->resv);
	ASSERT_INT(dma_buf_pool_lock_holder(world.dmabuf[0], &holder), ==, 0);
	ASSERT_INT(holder, ==, 0);
	ASSERT_INT(dma_buf_pool_lock_holder(NULL, &holder), ==, -EINVAL);
	ASSERT_TRUE(peer_await(world.peer.sock));
	peer_go(world.peer.sock);
	end_world(&world, 0);
}

/* Says when it has begun to read, with a fence that says so, too; and reads until it is told to end. */
static void read_until_told(int sock)
{
	struct there there = arrive(sock, 1);
	struct dma_buf *dmabuf = there.dmabuf[0];
	struct dma_fence *fence = make_fence();

	add(dmabuf->resv, fence, DMA_RESV_USAGE_READ);
	PEER_MUST(dma_resv_wait_timeout(dmabuf->resv, dma_resv_usage_rw(false), false, 0) > 0);
	PEER_MUST(!dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE));
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	PEER_MUST(!dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE));
	signal_and_put(fence);
	depart(&there);
}

TEST(readers_of_two_processes_read_at_the_same_time)
{
	struct dma_fence *fence = make_fence();
	struct dma_resv *resv;
	struct world world;

	begin_world(&world, 1, read_until_told);
	resv = world.dmabuf[0]->resv;
	add(resv, fence, DMA_RESV_USAGE_READ);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_INT(dma_resv_wait_timeout(resv, dma_resv_usage_rw(false), false, 0), >, 0);
	ASSERT_INT(dma_buf_begin_cpu_access(world.dmabuf[0], DMA_FROM_DEVICE), ==, 0);
	ASSERT_INT(dma_resv_wait_timeout(resv, dma_resv_usage_rw(true), false, 0), ==, 0);
	peer_go(world.peer.sock);
	ASSERT_INT(dma_buf_end_cpu_access(world.dmabuf[0], DMA_FROM_DEVICE), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(dma_resv_wait_timeout(resv, dma_resv_usage_rw(true), false, PEER_PATIENCE), >, 0);
	dma_fence_put(fence);
	end_world(&world, 0);
}
