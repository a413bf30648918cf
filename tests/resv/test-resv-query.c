/* SPDX-License-Identifier: MIT */
/* Asking a reservation object: every query, every value. Walks are in test-resv-iter.c. */
#include "harness.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-resv.h>
#include <errno.h>
#include <urcu-bp.h>

#include "filled.h"
#include "resv/log.h"

#define SECOND INT64_C(1000000000)

/*
 * Taking fences out.
 */

static struct filled *asked_twice;
static struct dma_resv_snapshot taken_first;
static unsigned int attempts;

static void take_first(const char *label)
{
	if (!strcmp(label, "log: before reference") && !attempts++)
		ASSERT_TRUE(dma_resv_get_snapshot(&asked_twice->obj, &taken_first));
}

TEST(snapshots_that_are_taken_at_once_are_counted_each)
{
	struct dma_resv_snapshot snap;
	struct filled f;

	fill(&f, 2);
	asked_twice = &f;
	attempts = 0;
	os_race_hook(take_first);
	ASSERT_TRUE(dma_resv_get_snapshot(&f.obj, &snap));
	os_race_hook(NULL);
	ASSERT_INT(attempts, ==, 3); /* the second twice, since the first came between */
	ASSERT_INT(word_log(snap.word)->refs, ==, 3);
	dma_resv_put_snapshot(&snap);
	dma_resv_put_snapshot(&taken_first);
	empty(&f);
}

static void put_thrice(struct dma_resv_snapshot snap)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_resv_snapshot copy = snap;

		dma_resv_put_snapshot(&copy);
	}
}

/* The second put drops the object's own reference; the third finds none. */
TEST(copies_of_a_snapshot_are_not_put_each)
{
	struct dma_resv_snapshot snap;
	struct filled f;

	fill(&f, 2);
	ASSERT_TRUE(dma_resv_get_snapshot(&f.obj, &snap));
	ASSERT_DEATH(put_thrice(snap), "put twice: put it once");
	dma_resv_put_snapshot(&snap);
	empty(&f);
}

TEST(get_fences_returns_what_has_not_signalled_with_references)
{
	for (unsigned int n = 0; n <= 12; n++) {
		struct dma_fence **table = (void *)&n;
		unsigned int count = 99;
		struct filled f;

		fill(&f, n);
		for (unsigned int i = 0; i < n; i += 3)
			dma_fence_signal(f.fence[i]);
		ASSERT_INT(dma_resv_get_fences(&f.obj, BOOKKEEP, &count, &table), ==, 0);
		ASSERT_INT(count, ==, n - (n + 2) / 3);
		ASSERT_INT(!table, ==, !count);
		for (unsigned int i = 0; i < count; i++) {
			ASSERT_INT(references(table[i]), ==, 3);
			dma_fence_put(table[i]);
		}
		free(table);
		empty(&f);
	}
}

TEST(get_fences_unwinds_from_every_failure)
{
	for (unsigned int n = 0; n <= 12; n += 1) {
		struct filled f;

		fill(&f, n);
		for (unsigned int nth = 1;; nth++) {
			const struct test_resources before = test_resources();
			struct dma_fence **table = (void *)&f;
			unsigned int count = 99;
			int err;

			os_fault_arm(nth);
			err = dma_resv_get_fences(&f.obj, BOOKKEEP, &count, &table);
			if (!os_fault_disarm()) {
				ASSERT_INT(err, ==, 0);
				ASSERT_INT(count, ==, n);
				ASSERT_INT(nth, ==, n ? 2 : 1);
				for (unsigned int i = 0; i < n; i++)
					dma_fence_put(table[i]);
				free(table);
				break;
			}
			ASSERT_INT(err, ==, -ENOMEM);
			ASSERT_INT(count, ==, 99);
			ASSERT_PTR(table, ==, (void *)&f);
			ASSERT_RESOURCES(before);
		}
		empty(&f);
	}
}

TEST(get_singleton_is_none_one_or_an_array)
{
	struct dma_fence *fence = (void *)&fence;
	struct filled f;

	fill(&f, 4);
	for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
		ASSERT_INT(dma_resv_get_singleton(&f.obj, (enum dma_resv_usage)usage, &fence), ==, 0);
		if (usage == KERNEL) {
			ASSERT_PTR(fence, ==, f.fence[0]);
		} else {
			struct dma_fence_array *array = to_dma_fence_array(fence);

			ASSERT_TRUE(array);
			ASSERT_INT(array->num_fences, ==, usage + 1);
			ASSERT_FALSE(dma_fence_is_signaled(fence));
		}
		dma_fence_put(fence);
	}
	/* The array signals with the last of them; with the first error in time. */
	ASSERT_INT(dma_resv_get_singleton(&f.obj, BOOKKEEP, &fence), ==, 0);
	for (unsigned int i = 4; i--;) {
		ASSERT_INT(dma_fence_get_status(fence), ==, 0);
		if (i == 2)
			dma_fence_set_error(f.fence[i], -EIO);
		dma_fence_signal(f.fence[i]);
	}
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, -EIO);
	dma_fence_put(fence);
	ASSERT_INT(dma_resv_get_singleton(&f.obj, BOOKKEEP, &fence), ==, 0);
	ASSERT_PTR(fence, ==, NULL);
	empty(&f);
	fill(&f, 0);
	fence = (void *)&fence;
	ASSERT_INT(dma_resv_get_singleton(&f.obj, BOOKKEEP, &fence), ==, 0);
	ASSERT_PTR(fence, ==, NULL);
	empty(&f);
}

TEST(get_singleton_unwinds_from_every_failure)
{
	for (unsigned int n = 0; n <= 12; n++) {
		struct filled f;

		fill(&f, n);
		for (unsigned int nth = 1;; nth++) {
			const struct test_resources before = test_resources();
			struct dma_fence *fence = (void *)&f;
			int err;

			os_fault_arm(nth);
			err = dma_resv_get_singleton(&f.obj, BOOKKEEP, &fence);
			if (!os_fault_disarm()) {
				ASSERT_INT(err, ==, 0);
				ASSERT_INT(nth, ==, n > 1 ? 2 : 1);
				dma_fence_put(fence);
				break;
			}
			ASSERT_INT(err, ==, -ENOMEM);
			ASSERT_PTR((void *)fence, ==, (void *)&f);
			ASSERT_RESOURCES(before);
		}
		empty(&f);
	}
}

/*
 * Waiting and testing.
 */

TEST(wait_for_nothing_returns_at_least_one)
{
	struct filled f;

	fill(&f, 0);
	ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, false, 0), ==, 1);
	ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, true, 12345), ==, 12345);
	ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, false, MAX_SCHEDULE_TIMEOUT), ==,
		   MAX_SCHEDULE_TIMEOUT);
	empty(&f);
	fill(&f, 4);
	for (unsigned int i = 0; i < 4; i++)
		dma_fence_signal(f.fence[i]);
	ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, false, 0), ==, 1);
	ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, true, SECOND), ==, SECOND);
	empty(&f);
}

TEST(wait_with_zero_only_looks)
{
	struct filled f;

	fill(&f, 4);
	for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
		ASSERT_INT(dma_resv_wait_timeout(&f.obj, (enum dma_resv_usage)usage, true, 0), ==, 0);
		dma_fence_signal(f.fence[usage]);
		ASSERT_INT(dma_resv_wait_timeout(&f.obj, (enum dma_resv_usage)usage, true, 0), ==, 1);
	}
	empty(&f);
}

TEST(wait_with_a_negative_timeout_warns)
{
	for (unsigned int n = 0; n < 3; n++) {
		struct filled f;
		int64_t ret = 0;

		fill(&f, n);
		ASSERT_WARNS(ret = dma_resv_wait_timeout(&f.obj, BOOKKEEP, false, -1),
			     "dma_resv_wait_timeout(): negative timeout");
		ASSERT_INT(ret, ==, -EINVAL);
		empty(&f);
	}
}

/* One of them never signals, so the time must run out, whatever the others do. */
TEST(wait_times_out)
{
	for (unsigned int n = 1; n <= 3; n++) {
		struct filled f;

		fill(&f, n);
		for (unsigned int i = 1; i < n; i++)
			dma_fence_signal(f.fence[i]);
		ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, false, 1000), ==, 0);
		ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, true, 1000), ==, 0);
		empty(&f);
	}
}

/* A fence with a wait op notes how much time it was given, and uses up some. */
static int64_t given[3];
static unsigned int waits;

static int64_t note_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	(void)intr;
	given[waits++] = timeout;
	dma_fence_signal(fence);
	return timeout > 100 ? timeout - 100 : 1;
}

static const struct dma_fence_ops noting_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.wait = note_wait,
	.release = mock_release,
};

TEST(wait_gives_each_fence_what_the_others_left)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence *fence = mock_init(&noting_ops, dma_fence_context_alloc(1), 1, NULL);

		add_alone(&obj, fence, READ);
		dma_fence_put(fence);
	}
	waits = 0;
	ASSERT_INT(dma_resv_wait_timeout(&obj, READ, false, 1000), ==, 700);
	ASSERT_INT(waits, ==, 3);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_INT(given[i], ==, 1000 - 100 * i);
	dma_resv_fini(&obj);
}

static void signal_all(void *arg)
{
	struct filled *f = arg;

	for (unsigned int i = f->n; i--;)
		dma_fence_signal(f->fence[i]);
}

TEST(wait_returns_what_is_left)
{
	for (unsigned int n = 1; n <= 8; n++) {
		struct test_thread *thread;
		struct filled f;
		int64_t left;

		fill(&f, n);
		thread = test_thread_start(signal_all, &f);
		left = dma_resv_wait_timeout(&f.obj, BOOKKEEP, n % 2, MAX_SCHEDULE_TIMEOUT);
		ASSERT_INT(left, >, 0);
		for (unsigned int i = 0; i < n; i++)
			ASSERT_TRUE(dma_fence_test_signaled_flag(f.fence[i]));
		test_thread_join(thread);
		empty(&f);
	}
}

/* What it waits for is settled when it begins: more work does not prolong it. */
static void signal_one_and_add(void *arg)
{
	struct filled *f = arg;

	lock(&f->obj);
	add(&f->obj, f->fence[1], KERNEL);
	dma_resv_unlock(&f->obj);
	dma_fence_signal(f->fence[0]);
}

static struct filled *waited_for;

static int64_t add_meanwhile(struct dma_fence *fence, bool intr, int64_t timeout)
{
	(void)fence;
	(void)intr;
	in_other_thread(signal_one_and_add, waited_for);
	return timeout;
}

static const struct dma_fence_ops adding_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.wait = add_meanwhile,
	.release = mock_release,
};

TEST(wait_is_for_the_fences_of_its_beginning)
{
	struct filled f = { .n = 2 };

	dma_resv_init(&f.obj);
	f.fence[0] = mock_init(&adding_ops, dma_fence_context_alloc(1), 1, NULL);
	f.fence[1] = mock_lone();
	waited_for = &f;
	add_alone(&f.obj, f.fence[0], READ);
	ASSERT_INT(dma_resv_wait_timeout(&f.obj, BOOKKEEP, false, SECOND), ==, SECOND);
	ASSERT_FALSE(dma_resv_test_signaled(&f.obj, BOOKKEEP));
	empty(&f);
}

TEST(test_signaled_looks_at_each_category)
{
	for (unsigned int busy = 0; busy < 12; busy++) {
		struct filled f;

		fill(&f, 12);
		for (unsigned int i = 0; i < 12; i++) {
			if (i != busy)
				dma_fence_signal(f.fence[i]);
		}
		for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
			ASSERT_INT(dma_resv_test_signaled(&f.obj, (enum dma_resv_usage)usage), ==,
				   usage < busy % 4);
		}
		dma_fence_signal(f.fence[busy]);
		for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++)
			ASSERT_TRUE(dma_resv_test_signaled(&f.obj, (enum dma_resv_usage)usage));
		empty(&f);
	}
}

TEST(test_signaled_of_nothing_is_true)
{
	struct filled f;

	fill(&f, 0);
	for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++)
		ASSERT_TRUE(dma_resv_test_signaled(&f.obj, (enum dma_resv_usage)usage));
	empty(&f);
}

/* Everything that looks asks the signaled op, wherever in the set the fence is. */
TEST(queries_ask_fences_that_have_to_be_asked)
{
	for (unsigned int query = 0; query < 6; query++) {
		struct dma_fence *lazy = mock_lazy(), *all;
		struct dma_resv_iter cursor;
		struct filled f;

		fill(&f, query % 3);
		add_alone(&f.obj, lazy, READ);
		for (unsigned int i = 0; i < f.n; i++)
			dma_fence_signal(f.fence[i]);
		ASSERT_FALSE(dma_resv_test_signaled(&f.obj, READ));
		store_release(&to_mock(lazy)->done, 1);
		switch (query) {
		case 0:
			ASSERT_TRUE(dma_resv_test_signaled(&f.obj, READ));
			break;
		case 1:
			ASSERT_INT(dma_resv_wait_timeout(&f.obj, READ, false, 0), ==, 1);
			break;
		case 2:
			ASSERT_INT(count(&f.obj, READ), ==, 0);
			break;
		case 3:
			ASSERT_INT(dma_resv_get_singleton(&f.obj, READ, &all), ==, 0);
			ASSERT_PTR(all, ==, NULL);
			break;
		case 4:
			ASSERT_PTR(dma_resv_fences_get_rcu(&f.obj.fences, READ), ==, NULL);
			break;
		case 5:
			dma_resv_iter_begin(&cursor, &f.obj, READ);
			ASSERT_PTR(dma_resv_iter_first_unlocked(&cursor), ==, NULL);
			dma_resv_iter_end(&cursor);
			break;
		}
		ASSERT_TRUE(dma_fence_test_signaled_flag(lazy));
		dma_fence_put(lazy);
		empty(&f);
	}
}

static unsigned int snapshots_begun;

static void assert_in_a_section(const char *label)
{
	if (strcmp(label, "snapshot: before reference"))
		return;
	ASSERT_TRUE(urcu_bp_read_ongoing());
	snapshots_begun++;
}

/* Only there, the word that it has just read cannot go before it has a reference. */
TEST(snapshot_takes_its_reference_in_a_read_section)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv_snapshot snap;
	struct dma_resv obj;

	dma_resv_init(&obj);
	add_alone(&obj, fence, READ);
	snapshots_begun = 0;
	os_race_hook(assert_in_a_section);
	dma_resv_get_snapshot(&obj, &snap);
	os_race_hook(NULL);
	ASSERT_INT(snapshots_begun, ==, 1);
	dma_resv_put_snapshot(&snap);
	dma_resv_fini(&obj);
	dma_fence_put(fence);
}
