/* SPDX-License-Identifier: MIT */
/* Changing a shared reservation otherwise than by adding to it: what other processes see of that. */
#include "adding.h"

static struct dma_fence *fence[5];

static struct dma_resv *begin_with_fences(struct world *world)
{
	for (unsigned int i = 0; i < 5; i++)
		fence[i] = make_fence();
	return begin(world);
}

static void end_with_fences(struct world *world)
{
	signal_and_put_all(fence, 5);
	ASSERT_INT(let(world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	end(world);
}

TEST(a_commit_shows_at_once_and_the_lock_stays)
{
	struct world world;
	struct dma_resv *resv = begin_with_fences(&world);

	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 3), ==, 0);
	dma_resv_add_fence(resv, fence[0], DMA_RESV_USAGE_READ);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 0);
	dma_resv_commit(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 1);
	dma_resv_add_fence(resv, fence[1], DMA_RESV_USAGE_READ);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 1);
	dma_resv_fences_commit(resv, &resv->fences);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 2);
	dma_resv_add_fence(resv, fence[2], DMA_RESV_USAGE_READ);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 3);
	end_with_fences(&world);
}

TEST(what_was_put_in_the_place_of_a_category_is_all_there_is_of_it)
{
	struct world world;
	struct dma_resv *resv = begin_with_fences(&world);

	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, 0);
	dma_resv_fences_set(resv, &resv->fences, fence[0], DMA_RESV_USAGE_READ);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 3);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 2);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 1);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, 0);
	dma_resv_fences_set(resv, &resv->fences, NULL, DMA_RESV_USAGE_READ);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	let(&world, SIGNAL_ALL, 0);
	end_with_fences(&world);
}

TEST(pruning_drops_what_has_signalled_in_any_process_and_nothing_else)
{
	struct dma_resv_snapshot set;
	struct world world;
	struct dma_resv *resv = begin_with_fences(&world);

	let(&world, ADD, DMA_RESV_USAGE_READ);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	add(resv, fence[0], DMA_RESV_USAGE_READ);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	let(&world, SIGNAL_ALL, 0);
	dma_resv_prune_fences(resv);
	ASSERT_TRUE(dma_resv_get_snapshot(resv, &set));
	ASSERT_INT(set.length, ==, 1);
	dma_resv_put_snapshot(&set);
	dma_resv_unlock(resv);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 1);
	add(resv, fence[1], DMA_RESV_USAGE_READ);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 3);
	let(&world, SIGNAL_ALL, 0);
	end_with_fences(&world);
}

/*
 * Copies.
 */

static int copy(struct dma_resv *dst, struct dma_resv *src)
{
	int err;

	ASSERT_INT(dma_resv_lock(dst, NULL), ==, 0);
	err = dma_resv_copy_fences(dst, src);
	dma_resv_unlock(dst);
	return err;
}

TEST(a_private_copy_has_what_another_process_has_just_added)
{
	struct dma_resv private;
	struct world world;
	struct dma_resv *resv = begin_with_fences(&world);

	dma_resv_init(&private);
	add(resv, fence[0], DMA_RESV_USAGE_BOOKKEEP);
	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_INT(copy(&private, resv), ==, 0);
	ASSERT_INT(count_there(&private, DMA_RESV_USAGE_WRITE), ==, 1);
	ASSERT_INT(count_there(&private, DMA_RESV_USAGE_READ), ==, 2);
	ASSERT_INT(count_there(&private, DMA_RESV_USAGE_BOOKKEEP), ==, 3);
	dma_fence_signal(fence[0]);
	let(&world, SIGNAL_ALL, 0);
	ASSERT_TRUE(dma_resv_test_signaled(&private, DMA_RESV_USAGE_BOOKKEEP));
	dma_resv_fini(&private);
	end_with_fences(&world);
}

TEST(a_copy_of_something_private_shows_in_other_processes)
{
	struct dma_resv private;
	struct world world;
	struct dma_resv *resv = begin_with_fences(&world);

	dma_resv_init(&private);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	add(&private, fence[0], DMA_RESV_USAGE_WRITE);
	add(&private, fence[1], DMA_RESV_USAGE_BOOKKEEP);
	ASSERT_INT(copy(resv, &private), ==, 0);
	dma_resv_fini(&private);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_BOOKKEEP), ==, 2);
	let(&world, SIGNAL_ALL, 0);
	end_with_fences(&world);
}

TEST(a_copy_for_which_there_is_no_room_changes_nothing)
{
	struct dma_resv private;
	struct world world;
	struct dma_resv *resv = begin_with_fences(&world);

	dma_resv_init(&private);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	for (unsigned int i = 0; i < 5; i++)
		add(&private, fence[i], DMA_RESV_USAGE_WRITE);
	ASSERT_INT(copy(resv, &private), ==, -ENOSPC);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 0);
	dma_fence_signal(fence[4]);
	ASSERT_INT(copy(resv, &private), ==, 0);
	dma_resv_fini(&private);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 4);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 4);
	let(&world, SIGNAL_ALL, 0);
	end_with_fences(&world);
}

/* Reservations that were not used are room again. */
TEST(what_is_no_longer_reserved_others_can_have)
{
	struct world world;
	struct dma_resv *resv = begin_with_fences(&world);

	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 4), ==, 0);
	dma_resv_reset_max_fences(resv);
	ASSERT_DEATH(dma_resv_add_fence(resv, fence[0], DMA_RESV_USAGE_READ), "reserve");
	dma_resv_unlock(resv);
	for (unsigned int i = 0; i < 4; i++)
		let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 4);
	let(&world, SIGNAL_ALL, 0);
	end_with_fences(&world);
}
