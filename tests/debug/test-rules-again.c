/* SPDX-License-Identifier: MIT */
/*
 * Two ways to go unreported: an order that was forgotten, and is learnt again by who remembers it;
 * and a signal for which its thread holds the fence's lock already.
 */
#include "rules.h"

#include "../fence/fences.h"

/*
 * Orders that were forgotten.
 */

static lock_kind nodes = { .name = "node", .flags = DMABUF_LOCK_BY_OBJECT };
static const char first, second;

STEP void first_then_second(void)
{
	take(&nodes, &first);
	take(&nodes, &second);
	drop(&second);
	drop(&first);
	STAYS;
}

STEP void second_then_first(void)
{
	take(&nodes, &second);
	take(&nodes, &first);
	drop(&first);
	drop(&second);
	STAYS;
}

/* Also by the thread that remembers to have learnt it. */
TEST(order_that_was_forgotten_is_learnt_again)
{
	first_then_second();
	dmabuf_lock_forget(&second);
	first_then_second();
	ASSERT_REPORTED(second_then_first(), "D001", "node", "second_then_first", "first_then_second");
	dmabuf_lock_forget(&first);
	dmabuf_lock_forget(&second);
}

/*
 * A signal for which the signaller holds the fence's lock, too.
 */

static lock_kind queues = { .name = "queue" };
static const char queue;

STEP void wait_under_queue(void *fence)
{
	take(&queues, &queue);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 1), ==, 0);
	drop(&queue);
	STAYS;
}

STEP void signal_locked_under_queue(struct dma_fence *fence)
{
	take(&queues, &queue);
	dmabuf_spin_lock(dma_fence_spinlock(fence));
	dma_fence_signal_locked(fence);
	dmabuf_spin_unlock(dma_fence_spinlock(fence));
	drop(&queue);
	STAYS;
}

TEST(signal_with_the_lock_held_under_what_a_waiter_held_is_reported)
{
	struct dma_fence *fence = make_fence();

	in_thread(wait_under_queue, fence);
	ASSERT_REPORTED(signal_locked_under_queue(fence), "D010", "queue", "signal_locked_under_queue",
			"wait_under_queue");
	dma_fence_put(fence);
}
