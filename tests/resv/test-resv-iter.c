/* SPDX-License-Identifier: MIT */
/* Walking a reservation object, with the lock and without, and snapshots of it. */
#include "harness.h"

#include <dmabuf/dma-resv.h>

#include "filled.h"

/*
 * Iterators.
 */

TEST(iterator_with_the_lock_visits_all_and_takes_no_reference)
{
	for (unsigned int n = 0; n <= 12; n++) {
		for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
			struct dma_resv_iter cursor;
			struct dma_fence *fence;
			unsigned int next = n;
			struct filled f;

			fill(&f, n);
			/* Also those that have signalled. */
			for (unsigned int i = 0; i < n; i += 2)
				dma_fence_signal(f.fence[i]);
			lock(&f.obj);
			dma_resv_for_each_fence(&cursor, &f.obj, (enum dma_resv_usage)usage, fence) {
				ASSERT_INT(dma_resv_iter_is_restarted(&cursor), ==, cursor.index == 1);
				do {
					next--;
				} while (usage_of(next) > usage);
				ASSERT_PTR(fence, ==, f.fence[next]);
				ASSERT_INT(dma_resv_iter_usage(&cursor), ==, usage_of(next));
				ASSERT_INT(references(fence), ==, 2);
			}
			while (next && usage_of(next - 1) > usage)
				next--;
			ASSERT_INT(next, ==, 0);
			dma_resv_unlock(&f.obj);
			empty(&f);
		}
	}
}

TEST(iterator_without_the_lock_leaves_signalled_fences_out)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int seen = 0;
	struct filled f;

	fill(&f, 12);
	for (unsigned int i = 0; i < 12; i += 2)
		dma_fence_signal(f.fence[i]);
	dma_resv_iter_begin(&cursor, &f.obj, BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		ASSERT_PTR(fence, ==, f.fence[11 - 2 * seen]);
		ASSERT_INT(dma_resv_iter_usage(&cursor), ==, usage_of(11 - 2 * seen));
		ASSERT_INT(dma_resv_iter_is_restarted(&cursor), ==, !seen);
		seen++;
		ASSERT_INT(cursor.index, ==, seen);
	}
	dma_resv_iter_end(&cursor);
	ASSERT_INT(seen, ==, 6);
	empty(&f);
}

TEST(iterator_without_the_lock_restarts_when_forced)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	struct filled f;

	for (unsigned int n = 1; n <= 4; n++) {
		for (unsigned int at = 1; at <= n; at++) {
			unsigned int seen = 0, restarts = 0;
			bool forced = false;

			fill(&f, n);
			dma_resv_iter_begin(&cursor, &f.obj, BOOKKEEP);
			dma_resv_for_each_fence_unlocked(&cursor, fence) {
				/* What was gathered before must be forgotten. */
				if (dma_resv_iter_is_restarted(&cursor)) {
					restarts++;
					seen = 0;
				}
				seen++;
				if (!forced && seen == at) {
					cursor.fences = (void *)~(uintptr_t)0;
					forced = true;
				}
			}
			dma_resv_iter_end(&cursor);
			ASSERT_INT(restarts, ==, 2);
			ASSERT_INT(seen, ==, n);
			empty(&f);
		}
	}
}

/* A fence that was returned stays alive, though the reservation let go of it. */
TEST(iterator_without_the_lock_keeps_its_fence_alive)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool released;
	struct dma_resv obj;

	for (unsigned int others = 0; others < 3; others++) {
		dma_resv_init(&obj);
		for (unsigned int i = 0; i < others; i++) {
			fence = mock_lone();
			add_alone(&obj, fence, READ);
			dma_fence_put(fence);
		}
		fence = mock_watched(&released);
		add_alone(&obj, fence, WRITE);
		dma_fence_put(fence);
		dma_resv_iter_begin(&cursor, &obj, BOOKKEEP);
		ASSERT_PTR(dma_resv_iter_first_unlocked(&cursor), ==, fence);
		dma_fence_signal(fence);
		lock(&obj);
		dma_resv_prune_fences(&obj);
		dma_resv_unlock(&obj);
		ASSERT_FALSE(released);
		ASSERT_TRUE(mock_is_alive(fence));
		/* An early end lets go of it. */
		dma_resv_iter_end(&cursor);
		ASSERT_TRUE(released);
		dma_resv_fini(&obj);
	}
}

TEST(iterator_can_be_ended_at_any_point)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	struct filled f;

	fill(&f, 5);
	for (unsigned int stop = 0; stop <= 6; stop++) {
		unsigned int seen = 0;

		dma_resv_iter_begin(&cursor, &f.obj, BOOKKEEP);
		if (stop) {
			dma_resv_for_each_fence_unlocked(&cursor, fence) {
				if (++seen == stop)
					break;
			}
		}
		dma_resv_iter_end(&cursor);
		for (unsigned int i = 0; i < 5; i++)
			ASSERT_INT(references(f.fence[i]), ==, 2);
	}
	empty(&f);
}

/*
 * Snapshots.
 */

TEST(snapshot_of_nothing_is_empty_and_can_be_put)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot snap;
	struct filled f;

	fill(&f, 0);
	memset(&snap, 0xee, sizeof(snap));
	ASSERT_FALSE(dma_resv_get_snapshot(&f.obj, &snap));
	ASSERT_PTR(dma_resv_snapshot_first(&cursor, &snap, BOOKKEEP), ==, NULL);
	dma_resv_put_snapshot(&snap);
	dma_resv_put_snapshot(&snap);
	lock(&f.obj);
	ASSERT_FALSE(dma_resv_get_snapshot(&f.obj, &snap));
	dma_resv_unlock(&f.obj);
	empty(&f);
}

TEST(snapshot_is_walked_newest_first_up_to_a_category)
{
	for (unsigned int n = 1; n <= 12; n++) {
		struct dma_resv_snapshot_cursor cursor;
		struct dma_resv_snapshot snap;
		struct dma_fence *fence;
		struct filled f;

		fill(&f, n);
		ASSERT_TRUE(dma_resv_get_snapshot(&f.obj, &snap));
		dma_fence_signal(f.fence[0]); /* signalled fences are visited */
		for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
			unsigned int next = n;

			dma_resv_snapshot_for_each(fence, &cursor, &snap, (enum dma_resv_usage)usage) {
				do {
					next--;
				} while (usage_of(next) > usage);
				ASSERT_PTR(fence, ==, f.fence[next]);
				ASSERT_INT(cursor.fence_usage, ==, usage_of(next));
			}
			ASSERT_INT(next, ==, 0);
		}
		dma_resv_put_snapshot(&snap);
		empty(&f);
	}
}

/* The last one to let go may be anybody, long after the object. */
static void put_it(void *arg)
{
	dma_resv_put_snapshot(arg);
}

TEST(snapshot_may_be_put_by_another_thread_after_the_object)
{
	for (unsigned int n = 1; n <= 3; n++) {
		struct dma_resv_snapshot snap, staged;
		struct filled f;

		fill(&f, n);
		ASSERT_TRUE(dma_resv_get_snapshot(&f.obj, &snap));
		lock(&f.obj);
		add(&f.obj, f.fence[0], KERNEL);
		ASSERT_TRUE(dma_resv_get_snapshot(&f.obj, &staged));
		dma_resv_unlock(&f.obj);
		dma_resv_fini(&f.obj);
		ASSERT_INT(references(f.fence[n - 1]), >=, 2);
		in_other_thread(put_it, &snap);
		in_other_thread(put_it, &staged);
		for (unsigned int i = 0; i < n; i++) {
			ASSERT_INT(references(f.fence[i]), ==, 1);
			dma_fence_put(f.fence[i]);
		}
	}
}
