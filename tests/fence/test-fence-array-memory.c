/* SPDX-License-Identifier: MIT */
/* The memory of arrays: allocate, initialise, free, recycle; and who owns what. */
#include <dmabuf/dma-fence-array.h>

#include "fence/array.h"
#include "fence/fence.h"
#include "fences.h"

#define ALL false
#define ANY true

static struct dma_fence **make_table(unsigned int n)
{
	struct dma_fence **table = malloc(n * sizeof(*table));

	if (!table)
		abort();
	for (unsigned int i = 0; i < n; i++)
		table[i] = make_fence();
	return table;
}

static void fill(struct dma_fence_array *array, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		array->fences[i] = make_fence();
}

static void signal_members(struct dma_fence_array *array)
{
	for (unsigned int i = 0; i < array->num_fences; i++)
		dma_fence_signal(array->fences[i]);
}

/*
 * Allocating.
 */

TEST(alloc_brings_an_empty_table_of_its_own)
{
	struct dma_fence_array *array = dma_fence_array_alloc(5);

	ASSERT_PTR(array, !=, NULL);
	ASSERT_INT(array->num_fences, ==, 0);
	ASSERT_INT(dma_fence_array_max_fences(array), ==, 5);
	ASSERT_PTR(array->fences, !=, NULL);
	for (unsigned int i = 0; i < 5; i++)
		ASSERT_PTR(array->fences[i], ==, NULL);
	dma_fence_array_free(array);
}

TEST(alloc_refuses_a_negative_number)
{
	ASSERT_PTR(dma_fence_array_alloc(-1), ==, NULL);
	ASSERT_PTR(dma_fence_array_alloc(INT32_MIN), ==, NULL);
}

TEST(no_memory_for_an_array_is_no_array)
{
	struct dma_fence_array *array;

	os_fault_arm(1);
	array = dma_fence_array_alloc(3);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_PTR(array, ==, NULL);
	os_fault_arm(1);
	array = fence_array_alloc_for_all(3);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_PTR(array, ==, NULL);
}

TEST(create_owns_nothing_unless_it_succeeds)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct dma_fence **table = make_table(2);

		for (unsigned int nth = 1;; nth++) {
			struct dma_fence_array *array;

			os_fault_arm(nth);
			array = dma_fence_array_create(2, table, 1, 1, any);
			if (!os_fault_disarm()) {
				ASSERT_PTR(array->fences, ==, table);
				dma_fence_put(&array->base);
				break;
			}
			ASSERT_PTR(array, ==, NULL);
			ASSERT_INT(table[0]->refcount.count, ==, 1);
			ASSERT_INT(table[1]->refcount.count, ==, 1);
		}
	}
}

TEST(create_owns_the_table_and_a_reference_a_member)
{
	struct dma_fence **table = make_table(2), *member = dma_fence_get(table[1]);
	struct dma_fence_array *array = dma_fence_array_create(2, table, 71, 72, ALL);

	ASSERT_INT(array->base.context, ==, 71);
	ASSERT_INT(array->base.seqno, ==, 72);
	ASSERT_INT(array->num_fences, ==, 2);
	ASSERT_INT(dma_fence_array_max_fences(array), ==, 2);
	ASSERT_INT(member->refcount.count, ==, 2);
	dma_fence_put(&array->base);
	ASSERT_INT(member->refcount.count, ==, 1);
	dma_fence_put(member);
}

TEST(init_takes_the_table_that_came_with_the_array)
{
	struct dma_fence_array *array = dma_fence_array_alloc(4);

	fill(array, 3);
	dma_fence_array_init(array, 3, array->fences, 1, 1, ALL);
	ASSERT_INT(array->num_fences, ==, 3);
	ASSERT_INT(dma_fence_array_max_fences(array), ==, 4);
	ASSERT_FALSE(dma_fence_is_signaled(&array->base));
	signal_members(array);
	ASSERT_TRUE(dma_fence_is_signaled(&array->base));
	dma_fence_put(&array->base);
}

TEST(init_takes_a_table_from_malloc)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct dma_fence_array *array = dma_fence_array_alloc(2);

		dma_fence_array_init(array, 2, make_table(2), 1, 1, any);
		dma_fence_enable_sw_signaling(&array->base);
		signal_members(array);
		ASSERT_TRUE(dma_fence_test_signaled_flag(&array->base));
		dma_fence_put(&array->base);
	}
}

TEST(an_array_for_all_has_room_for_its_members)
{
	struct dma_fence_array *array = fence_array_alloc_for_all(100);

	ASSERT_INT(dma_fence_array_max_fences(array), ==, 100);
	fill(array, 100);
	dma_fence_array_init(array, 100, array->fences, 1, 1, ALL);
	dma_fence_enable_sw_signaling(&array->base);
	signal_members(array);
	ASSERT_TRUE(dma_fence_test_signaled_flag(&array->base));
	dma_fence_put(&array->base);
}

/*
 * Free.
 */

TEST(free_accepts_nothing)
{
	dma_fence_array_free(NULL);
}

TEST(free_drops_what_a_never_initialised_array_has)
{
	struct dma_fence_array *array = dma_fence_array_alloc(3);

	fill(array, 2);
	array->num_fences = 2;
	dma_fence_array_free(array);
}

/*
 * No members.
 */

TEST(an_array_without_members_is_signalled_from_the_start)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct dma_fence_array *array = dma_fence_array_alloc(0);
		struct dma_fence *fence = &array->base;
		struct counting_cb cb = { .calls = 0 };
		unsigned int index;

		ASSERT_INT(dma_fence_array_max_fences(array), ==, 0);
		ASSERT_WARNS(dma_fence_array_init(array, 0, array->fences, 1, 1, any),
			     "without fences");
		ASSERT_TRUE(dma_fence_test_signaled_flag(&array->base));
		ASSERT_INT(fence_peek(&array->base), ==, FENCE_DONE);
		ASSERT_INT(dma_fence_get_status(&array->base), ==, 1);
		ASSERT_INT(dma_fence_default_wait(&array->base, false, 0), ==, 1);
		ASSERT_INT(dma_fence_wait(&array->base, false), ==, 0);
		ASSERT_INT(dma_fence_add_callback(&array->base, &cb.cb, count_call), ==, -ENOENT);
		ASSERT_PTR(dma_fence_array_first(&array->base), ==, NULL);
		dma_fence_array_for_each(fence, index, &array->base)
			FAIL("visited");
		dma_fence_put(&array->base);
	}
}

TEST(create_without_members_owns_the_table_too)
{
	struct dma_fence_array *array = NULL;
	struct dma_fence **table = malloc(sizeof(*table));

	ASSERT_WARNS(array = dma_fence_array_create(0, table, 1, 1, ALL), "without fences");
	ASSERT_TRUE(dma_fence_is_signaled(&array->base));
	dma_fence_put(&array->base);
	ASSERT_WARNS(array = dma_fence_array_create(2, NULL, 1, 1, ANY), "without fences");
	ASSERT_TRUE(dma_fence_is_signaled(&array->base));
	dma_fence_put(&array->base);
	ASSERT_WARNS(array = dma_fence_array_create(-2, NULL, 1, 1, ANY), "without fences");
	ASSERT_TRUE(dma_fence_is_signaled(&array->base));
	dma_fence_put(&array->base);
}

/*
 * Capacity: stored, not guessed (trap 3, R4).
 */

TEST(more_members_than_there_is_room_for_abort)
{
	struct dma_fence_array *array = dma_fence_array_alloc(2);
	struct dma_fence **table = make_table(3);

	ASSERT_DEATH(dma_fence_array_init(array, 3, table, 1, 1, ALL), "in room for 2");
	ASSERT_DEATH(dma_fence_array_init(array, 3, table, 1, 1, ANY), "in room for 2");
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(table[i]);
	free(table);
	dma_fence_array_free(array);
}

TEST(signal_on_any_needs_the_room_of_a_callback_each)
{
	struct dma_fence_array *created = dma_fence_array_create(3, make_table(3), 1, 1, ALL);
	struct dma_fence_array *internal = fence_array_alloc_for_all(3);

	signal_members(created);
	ASSERT_TRUE(dma_fence_array_recycle(created));
	dmabuf_rcu_barrier();
	ASSERT_DEATH(dma_fence_array_init(created, 3, created->fences, 1, 1, ANY), "in room for 1");
	dma_fence_array_free(created);

	fill(internal, 3);
	internal->num_fences = 3;
	ASSERT_DEATH(dma_fence_array_init(internal, 3, internal->fences, 1, 1, ANY), "in room for 1");
	dma_fence_array_free(internal);
}

TEST(a_container_inside_an_array_warns)
{
	struct dma_fence_array *inner = dma_fence_array_create(1, make_table(1), 1, 1, ALL);
	struct dma_fence_array *outer = dma_fence_array_alloc(1);

	outer->fences[0] = &inner->base;
	ASSERT_WARNS(dma_fence_array_init(outer, 1, outer->fences, 1, 1, ALL), "inside a fence array");
	dma_fence_enable_sw_signaling(&outer->base);
	signal_members(inner);
	ASSERT_TRUE(dma_fence_test_signaled_flag(&outer->base));
	dma_fence_put(&outer->base);
}

/*
 * Recycling.
 */

TEST(recycle_drops_a_reference_that_is_not_the_last)
{
	struct dma_fence_array *array = dma_fence_array_create(2, make_table(2), 1, 1, ALL);

	dma_fence_get(&array->base);
	ASSERT_FALSE(dma_fence_array_recycle(array));
	ASSERT_INT(array->base.refcount.count, ==, 1);
	dma_fence_put(&array->base);
}

TEST(recycle_keeps_all_when_it_was_the_last)
{
	struct dma_fence_array *array = dma_fence_array_create(2, make_table(2), 1, 1, ALL);
	struct dma_fence **table = array->fences;

	ASSERT_TRUE(dma_fence_array_recycle(array));
	ASSERT_PTR(array->fences, ==, table);
	ASSERT_INT(array->num_fences, ==, 2);
	ASSERT_INT(table[0]->refcount.count, ==, 1);
	dmabuf_rcu_read_lock();
	ASSERT_PTR(dma_fence_get_rcu(&array->base), ==, NULL);
	dmabuf_rcu_read_unlock();
	dma_fence_array_free(array);
}

TEST(an_array_that_awaits_a_member_is_not_recycled)
{
	struct dma_fence_array *array = dma_fence_array_create(2, make_table(2), 1, 1, ALL);
	struct dma_fence *members[] = { dma_fence_get(array->fences[0]),
					dma_fence_get(array->fences[1]) };

	dma_fence_enable_sw_signaling(&array->base);
	ASSERT_FALSE(dma_fence_array_recycle(array));
	for (unsigned int i = 0; i < 2; i++) {
		dma_fence_signal(members[i]);
		dma_fence_put(members[i]);
	}
}

/* Once signalled, the room of the callbacks is a timestamp: nothing to warn of. */
TEST(a_signalled_array_with_callbacks_is_recycled_without_a_warning)
{
	struct dma_fence_array *array = dma_fence_array_create(2, make_table(2), 1, 1, ALL);
	struct counting_cb cb = { .calls = 0 };

	dma_fence_add_callback(&array->base, &cb.cb, count_call);
	signal_members(array);
	ASSERT_INT(cb.calls, ==, 1);
	ASSERT_TRUE(dma_fence_array_recycle(array));
	dma_fence_array_free(array);
}

static void put_members_of(struct dma_fence_array *array)
{
	for (unsigned int i = 0; i < array->num_fences; i++)
		dma_fence_put(array->fences[i]);
}

TEST(a_recycled_array_is_filled_and_used_again)
{
	struct dma_fence_array *array = dma_fence_array_alloc(4);

	for (unsigned int round = 0; round < 4; round++) {
		const unsigned int n = 1 + round; /* up to its capacity */

		fill(array, n);
		dma_fence_array_init(array, (int)n, array->fences, 1, round, round == 2);
		for (unsigned int i = n; !array->signal_on_any && i-- > 1;)
			dma_fence_signal(array->fences[i]);
		ASSERT_INT(dma_fence_get_status(&array->base), ==, 0);
		ASSERT_INT(dma_fence_array_max_fences(array), ==, 4);
		dma_fence_enable_sw_signaling(&array->base);
		dma_fence_set_error(array->fences[0], -EIO);
		signal_members(array);
		ASSERT_INT(dma_fence_get_status(&array->base), ==, -EIO);
		ASSERT_TRUE(dma_fence_array_recycle(array));
		/* Readers may still try in vain: refill only after a grace period. */
		dmabuf_rcu_barrier();
		put_members_of(array);
	}
	array->num_fences = 0;
	dma_fence_array_free(array);
}

TEST(recycle_without_references_aborts)
{
	struct dma_fence_array *array = dma_fence_array_create(1, make_table(1), 1, 1, ALL);

	ASSERT_TRUE(dma_fence_array_recycle(array));
	ASSERT_DEATH((void)!dma_fence_array_recycle(array), "without references");
	dma_fence_array_free(array);
}

/*
 * A member that signals while the array makes up its mind.
 */

static struct dma_fence *late_member; /* fails when the array is about to look at it */

static void fail_late_member(const char *label)
{
	struct dma_fence *member = late_member;

	if (!member || strcmp(label, "array: before a member's error"))
		return;
	late_member = NULL;
	dma_fence_set_error(member, -ENODEV);
	dma_fence_signal_timestamp(member, 10);
}

TEST(any_never_succeeds_where_all_that_have_signalled_failed)
{
	struct dma_fence_array *array = dma_fence_array_alloc(2);

	fill(array, 2);
	dma_fence_array_init(array, 2, array->fences, dma_fence_context_alloc(1), 1, true);
	dma_fence_set_error(array->fences[1], -EIO);
	dma_fence_signal_timestamp(array->fences[1], 20);
	late_member = array->fences[0];
	os_race_hook(fail_late_member);
	ASSERT_INT(dma_fence_get_status(&array->base), ==, -ENODEV);
	os_race_hook(NULL);
	dma_fence_put(&array->base);
}
