/* SPDX-License-Identifier: MIT */
/* Waiting for any of several processes' fences: what becomes of them, and what it costs. */
#include <dirent.h>

#include "members.h"
#include "puppet.h"
#include "waiting.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 1, .fences = 1, .timelines = 2,
};

enum { PUPPETS = 3 };

static struct {
	struct dma_buf_pool *pool;
	struct peer puppet[PUPPETS];
	uint32_t id[PUPPETS];
	struct dma_fence *fence[PUPPETS];
} crowd;

static void gather(void)
{
	for (unsigned int i = 0; i < PUPPETS; i++)
		crowd.puppet[i] = puppet_fork();
	crowd.pool = create_pool(&limits);
	for (unsigned int i = 0; i < PUPPETS; i++) {
		struct answer answer;

		crowd.id[i] = puppet_admit(&crowd.puppet[i], crowd.pool, 0);
		answer = puppet_obey(&crowd.puppet[i], &(struct order){ .deed = EXPORT });
		ASSERT_INT(answer.err, ==, 0);
		crowd.fence[i] = import(crowd.pool, &answer.value);
	}
}

static void disperse(void)
{
	for (unsigned int i = 0; i < PUPPETS; i++) {
		dma_fence_put(crowd.fence[i]);
		if (crowd.puppet[i].pid)
			puppet_quit(&crowd.puppet[i]);
	}
	leave(crowd.pool);
}

/* Which of the puppets' it is, when @func is done as the waiter is about to sleep. */
static uint32_t wait_while(void (*func)(void))
{
	uint32_t idx = 99;

	do_at(SLEEP, func);
	ASSERT_INT(dma_fence_wait_any_timeout(crowd.fence, PUPPETS, false, PEER_PATIENCE, &idx), >, 0);
	os_race_hook(NULL);
	ASSERT_FALSE(is_watched(crowd.pool));
	return idx;
}

TEST(any_of_several_processes_wakes)
{
	for (unsigned int i = 0; i < PUPPETS; i++) {
		struct waiting waiting = { .fences = crowd.fence, .count = PUPPETS, .idx = 99 };
		struct test_thread *thread;

		test_forks_beside_threads();
		gather();
		thread = start(&waiting);
		ASSERT_INT(puppet_deed(&crowd.puppet[i], SIGNAL), ==, 0);
		join(thread);
		ASSERT_INT(waiting.waiter.ret, >, 0);
		ASSERT_INT(waiting.idx, ==, i);
		ASSERT_INT(dma_fence_get_status(crowd.fence[i]), ==, 1);
		disperse();
	}
}

static void kill_second(void)
{
	puppet_kill(&crowd.puppet[1]);
	crowd.puppet[1].pid = 0;
}

TEST(who_waits_for_any_hears_of_a_death)
{
	gather();
	ASSERT_INT(wait_while(kill_second), ==, 1);
	ASSERT_INT(dma_fence_get_status(crowd.fence[1]), ==, -EOWNERDEAD);
	disperse();
}

/* By another process: nothing wakes the waiter. */
static void evict_third(void)
{
	ASSERT_INT(puppet_obey(&crowd.puppet[0], &(struct order){ .deed = EVICT, .member = crowd.id[2] })
			   .err, ==, 0);
}

TEST(who_waits_for_any_hears_of_an_eviction)
{
	gather();
	ASSERT_INT(wait_while(evict_third), ==, 2);
	ASSERT_INT(dma_fence_get_status(crowd.fence[2]), ==, -ECANCELED);
	ASSERT_FALSE(dma_fence_is_signaled(crowd.fence[0]));
	disperse();
}

static void make_second_leave(void)
{
	ASSERT_INT(puppet_deed(&crowd.puppet[1], LEAVE), ==, 0);
}

TEST(who_waits_for_any_hears_of_who_leaves)
{
	gather();
	ASSERT_INT(wait_while(make_second_leave), ==, 1);
	ASSERT_INT(dma_fence_get_status(crowd.fence[1]), ==, -ECANCELED);
	disperse();
}

static void leave_crowd(void)
{
	dma_buf_pool_leave(crowd.pool);
}

TEST(who_leaves_waits_no_longer)
{
	uint32_t idx = 99;

	gather();
	fence_slice_ns = INT64_MAX;
	do_at(SLEEP, leave_crowd);
	ASSERT_INT(dma_fence_wait_any_timeout(crowd.fence, PUPPETS, false, PEER_PATIENCE, &idx), >, 0);
	os_race_hook(NULL);
	fence_slice_ns = FENCE_SLICE_NS;
	ASSERT_INT(idx, ==, 0);
	ASSERT_INT(dma_fence_get_status(crowd.fence[0]), ==, -EOWNERDEAD);
	crowd.pool = NULL;
	disperse();
}

/*
 * What it costs. In a new process, where the library has neither thread nor descriptor for a watcher.
 */

static unsigned int entries(const char *directory)
{
	DIR *dir = opendir(directory);
	unsigned int count = 0;

	PEER_MUST(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void wait_and_count(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf_pool_fence value[2];
	struct dma_fence *fences[3];
	unsigned int threads, descriptors;
	uint32_t idx = 99;

	PEER_MUST(peer_hear(sock, value, sizeof(value)));
	for (unsigned int i = 0; i < 2; i++)
		fences[i] = dma_buf_pool_import_fence(pool, &value[i]);
	fences[2] = make_fence();
	threads = entries("/proc/self/task");
	descriptors = entries("/proc/self/fd");
	PEER_MUST(!dma_fence_wait_any_timeout(fences, 3, false, FENCE_SLICE_NS, &idx));
	peer_go(sock);
	PEER_MUST(dma_fence_wait_any_timeout(fences, 3, false, PEER_PATIENCE, &idx) > 0);
	PEER_MUST(idx == 1);
	PEER_MUST(entries("/proc/self/task") == threads);
	PEER_MUST(entries("/proc/self/fd") == descriptors);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(fences[i]);
	dma_buf_pool_leave(pool);
}

TEST(it_makes_neither_thread_nor_descriptor)
{
	struct peer waiter = peer_fork(wait_and_count);
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_fence *fence[2];
	struct dma_buf_pool_fence value[2];

	ASSERT_INT(dma_buf_pool_serve(pool, waiter.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	for (unsigned int i = 0; i < 2; i++) {
		fence[i] = make_fence();
		ASSERT_INT(dma_buf_pool_export_fence(pool, fence[i], &value[i]), ==, 0);
	}
	peer_tell(waiter.sock, value, sizeof(value));
	ASSERT_TRUE(peer_await(waiter.sock));
	dma_fence_signal(fence[1]);
	ASSERT_INT(peer_reap(&waiter), ==, 0);
	signal_and_put_all(fence, 2);
	leave(pool);
}
