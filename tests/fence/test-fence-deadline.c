/* SPDX-License-Identifier: MIT */
/* Deadlines reach whoever will signal. Signalling sections. */
#include "fence/fence.h"
#include "chains.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-timeline.h>

struct urged_fence {
	struct dma_fence base;
	int64_t deadline;
	unsigned int calls;
};

static void urge(struct dma_fence *fence, int64_t deadline)
{
	struct urged_fence *urged = container_of(fence, struct urged_fence, base);

	urged->deadline = deadline;
	urged->calls++;
}

static const struct dma_fence_ops urged_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.set_deadline = urge,
};

static struct urged_fence *make_urged(void)
{
	struct urged_fence *fence = calloc(1, sizeof(*fence));

	if (!fence)
		abort();
	dma_fence_init(&fence->base, &urged_ops, NULL, dma_fence_context_alloc(1), 1);
	return fence;
}

TEST(a_deadline_reaches_the_op_each_time_until_the_fence_has_signalled)
{
	struct urged_fence *fence = make_urged();

	dma_fence_set_deadline(&fence->base, 7);
	ASSERT_INT(fence->deadline, ==, 7);
	dma_fence_set_deadline(&fence->base, 5);
	ASSERT_INT(fence->deadline, ==, 5);
	ASSERT_INT(fence->calls, ==, 2);
	dma_fence_signal(&fence->base);
	dma_fence_set_deadline(&fence->base, 3);
	ASSERT_INT(fence->calls, ==, 2);
	dma_fence_put(&fence->base);
}

TEST(a_fence_without_the_op_ignores_deadlines)
{
	struct dma_fence *fence = make_fence();

	dma_fence_set_deadline(fence, 1);
	dma_fence_put(fence);
}

TEST(an_array_passes_a_deadline_on_to_all_that_have_not_signalled)
{
	struct urged_fence *members[3] = { make_urged(), make_urged(), make_urged() };
	struct dma_fence **table = calloc(3, sizeof(*table));
	struct dma_fence_array *array;

	for (unsigned int i = 0; i < 3; i++)
		table[i] = dma_fence_get(&members[i]->base);
	array = dma_fence_array_create(3, table, dma_fence_context_alloc(1), 1, false);
	dma_fence_signal(&members[1]->base);
	dma_fence_set_deadline(&array->base, 9);
	ASSERT_INT(members[0]->deadline, ==, 9);
	ASSERT_INT(members[1]->calls, ==, 0);
	ASSERT_INT(members[2]->deadline, ==, 9);
	dma_fence_put(&array->base);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(&members[i]->base);
}

TEST(a_chain_passes_a_deadline_on_to_all_of_its_links)
{
	struct urged_fence *fences[3] = { make_urged(), make_urged(), make_urged() };
	struct dma_fence *head = NULL;

	for (unsigned int i = 0; i < 3; i++)
		head = link_fence(head, dma_fence_get(&fences[i]->base), i + 1);
	dma_fence_signal(&fences[1]->base);
	dma_fence_set_deadline(head, 4);
	ASSERT_INT(fences[0]->deadline, ==, 4);
	ASSERT_INT(fences[1]->calls, ==, 0);
	ASSERT_INT(fences[2]->deadline, ==, 4);
	dma_fence_put(head);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(&fences[i]->base);
}

/*
 * Timelines.
 */

TEST(a_timeline_tells_its_issuer_the_earliest_deadline_of_what_is_left)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("urged");
	struct dma_fence *first = dma_fence_timeline_emit(tl);
	struct dma_fence *second = dma_fence_timeline_emit(tl);

	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, INT64_MAX);
	dma_fence_set_deadline(second, 20);
	dma_fence_set_deadline(first, 10);
	dma_fence_set_deadline(first, 15);
	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, 10);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, 0);
	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, 20);
	dma_fence_set_deadline(second, -1);
	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, -1);
	ASSERT_INT(dma_fence_timeline_signal(tl, 2, 0), ==, 0);
	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, INT64_MAX);
	dma_fence_put(first);
	dma_fence_put(second);
	dma_fence_timeline_destroy(tl);
}

static struct dma_fence *urged;
static int64_t faster; /* than the deadline that is about to be set; 0: that was all */

static void urge_first(const char *label)
{
	const int64_t deadline = faster;

	if (strcmp(label, "timeline: before a deadline") || !deadline)
		return;
	faster = 0;
	dma_fence_set_deadline(urged, deadline);
}

TEST(the_earlier_of_two_deadlines_that_meet_stays)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("urged twice");

	urged = dma_fence_timeline_emit(tl);
	os_race_hook(urge_first);
	faster = 30;
	dma_fence_set_deadline(urged, 20);
	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, 20);
	faster = 5;
	dma_fence_set_deadline(urged, 10);
	ASSERT_INT(dma_fence_timeline_deadline(tl), ==, 5);
	os_race_hook(NULL);
	dma_fence_put(urged);
	dma_fence_timeline_destroy(tl);
}

struct urging {
	struct dma_fence_timeline *tl;
	struct dma_fence *fence;
};

static void urge_downwards(unsigned int index, void *arg)
{
	struct urging *urging = arg;

	for (int64_t deadline = 1000; deadline > (int64_t)index; deadline--)
		dma_fence_set_deadline(urging->fence, deadline);
	ASSERT_INT(dma_fence_timeline_deadline(urging->tl), <=, (int64_t)index + 1);
}

TEST(the_earliest_of_several_threads_deadlines_stays)
{
	struct urging urging = { .tl = dma_fence_timeline_create("urged") };

	urging.fence = dma_fence_timeline_emit(urging.tl);
	test_threads(4, urge_downwards, &urging);
	ASSERT_INT(dma_fence_timeline_deadline(urging.tl), ==, 1);
	dma_fence_put(urging.fence);
	dma_fence_timeline_destroy(urging.tl);
}

/*
 * Signalling sections.
 */

TEST(sections_nest_by_their_cookies)
{
	bool outer, inner;

	NEEDS_RULES();
	outer = dma_fence_begin_signalling();
	inner = dma_fence_begin_signalling();
	ASSERT_FALSE(outer);
	ASSERT_TRUE(inner);
	dma_fence_end_signalling(inner);
	ASSERT_WARNS(__dma_fence_might_wait(), "D007");
	dma_fence_end_signalling(outer);
	__dma_fence_might_wait();
}

TEST(every_wait_inside_a_section_warns_also_one_that_returns_at_once)
{
	struct dma_fence *fence = dma_fence_get_stub();
	bool cookie;

	NEEDS_RULES();
	cookie = dma_fence_begin_signalling();
	ASSERT_WARNS(dma_fence_wait(fence, false), "D007");
	ASSERT_WARNS(dma_fence_wait_timeout(fence, false, 1), "D007");
	ASSERT_WARNS(dma_fence_wait_any_timeout(&fence, 1, false, 1, NULL), "D007");
	/* To look is not to wait. */
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 0), ==, 1);
	ASSERT_INT(dma_fence_wait_any_timeout(&fence, 1, false, 0, NULL), ==, 1);
	dma_fence_end_signalling(cookie);
	dma_fence_put(fence);
}
