/* SPDX-License-Identifier: MIT */
/* What the reviews of the series asked for, R1 to R10 (semantics, 7.). R11 is about buffers. */
#include "harness.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "mock.h"
#include "resv/log.h"
#include "view.h"

/* Publishing is a step of its own, and a reader takes one reference for the whole set. */
TEST(R1_one_commit_publishes_and_one_reference_holds_the_set)
{
	struct dma_fence *first = mock_lone(), *second = mock_lone(), *third = mock_lone();
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot snap;
	struct dma_fence *fence;
	unsigned int seen = 0;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 3);
	dma_resv_add_fence(&obj, first, WRITE);
	dma_resv_add_fence(&obj, second, READ);
	ASSERT_INT(others_count(&obj, BOOKKEEP), ==, 0);
	dma_resv_commit(&obj);
	ASSERT_INT(others_count(&obj, BOOKKEEP), ==, 2);

	/* Not one reference on a fence is taken, and what comes later is not in it. */
	ASSERT_TRUE(dma_resv_get_snapshot(&obj, &snap));
	ASSERT_INT(references(first), ==, 2);
	ASSERT_INT(references(second), ==, 2);
	dma_resv_add_fence(&obj, third, READ);
	dma_resv_unlock(&obj);
	dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP) {
		ASSERT_PTR(fence, ==, seen ? first : second);
		seen++;
	}
	ASSERT_INT(seen, ==, 2);
	dma_resv_put_snapshot(&snap);
	dma_resv_fini(&obj);
	dma_fence_put(first);
	dma_fence_put(second);
	dma_fence_put(third);
}

/* The holder sees what it staged in everything that takes the object; others do not. */
static void see_nothing(void *arg)
{
	struct dma_resv *obj = arg;
	struct dma_resv_snapshot snap;
	struct dma_fence *fence;

	ASSERT_INT(count(obj, BOOKKEEP), ==, 0);
	ASSERT_INT(dma_resv_get_singleton(obj, BOOKKEEP, &fence), ==, 0);
	ASSERT_PTR(fence, ==, NULL);
	ASSERT_TRUE(dma_resv_test_signaled(obj, BOOKKEEP));
	ASSERT_INT(dma_resv_wait_timeout(obj, BOOKKEEP, false, 0), ==, 1);
	ASSERT_FALSE(dma_resv_get_snapshot(obj, &snap));
}

TEST(R2_the_holder_sees_what_it_staged_and_nobody_else)
{
	struct dma_fence *staged = mock_lone(), *fence;
	struct dma_resv_snapshot_cursor walk;
	struct dma_resv_snapshot snap;
	struct dma_resv_iter cursor;
	struct dma_resv obj, copy;

	dma_resv_init(&obj);
	dma_resv_init(&copy);
	lock(&obj);
	add(&obj, staged, WRITE);

	in_other_thread(see_nothing, &obj);
	ASSERT_INT(times(&obj, staged), ==, 1);
	ASSERT_INT(dma_resv_get_singleton(&obj, WRITE, &fence), ==, 0);
	ASSERT_PTR(fence, ==, staged);
	dma_fence_put(fence);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, WRITE));
	ASSERT_INT(dma_resv_wait_timeout(&obj, WRITE, false, 0), ==, 0);
	ASSERT_TRUE(dma_resv_get_snapshot(&obj, &snap));
	ASSERT_PTR(dma_resv_snapshot_first(&walk, &snap, WRITE), ==, staged);
	dma_resv_put_snapshot(&snap);
	dma_resv_iter_begin(&cursor, &obj, WRITE);
	ASSERT_PTR(dma_resv_iter_first(&cursor), ==, staged);
	ASSERT_PTR(dma_resv_iter_first_unlocked(&cursor), ==, staged);
	dma_resv_iter_end(&cursor);
	lock_beside(&copy);
	ASSERT_INT(dma_resv_copy_fences(&copy, &obj), ==, 0);
	ASSERT_INT(times(&copy, staged), ==, 1);
	dma_resv_unlock(&copy);

	dma_resv_unlock(&obj);
	ASSERT_INT(others_count(&obj, WRITE), ==, 1);
	dma_resv_fini(&obj);
	dma_resv_fini(&copy);
	dma_fence_put(staged);
}

/* Everything that edits what is staged, while one reserved fence is left. */
static void edit(struct dma_resv *obj, unsigned int how, const struct dma_fence *there)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv other;

	dma_resv_init(&other);
	switch (how) {
	case 0:
		dma_resv_fences_set(obj, &obj->fences, fence, WRITE);
		break;
	case 1:
		dma_resv_fences_set(obj, &obj->fences, NULL, WRITE);
		break;
	case 2:
		dma_resv_prune_fences(obj);
		break;
	case 3:
		ASSERT_INT(dma_resv_copy_fences(obj, &other), ==, 0);
		break;
	case 4:
		dma_resv_commit(obj);
		break;
	case 5:
		ASSERT_INT(dma_resv_replace_fences(obj, there->context, fence, READ), ==, 0);
		break;
	}
	dma_resv_fini(&other);
	signal_and_put(fence);
}

TEST(R3_reservations_survive_edits_or_fail_loudly)
{
	struct dma_fence *fences[12];
	struct dma_resv obj;

	dma_resv_init(&obj);
	for (unsigned int i = 0; i < 12; i++)
		fences[i] = mock_lone();
	for (unsigned int how = 0; how < 6; how++) {
		lock(&obj);
		reserve(&obj, 12);
		dma_resv_add_fence(&obj, fences[0], READ);
		edit(&obj, how, fences[0]);
		/* set() used one of them. */
		os_fault_arm(1);
		for (unsigned int i = 1; i < 11; i++)
			dma_resv_add_fence(&obj, fences[i], READ);
		ASSERT_FALSE(os_fault_disarm());
		for (unsigned int i = 1; i < 11; i++)
			ASSERT_INT(times(&obj, fences[i]), ==, 1);
		dma_resv_unlock(&obj);
	}
	lock(&obj);
	ASSERT_DEATH(dma_resv_add_fence(&obj, fences[0], READ), "without a reservation");
	ASSERT_DEATH(dma_resv_fences_set(&obj, &obj.fences, NULL, READ), "without a reservation");
	dma_resv_unlock(&obj);
	for (unsigned int i = 0; i < 12; i++)
		dma_fence_put(fences[i]);
	dma_resv_fini(&obj);
}

/* ASan watches that nothing is written behind the table, the last entry included. */
TEST(R4_capacity_is_stored_and_holds_what_was_reserved)
{
	for (unsigned int n = 1; n < 150; n++) {
		struct dma_fence *fence = mock_lone();
		const struct dma_resv_log *log;
		struct dma_resv obj;

		dma_resv_init(&obj);
		lock(&obj);
		reserve(&obj, n + 1);
		dma_resv_add_fence(&obj, fence, WRITE);
		/* Weaker than what is there: each is an entry of its own. */
		for (unsigned int i = 0; i < n; i++) {
			struct dma_fence *other = mock_lone();

			dma_resv_add_fence(&obj, other, READ);
			dma_fence_put(other);
		}
		log = word_log(obj.fences.staged);
		ASSERT_TRUE(word_is_log(obj.fences.staged));
		ASSERT_INT(obj.fences.length, ==, n + 1);
		ASSERT_INT(log->capacity, >=, n + 1);
		/* Up to the last entry that it says it has. */
		reserve(&obj, log->capacity - obj.fences.length + 1);
		dma_resv_reset_max_fences(&obj);
		while (obj.fences.length < log->capacity) {
			reserve(&obj, 1);
			dma_resv_add_fence(&obj, fence, BOOKKEEP);
			ASSERT_PTR(word_log(obj.fences.staged), ==, log);
		}
		dma_resv_unlock(&obj);
		dma_resv_fini(&obj);
		dma_fence_put(fence);
	}
}

TEST(R5_prune_looks_at_members_whoever_enabled_signalling)
{
	struct dma_fence *lazy = mock_lazy(), *busy = mock_lone(), *never_asked = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	dma_resv_prune_fences(&obj); /* nothing at all */
	reserve(&obj, 3);
	dma_resv_add_fence(&obj, lazy, WRITE);
	dma_resv_add_fence(&obj, busy, READ);
	dma_resv_add_fence(&obj, never_asked, READ);
	store_release(&to_mock(lazy)->done, 1);
	dma_fence_signal(never_asked);
	dma_resv_prune_fences(&obj);
	dma_resv_unlock(&obj);
	ASSERT_INT(references(lazy), ==, 1);
	ASSERT_INT(references(busy), ==, 2);
	ASSERT_INT(references(never_asked), ==, 1);
	dma_resv_fini(&obj);
	dma_fence_put(lazy);
	dma_fence_put(busy);
	dma_fence_put(never_asked);
}

TEST(R5_prune_handles_an_array_without_members)
{
	struct dma_fence_array *array = dma_fence_array_alloc(1);
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_WARNS(dma_fence_array_init(array, 0, array->fences, dma_fence_context_alloc(1), 1,
					  false), "without fences");
	lock(&obj);
	reserve(&obj, 1);
	ASSERT_WARNS(dma_resv_add_fence(&obj, &array->base, READ), "array");
	ASSERT_TRUE(dma_resv_test_signaled(&obj, BOOKKEEP));
	dma_resv_prune_fences(&obj);
	ASSERT_INT(references(&array->base), ==, 1);
	dma_resv_unlock(&obj);
	dma_fence_put(&array->base);
	dma_resv_fini(&obj);
}

/* Replaces the log of @arg by another, from another thread. */
static void replace_log(void *arg)
{
	struct dma_resv *obj = arg;

	lock(obj);
	dma_resv_prune_fences(obj);
	dma_resv_unlock(obj);
}

TEST(R6_a_dead_log_is_not_resurrected_and_not_reused_under_a_reader)
{
	struct dma_fence *done = mock_lone(), *busy[2] = { mock_lone(), mock_lone() };
	struct dma_resv_log *old, before;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 3);
	dma_resv_add_fence(&obj, done, READ);
	dma_resv_add_fence(&obj, busy[0], READ);
	dma_resv_add_fence(&obj, busy[1], READ);
	dma_resv_unlock(&obj);
	dma_fence_signal(done);

	dmabuf_rcu_read_lock();
	old = word_log(load_acquire(&obj.fences.word));
	before = *old;
	in_other_thread(replace_log, &obj);
	ASSERT_PTR(word_log(obj.fences.word), !=, old);
	/* It has no reference, gives none out, and still reads as it did. */
	ASSERT_INT(load_relaxed(&old->refs), ==, 0);
	ASSERT_FALSE(log_get_unless_dead(old));
	ASSERT_INT(old->committed, ==, 3);
	ASSERT_INT(old->capacity, ==, before.capacity);
	ASSERT_PTR(old->entry[0].fence, ==, done);
	ASSERT_PTR(old->entry[2].fence, ==, busy[1]);
	ASSERT_TRUE(dma_fence_test_signaled_flag(old->entry[0].fence));
	dmabuf_rcu_read_unlock();

	/* What is carried over changed its owner without a touch. */
	ASSERT_INT(references(done), ==, 1);
	ASSERT_INT(references(busy[0]), ==, 2);
	dma_resv_fini(&obj);
	dma_fence_put(done);
	dma_fence_put(busy[0]);
	dma_fence_put(busy[1]);
}

/* Every place where a query takes a reference on the set passes this point. */
static unsigned int references_taken; /* of this thread's queries; nobody else runs */

static void count_references(const char *label)
{
	references_taken += !strcmp(label, "snapshot: before reference");
}

static unsigned int cost_of(struct dma_resv *obj, unsigned int query)
{
	struct dma_fence *fence = NULL;
	struct dma_resv_iter cursor;

	references_taken = 0;
	os_race_hook(count_references);
	switch (query) {
	case 0:
		dma_resv_test_signaled(obj, BOOKKEEP);
		break;
	case 1:
		dma_resv_wait_timeout(obj, BOOKKEEP, false, 0);
		break;
	case 2:
		ASSERT_INT(dma_resv_get_singleton(obj, BOOKKEEP, &fence), ==, 0);
		break;
	case 3:
		count(obj, BOOKKEEP);
		break;
	case 4:
		fence = dma_resv_fences_get_rcu(&obj->fences, BOOKKEEP);
		break;
	case 5:
		dma_resv_iter_begin(&cursor, obj, BOOKKEEP);
		dma_resv_for_each_fence_unlocked(&cursor, fence)
			;
		dma_resv_iter_end(&cursor);
		break;
	}
	os_race_hook(NULL);
	dma_fence_put(fence);
	return references_taken;
}

TEST(R7_a_query_costs_one_reference_and_a_test_none)
{
	struct dma_fence *fences[3] = { mock_lone(), mock_lone(), mock_lone() };
	struct dma_resv obj;

	dma_resv_init(&obj);
	for (unsigned int n = 0; n < 3; n++) {
		add_alone(&obj, fences[n], READ); /* one word, then a log */
		ASSERT_INT(cost_of(&obj, 0), ==, 0);
		for (unsigned int query = 1; query <= 5; query++)
			ASSERT_INT(cost_of(&obj, query), ==, 1);
		ASSERT_INT(references(fences[0]), ==, 2);
	}
	dma_resv_fini(&obj);
	for (unsigned int n = 0; n < 3; n++)
		dma_fence_put(fences[n]);
}

TEST(R8_a_category_means_that_one_and_those_above)
{
	struct dma_fence *fences[4] = { mock_lone(), mock_lone(), mock_lone(), mock_lone() };
	struct dma_resv obj;

	/* Whatever the order in which they come. */
	for (unsigned int first = 0; first < 4; first++) {
		dma_resv_init(&obj);
		for (unsigned int i = 0; i < 4; i++) {
			const unsigned int u = (first + i) % 4;

			add_alone(&obj, fences[u], (enum dma_resv_usage)u);
		}
		for (unsigned int asked = 0; asked < 4; asked++) {
			struct view view = { .obj = &obj, .usage = (enum dma_resv_usage)asked };

			for (unsigned int u = 0; u < 4; u++) {
				view.fence = fences[u];
				look_at(&view);
				ASSERT_INT(view.times, ==, u <= asked);
			}
			ASSERT_INT(view.count, ==, asked + 1);
		}
		dma_resv_fini(&obj);
	}
	/* Writers wait for readers, readers for writers, both for the kernel, none for others. */
	ASSERT_INT(dma_resv_usage_rw(true), ==, READ);
	ASSERT_INT(dma_resv_usage_rw(false), ==, WRITE);
	for (unsigned int u = 0; u < 4; u++)
		dma_fence_put(fences[u]);
}

TEST(R9_out_of_order_and_failed_fences_hide_nothing_stronger)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *kernel = mock_lone(), *writer = mock_fence(context, 1);
	struct dma_fence *reader = mock_fence(context, 2), *other = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 4);
	dma_resv_add_fence(&obj, kernel, KERNEL);
	dma_resv_add_fence(&obj, writer, WRITE);
	/* Later, and of the writer's context, but weaker: both count. */
	dma_resv_add_fence(&obj, reader, READ);
	dma_resv_add_fence(&obj, other, READ);
	dma_resv_unlock(&obj);

	dma_fence_set_error(reader, -EIO);
	dma_fence_signal(reader);
	dma_fence_set_error(other, -EIO);
	dma_fence_signal(other);
	for (unsigned int pruned = 0; pruned < 2; pruned++) {
		ASSERT_INT(times(&obj, kernel), ==, 1);
		ASSERT_INT(times(&obj, writer), ==, 1);
		ASSERT_FALSE(dma_resv_test_signaled(&obj, KERNEL));
		ASSERT_FALSE(dma_resv_test_signaled(&obj, WRITE));
		ASSERT_INT(dma_resv_wait_timeout(&obj, READ, false, 0), ==, 0);
		lock(&obj);
		dma_resv_prune_fences(&obj);
		dma_resv_unlock(&obj);
	}
	dma_fence_signal(writer);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, READ));
	ASSERT_INT(times(&obj, kernel), ==, 1);
	dma_resv_fini(&obj);
	dma_fence_put(kernel);
	dma_fence_put(writer);
	dma_fence_put(reader);
	dma_fence_put(other);
}

TEST(R10_copies_and_merges_keep_no_reference_of_their_own)
{
	struct dma_fence *fences[4] = { mock_lone(), mock_lone(), mock_lone(), mock_lone() };
	struct dma_resv src, dst;

	dma_resv_init(&src);
	dma_resv_init(&dst);
	for (unsigned int n = 0; n < 4; n++) {
		struct dma_fence *merged;

		add_alone(&src, fences[n], (enum dma_resv_usage)n);
		lock(&dst);
		ASSERT_INT(dma_resv_copy_fences(&dst, &src), ==, 0);
		ASSERT_INT(dma_resv_copy_fences(&dst, &src), ==, 0);
		dma_resv_unlock(&dst);
		ASSERT_INT(dma_resv_get_singleton(&dst, BOOKKEEP, &merged), ==, 0);
		dma_fence_put(merged);
		/* The test's, the source's, the copy's. The array's go with the array. */
		for (unsigned int i = 0; i <= n; i++)
			ASSERT_INT(references(fences[i]), ==, 3);
		/* Each in its own category: others are not readers. */
		for (unsigned int u = 0; u < 4; u++)
			ASSERT_INT(count(&dst, (enum dma_resv_usage)u), ==, u < n ? u + 1 : n + 1);
	}
	dma_resv_fini(&dst);
	for (unsigned int i = 0; i < 4; i++)
		ASSERT_INT(references(fences[i]), ==, 2);
	dma_resv_fini(&src);
	for (unsigned int i = 0; i < 4; i++)
		dma_fence_put(fences[i]);
}
