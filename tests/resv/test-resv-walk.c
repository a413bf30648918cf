/* SPDX-License-Identifier: MIT */
/* Walks with the lock held, while their caller stages. */
#include "view.h"

#define FENCES SMALLEST_LOG

static void add_one(struct dma_resv *obj, uint64_t seqno)
{
	struct dma_fence *fence = mock_fence(dma_fence_context_alloc(1), seqno);

	dma_resv_add_fence(obj, fence, DMA_RESV_USAGE_READ);
	dma_fence_put(fence);
}

static void fill(struct dma_resv *obj, uint64_t seqno)
{
	for (unsigned int i = 0; i < FENCES; i++) {
		reserve(obj, 1);
		add_one(obj, seqno);
	}
}

/* Adding makes the staged log give way to a new one, and others take memory meanwhile. */
TEST(a_walk_survives_what_its_caller_adds)
{
	struct dma_resv walked, other;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int visited = 0;

	dma_resv_init(&walked);
	dma_resv_init(&other);
	lock(&walked);
	fill(&walked, 1);
	reserve(&walked, 1); /* as in Linux: before the walk */
	dma_resv_for_each_fence(&cursor, &walked, DMA_RESV_USAGE_BOOKKEEP, fence) {
		ASSERT_INT(fence->seqno, ==, 1);
		if (visited++)
			continue;
		add_one(&walked, 1);
		lock_beside(&other);
		fill(&other, 2);
		dma_resv_unlock(&other);
	}
	ASSERT_INT(visited, >=, FENCES);
	dma_resv_unlock(&walked);
	dma_resv_fini(&walked);
	dma_resv_fini(&other);
}

/* What pruning and replacing drop stays readable until the commit, too. */
TEST(a_walk_survives_what_its_caller_edits)
{
	struct dma_fence *fence, *held[FENCES];
	struct dma_resv_iter cursor;
	unsigned int visited = 0;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < FENCES; i++) {
		held[i] = mock_fence(dma_fence_context_alloc(1), 1);
		reserve(&obj, 1);
		dma_resv_add_fence(&obj, held[i], DMA_RESV_USAGE_READ);
	}
	for (unsigned int i = 0; i < FENCES; i++)
		dma_fence_put(held[i]);
	dma_resv_for_each_fence(&cursor, &obj, DMA_RESV_USAGE_BOOKKEEP, fence) {
		ASSERT_INT(fence->seqno, ==, 1);
		dma_fence_signal(fence);
		dma_resv_prune_fences(&obj);
		ASSERT_INT(dma_resv_replace_fences(&obj, fence->context, fence, DMA_RESV_USAGE_READ), ==, 0);
		visited++;
	}
	ASSERT_INT(visited, ==, FENCES);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

/* A log that was never published, and gives way to another, has the only references. */
TEST(a_walk_keeps_what_its_caller_drops_until_the_commit)
{
	struct dma_fence *fences[3], *found;
	struct dma_resv_iter cursor;
	struct dma_resv obj;
	bool released;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < 3; i++) {
		fences[i] = i ? mock_lone() : mock_watched(&released);
		add(&obj, fences[i], READ);
	}
	dma_resv_iter_begin(&cursor, &obj, BOOKKEEP);
	found = dma_resv_iter_first(&cursor);
	ASSERT_PTR(found, ==, fences[2]);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(fences[i]);
	dma_fence_signal(fences[0]);
	dma_resv_prune_fences(&obj);
	ASSERT_FALSE(released);
	dma_resv_iter_next(&cursor);
	ASSERT_PTR(dma_resv_iter_next(&cursor), ==, fences[0]);
	dma_resv_iter_end(&cursor);
	dma_resv_unlock(&obj);
	ASSERT_TRUE(released);
	dma_resv_fini(&obj);
}

/* The staged log borrows from the published one, which the commit drops; not so the snapshot. */
TEST(a_snapshot_of_what_is_staged_outlives_the_published_set)
{
	struct dma_fence *fences[4];
	struct dma_resv_snapshot snap;
	struct dma_resv obj;
	bool released;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < 4; i++) {
		fences[i] = i == 1 ? mock_watched(&released) : mock_lone();
		add(&obj, fences[i], READ);
		dma_fence_put(fences[i]);
	}
	dma_resv_commit(&obj);
	dma_fence_signal(fences[0]);
	dma_resv_prune_fences(&obj);
	dma_resv_get_snapshot(&obj, &snap);
	dma_fence_signal(fences[1]);
	dma_resv_prune_fences(&obj);
	dma_resv_unlock(&obj);
	ASSERT_FALSE(released);
	dma_resv_put_snapshot(&snap);
	ASSERT_TRUE(released);
	dma_resv_fini(&obj);
}

/* It says that it is done when it is asked again, and only the word that gives way holds it. */
TEST(an_add_of_what_making_room_drops_holds_it)
{
	struct dma_fence *fence = mock_lazy();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 2);
	dma_resv_add_fence(&obj, fence, WRITE);
	dma_fence_put(fence);
	store_release(&to_mock(fence)->done_after, load_acquire(&to_mock(fence)->asked) + 1);
	dma_resv_add_fence(&obj, fence, READ);
	ASSERT_TRUE(mock_is_alive(fence));
	ASSERT_INT(references(fence), ==, 1);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

TEST(a_container_of_another_object_is_refused)
{
	struct dma_resv one, two;

	dma_resv_init(&one);
	dma_resv_init(&two);
	lock(&one);
	ASSERT_DEATH(dma_resv_fences_commit(&one, &two.fences), "pass that one");
	ASSERT_DEATH((void)!dma_resv_fences_reserve(&one, &two.fences, 1), "pass that one");
	ASSERT_DEATH(dma_resv_fences_set(&one, &two.fences, NULL, DMA_RESV_USAGE_READ), "pass that one");
	dma_resv_unlock(&one);
	dma_resv_fini(&one);
	dma_resv_fini(&two);
}

/*
 * Releasing.
 */

static struct dma_resv *asked_resv;

/* Asks the reservation that is just dropping it, as its holder may. */
static void ask_and_free(struct dma_fence *fence)
{
	struct dma_resv_snapshot snap;

	dma_resv_get_snapshot(asked_resv, &snap);
	dma_resv_put_snapshot(&snap);
	dma_fence_free(fence);
}

static const char *asking_name(struct dma_fence *fence)
{
	(void)fence;
	return "asking";
}

static const struct dma_fence_ops asking_ops = {
	.get_driver_name = asking_name,
	.get_timeline_name = asking_name,
	.release = ask_and_free,
};

static struct dma_fence *asking_fence(void)
{
	struct dma_fence *fence = malloc(sizeof(*fence));

	if (!fence)
		abort();
	dma_fence_init(fence, &asking_ops, NULL, dma_fence_context_alloc(1), 1);
	return fence;
}

/* The commit drops a signalled one from between others, which it carries into a new log. */
TEST(a_fence_that_goes_at_a_commit_may_ask_its_reservation)
{
	struct dma_fence *fences[FENCES + 1];
	struct dma_resv obj;

	dma_resv_init(&obj);
	asked_resv = &obj;
	for (unsigned int i = 0; i <= FENCES; i++)
		fences[i] = i == 2 ? asking_fence() : mock_lone();
	for (unsigned int i = 0; i <= FENCES; i++) {
		lock(&obj);
		reserve(&obj, 1);
		dma_resv_add_fence(&obj, fences[i], READ);
		dma_resv_unlock(&obj);
		if (i != 2)
			continue;
		dma_fence_signal(fences[2]);
		dma_fence_put(fences[2]);
	}
	ASSERT_INT(count(&obj, BOOKKEEP), ==, FENCES);
	for (unsigned int i = 0; i <= FENCES; i++) {
		if (i != 2)
			ASSERT_INT(references(fences[i]), ==, 2);
	}
	dma_resv_fini(&obj);
	for (unsigned int i = 0; i <= FENCES; i++) {
		if (i != 2)
			dma_fence_put(fences[i]);
	}
}
