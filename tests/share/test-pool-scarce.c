/* SPDX-License-Identifier: MIT */
/*
 * A look at what others have committed may need memory. Where there is none, who has given a time-out is told
 * in time; and who has not goes on trying, and keeps nobody from giving up.
 */
#include "adding.h"
#include "share/shared-resv.h"

#define SHORT 1000000
#define MANY 1000000 /* tries, which nobody has the time for */

static struct {
	struct world world;
	struct dma_resv *resv;
	uint32_t tries; /* atomic */
	bool is_enough; /* atomic: there is memory */
	bool is_over;	/* atomic */
} scarce;

/* In each thread that looks. */
static void have_no_memory(const char *label)
{
	if (strcmp(label, "shared log: before it is read") != 0)
		return;
	if (fetch_add_relaxed(&scarce.tries, 1) < MANY && !load_acquire(&scarce.is_enough))
		os_fault_arm(1);
	else
		os_fault_disarm();
}

static void have_memory(void)
{
	store_release(&scarce.is_enough, true);
	os_fault_disarm();
}

static void begin_scarce(void)
{
	memset(&scarce, 0, sizeof(scarce));
	scarce.resv = begin(&scarce.world);
	let(&scarce.world, ADD, DMA_RESV_USAGE_WRITE);
	os_race_hook(have_no_memory);
}

static void end_scarce(void)
{
	ASSERT_INT(load_acquire(&scarce.tries), >, 0);
	ASSERT_INT(load_acquire(&scarce.tries), <, MANY);
	have_memory();
	ASSERT_INT(dma_resv_lock_timeout(scarce.resv, NULL, 0), ==, 0);
	ASSERT_FALSE(dma_resv_test_signaled(scarce.resv, DMA_RESV_USAGE_READ));
	dma_resv_unlock(scarce.resv);
	os_race_hook(NULL);
	let(&scarce.world, SIGNAL_ALL, 0);
	ASSERT_INT(dma_resv_wait_timeout(scarce.resv, DMA_RESV_USAGE_READ, false, 0), ==, 1);
	end(&scarce.world);
}

/* As if it had never been locked. */
static void is_free(void)
{
	ASSERT_FALSE(dma_resv_is_locked(scarce.resv));
	ASSERT_INT(load_acquire(&shared_resv_of(scarce.resv)->shm->lock), ==, 0);
}

TEST(who_waits_without_memory_waits_no_longer_than_its_time)
{
	begin_scarce();
	ASSERT_INT(dma_resv_wait_timeout(scarce.resv, DMA_RESV_USAGE_READ, false, 0), ==, 0);
	ASSERT_INT(dma_resv_wait_timeout(scarce.resv, DMA_RESV_USAGE_READ, false, SHORT), ==, 0);
	end_scarce();
}

TEST(who_locks_without_memory_tries_no_longer_than_its_time)
{
	begin_scarce();
	ASSERT_INT(dma_resv_lock_timeout(scarce.resv, NULL, SHORT), ==, -ETIME);
	is_free();
	ASSERT_FALSE(dma_resv_trylock(scarce.resv));
	is_free();
	end_scarce();
}

TEST(who_locked_without_memory_can_lock_again_in_the_same_transaction)
{
	struct ww_acquire_ctx ctx;

	begin_scarce();
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock_timeout(scarce.resv, &ctx, SHORT), ==, -ETIME);
	is_free();
	have_memory();
	ASSERT_INT(dma_resv_lock(scarce.resv, &ctx), ==, 0);
	ww_acquire_done(&ctx);
	dma_resv_unlock(scarce.resv);
	ww_acquire_fini(&ctx);
	end_scarce();
}

static void ask_for_ever(void *unused)
{
	struct dma_fence *fence;

	(void)unused;
	while (dma_resv_get_singleton(scarce.resv, DMA_RESV_USAGE_READ, &fence))
		;
	store_release(&scarce.is_over, true);
	dma_fence_put(fence);
}

static void lock_for_ever(void *unused)
{
	(void)unused;
	if (dma_resv_lock(scarce.resv, NULL))
		abort();
	store_release(&scarce.is_over, true);
	dma_resv_unlock(scarce.resv);
}

static void give_up_beside(void (*for_ever)(void *))
{
	struct test_thread *thread;

	begin_scarce();
	thread = test_thread_start(for_ever, NULL);
	WAIT_UNTIL(load_acquire(&scarce.tries));
	ASSERT_INT(dma_resv_wait_timeout(scarce.resv, DMA_RESV_USAGE_READ, false, SHORT), ==, 0);
	ASSERT_INT(dma_resv_lock_timeout(scarce.resv, NULL, SHORT), ==, -ETIME);
	ASSERT_FALSE(dma_resv_trylock(scarce.resv));
	ASSERT_FALSE(load_acquire(&scarce.is_over));
	have_memory();
	test_thread_join(thread);
	ASSERT_TRUE(load_acquire(&scarce.is_over));
	end_scarce();
}

TEST(who_asks_without_memory_keeps_nobody_from_giving_up)
{
	give_up_beside(ask_for_ever);
}

TEST(who_locks_without_memory_keeps_nobody_from_giving_up)
{
	give_up_beside(lock_for_ever);
}
