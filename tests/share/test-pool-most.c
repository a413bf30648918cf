/* SPDX-License-Identifier: MIT */
/*
 * The most that a pool may have.
 *
 * Claims: 64 members can be there at the same time, each of them reaches all others, and no more come. A pool
 * can have more buffers than a process has descriptors by default, each with its own memory and reservation,
 * also 4,095 of them under one ticket; who has no descriptor for one more is told so, and loses nothing.
 */
#include <sys/resource.h>

#include "world.h"

/*
 * Members.
 */

enum { MEMBERS = 64, OTHERS = MEMBERS - 1 };

/* Adds a fence; signals it when told so; and then waits for all that others have added. */
static void take_part(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf *dmabuf = peer_get_buf(sock, pool);
	struct dma_fence *fence = make_fence();

	add(dmabuf->resv, fence, DMA_RESV_USAGE_READ);
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	signal_and_put(fence);
	PEER_MUST(dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_READ, false, PEER_PATIENCE) > 0);
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool);
}

static void welcome_all(struct dma_buf_pool *pool, struct dma_buf *dmabuf, const struct peer *peers)
{
	struct dma_buf_pool_handle handle;

	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	for (unsigned int i = 0; i < OTHERS; i++) {
		ASSERT_INT(dma_buf_pool_serve(pool, peers[i].sock, 0, PEER_PATIENCE, NULL), ==, 0);
		peer_tell(peers[i].sock, &handle, sizeof(handle));
		ASSERT_TRUE(peer_await(peers[i].sock));
	}
}

TEST(as_many_members_as_a_pool_may_have_wait_for_each_other)
{
	static const struct dma_buf_pool_limits limits = {
		.members = MEMBERS, .buffers = 1, .fences = MEMBERS, .timelines = 2,
	};
	struct dma_buf_pool_message invitation;
	struct dma_buf_pool *pool;
	struct peer peers[OTHERS];
	struct dma_buf *dmabuf;

	for (unsigned int i = 0; i < OTHERS; i++)
		peers[i] = peer_fork(take_part);
	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(pool, "crowded", 4096, 0, &dmabuf), ==, 0);
	welcome_all(pool, dmabuf, peers);
	ASSERT_INT(dma_buf_pool_invite(pool, 0, &invitation), ==, -EUSERS);
	ASSERT_INT(count_in_snapshot(dmabuf->resv, DMA_RESV_USAGE_READ), ==, OTHERS);
	for (unsigned int i = 0; i < OTHERS; i++)
		peer_go(peers[i].sock);
	ASSERT_INT(dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_READ, false, PEER_PATIENCE), >, 0);
	for (unsigned int i = 0; i < OTHERS; i++)
		ASSERT_INT(peer_reap(&peers[i]), ==, 0);
	dma_buf_put(dmabuf);
	leave(pool);
}

/*
 * Buffers.
 */

enum { ROOM = 65536, ENOUGH_DESCRIPTORS = 4096,
       MOST_DESCRIPTORS = TEST_SANITIZED ? 5000 : 20000, KEPT_DESCRIPTORS = 100,
       TIMELINES = 4096, TICKET = TIMELINES - 1 };

static struct {
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf[ROOM];
	unsigned int count, at_least;
} many;

/* Two a buffer. False: this process may not have enough of them. */
static bool allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	limit.rlim_cur = limit.rlim_max < MOST_DESCRIPTORS ? limit.rlim_max : MOST_DESCRIPTORS;
	many.at_least = (unsigned int)(limit.rlim_cur - KEPT_DESCRIPTORS) / 2;
	return limit.rlim_cur > ENOUGH_DESCRIPTORS && !setrlimit(RLIMIT_NOFILE, &limit);
}

static int alloc_one_more(void)
{
	return dma_buf_pool_alloc(many.pool, "one of many", 4096, 0, &many.dmabuf[many.count]);
}

static void alloc_all(void)
{
	int err;

	while (!(err = alloc_one_more()))
		many.count++;
	ASSERT_INT(err, ==, -EMFILE);
	ASSERT_INT(many.count, >=, many.at_least);
	dma_buf_put(many.dmabuf[--many.count]);
	ASSERT_INT(alloc_one_more(), ==, 0);
	many.count++;
}

static void put_all(void)
{
	while (many.count)
		dma_buf_put(many.dmabuf[--many.count]);
}

/* As the CPU sees it: where @number is to be written first, and what is there then. */
static unsigned int touch(struct dma_buf *dmabuf, const unsigned int *number)
{
	struct iosys_map map;
	unsigned int there;

	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &map), ==, 0);
	if (number)
		*(unsigned int *)map.vaddr = *number;
	there = *(unsigned int *)map.vaddr;
	dma_buf_vunmap_unlocked(dmabuf, &map);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	return there;
}

static void submit(struct dma_fence *fence, struct dma_buf *const *dmabuf, unsigned int n)
{
	struct ww_acquire_ctx ticket;

	ww_acquire_init(&ticket, &reservation_ww_class);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_INT(dma_resv_lock(dmabuf[i]->resv, &ticket), ==, 0);
		ASSERT_INT(dma_resv_reserve_fences(dmabuf[i]->resv, 1), ==, 0);
	}
	ww_acquire_done(&ticket);
	for (unsigned int i = 0; i < n; i++) {
		dma_resv_add_fence(dmabuf[i]->resv, fence, DMA_RESV_USAGE_WRITE);
		dma_resv_unlock(dmabuf[i]->resv);
	}
	ww_acquire_fini(&ticket);
}

/* Each reservation under a ticket has a timeline set aside, whatever fence will come; @fence has one. */
static void submit_to_all(struct dma_fence *fence)
{
	unsigned int n;

	for (unsigned int done = 0; done < many.count; done += n) {
		n = many.count - done < TICKET ? many.count - done : TICKET;
		submit(fence, many.dmabuf + done, n);
	}
}

static unsigned int count_idle(void)
{
	unsigned int idle = 0;

	for (unsigned int i = 0; i < many.count; i++)
		idle += dma_resv_test_signaled(many.dmabuf[i]->resv, DMA_RESV_USAGE_WRITE);
	return idle;
}

TEST(each_of_very_many_buffers_has_its_own_memory_and_reservation)
{
	static const struct dma_buf_pool_limits limits = {
		.members = 2, .buffers = ROOM, .fences = 1, .timelines = TIMELINES,
	};
	struct dma_fence *fence = make_fence();

	if (!allow_descriptors()) {
		printf("not tested: no process may have %u descriptors here\n", ENOUGH_DESCRIPTORS);
		dma_fence_put(fence);
		return;
	}
	ASSERT_INT(dma_buf_pool_create(&limits, &many.pool), ==, 0);
	alloc_all();
	for (unsigned int i = 0; i < many.count; i++)
		touch(many.dmabuf[i], &i);
	for (unsigned int i = 0; i < many.count; i++)
		ASSERT_INT(touch(many.dmabuf[i], NULL), ==, i);
	submit_to_all(fence);
	ASSERT_INT(count_idle(), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(count_idle(), ==, many.count);
	dma_fence_put(fence);
	put_all();
	leave(many.pool);
}
