/* SPDX-License-Identifier: MIT */
/* Promises that reservations keep: they are nobody's, and there are never too many. */
#include <errno.h>

#include "../fence/fences.h"
#include "members.h"
#include "os/rseq.h"
#include "share/own-stock.h"
#include "share/shared-resv.h"

enum { TIMELINES = 4 };

static const struct dma_buf_pool_limits limits = {
	.members = 1, .buffers = 4, .fences = 4, .timelines = TIMELINES,
};

static struct {
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf[2];
	uint32_t is_over; /* atomic */
	bool taken;
} world;

static struct shared_resv *shared(unsigned int i)
{
	return shared_resv_of(world.dmabuf[i]->resv);
}

static void reserve(struct dma_resv *resv)
{
	int err;

	if (dma_resv_lock(resv, NULL))
		abort();
	err = dma_resv_reserve_fences(resv, 1);
	if (err && err != -ENOSPC)
		abort();
	dma_resv_unlock(resv);
}

static void begin(void)
{
	world.pool = create_pool(&limits);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_INT(dma_buf_pool_alloc(world.pool, NULL, 4096, 0, &world.dmabuf[i]), ==, 0);
		reserve(world.dmabuf[i]->resv);
		ASSERT_TRUE(shared(i)->stock.word);
	}
	ASSERT_INT(world.pool->own.available, ==, TIMELINES - 2);
}

static void end(void)
{
	for (unsigned int i = 0; i < 2; i++)
		dma_buf_put(world.dmabuf[i]);
	ASSERT_INT(world.pool->own.available, ==, TIMELINES);
	leave(world.pool);
}

TEST(no_timeline_is_missing_since_a_reservation_keeps_it)
{
	struct dma_buf_pool_fence value;
	struct dma_fence *fence[TIMELINES + 1];

	begin();
	for (unsigned int i = 0; i <= TIMELINES; i++) {
		fence[i] = make_fence();
		ASSERT_INT(dma_buf_pool_export_fence(world.pool, fence[i], &value), ==,
			   i < TIMELINES ? 0 : -ENOSPC);
	}
	reserve(world.dmabuf[0]->resv);
	signal_and_put_all(fence, TIMELINES + 1);
	end();
}

/* Half of the timelines are never kept. */
TEST(a_reservation_keeps_nothing_that_is_scarce)
{
	begin();
	ASSERT_INT(own_promise(world.pool, 1), ==, 0);
	reserve(world.dmabuf[0]->resv);
	ASSERT_FALSE(shared(0)->stock.word);
	own_release(world.pool, 1);
	end();
}

#ifdef OS_HAS_RSEQ

static void take(void *unused)
{
	(void)unused;
	os_rseq_wake();
	world.taken = own_stock_take(&shared(0)->stock);
	store_release(&world.is_over, true);
}

static void let_go(void)
{
	store_release(&os_rseq_stay, 0);
}

static void let_it_take(const char *label)
{
	if (strcmp(label, "stock: asked for") != 0)
		return;
	let_go();
	WAIT_UNTIL(load_acquire(&world.is_over));
}

/* A thread is between compare and store, unless it is preempted by chance. */
static void collect_while_it_is_taken(void)
{
	struct test_thread *thread;

	reserve(world.dmabuf[0]->resv);
	store_relaxed(&world.is_over, false);
	store_relaxed(&os_rseq_stays, 0);
	store_release(&os_rseq_stay, 1);
	thread = test_thread_start(take, NULL);
	WAIT_UNTIL(load_acquire(&os_rseq_stays) || load_acquire(&world.is_over));
	own_stock_collect(world.pool);
	let_go();
	test_thread_join(thread);
	/* The other reservation's was collected the first time. */
	ASSERT_INT(world.taken + world.pool->own.available, ==, TIMELINES);
	own_release(world.pool, world.taken);
}

static void collect_again_and_again(void)
{
	if (!os_rseq_can_work())
		test_skip();
	begin();
	for (unsigned int i = 0; i < 50; i++)
		collect_while_it_is_taken();
	os_race_hook(NULL);
	end();
}

TEST(what_is_about_to_be_taken_is_not_collected_as_well)
{
	collect_again_and_again();
}

TEST(what_was_taken_when_it_had_been_asked_for_is_not_collected)
{
	os_race_hook(let_it_take);
	collect_again_and_again();
}

#endif

static void reserve_often(void *resv)
{
	while (!load_acquire(&world.is_over))
		reserve(resv);
}

TEST(promises_add_up_whoever_keeps_them)
{
	struct test_thread *thread[2];

	begin();
	store_relaxed(&world.is_over, false);
	for (unsigned int i = 0; i < 2; i++)
		thread[i] = test_thread_start(reserve_often, world.dmabuf[i]->resv);
	for (unsigned int i = 0; i < 5000; i++) {
		const uint32_t n = 1 + i % TIMELINES;

		if (!own_promise(world.pool, n))
			own_release(world.pool, n);
	}
	store_release(&world.is_over, true);
	for (unsigned int i = 0; i < 2; i++)
		test_thread_join(thread[i]);
	end();
}
