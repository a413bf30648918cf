/* SPDX-License-Identifier: MIT */
/* Leaves of arrays and chains, merging, and one fence a context. */
#include "fence/fence.h"
#include "chains.h"

#include <dmabuf/dma-fence-unwrap.h>

/* An array over fences, whose references it consumes. */
static struct dma_fence *array_of(unsigned int n, struct dma_fence **fences)
{
	struct dma_fence **table = calloc(n ? n : 1, sizeof(*table));
	struct dma_fence_array *array;

	if (!table)
		abort();
	for (unsigned int i = 0; i < n; i++)
		table[i] = fences[i];
	array = dma_fence_array_create((int)n, table, dma_fence_context_alloc(1), 1, false);
	ASSERT_PTR(array, !=, NULL);
	return &array->base;
}

static struct dma_fence *empty_array(void)
{
	struct dma_fence *array = NULL;

	ASSERT_WARNS(array = array_of(0, NULL), "without fences");
	return array;
}

/* The leaves of @head in order, then NULL. Returns how many. */
static unsigned int leaves(struct dma_fence *head, struct dma_fence **ret_leaves)
{
	struct dma_fence_unwrap cursor;
	unsigned int n = 0;
	struct dma_fence *leaf;

	dma_fence_unwrap_for_each(leaf, &cursor, head)
		ret_leaves[n++] = leaf;
	return n;
}

#define ASSERT_LEAVES(head, ...)                                                       \
	do {                                                                           \
		struct dma_fence *want_[] = { __VA_ARGS__ }, *got_[16];                \
		const unsigned int n_ = sizeof(want_) / sizeof(want_[0]);              \
		ASSERT_INT(leaves(head, got_), ==, n_);                                \
		for (unsigned int i_ = 0; i_ < n_; i_++)                               \
			ASSERT_PTR(got_[i_], ==, want_[i_]);                           \
	} while (0)

static struct dma_fence *point(uint64_t context, uint64_t seqno)
{
	return make_fence_with(&plain_ops, NULL, context, seqno);
}

static void make_all(struct dma_fence **fences, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fences[i] = make_fence();
}

static void put_all(struct dma_fence **fences, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(fences[i]);
}

/* New references, to hand on. */
static struct dma_fence **get_all(struct dma_fence **fences, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		dma_fence_get(fences[i]);
	return fences;
}

/*
 * Walking.
 */

TEST(a_leaf_is_its_own_leaf_and_nothing_has_none)
{
	struct dma_fence *fence = make_fence(), *none[1];
	struct dma_fence_unwrap cursor;

	ASSERT_LEAVES(fence, fence);
	ASSERT_INT(leaves(NULL, none), ==, 0);
	ASSERT_PTR(dma_fence_unwrap_first(NULL, &cursor), ==, NULL);
	ASSERT_PTR(cursor.chain, ==, NULL);
	dma_fence_put(fence);
}

TEST(a_walk_visits_arrays_chains_and_arrays_in_chains)
{
	struct dma_fence *f[5], *array, *chain;

	make_all(f, 5);
	array = array_of(2, get_all(f, 2));
	ASSERT_LEAVES(array, f[0], f[1]);
	chain = link_fence(NULL, array, 1);
	chain = link_fence(chain, dma_fence_get(f[2]), 2);
	chain = link_fence(chain, array_of(2, get_all(f + 3, 2)), 3);
	ASSERT_LEAVES(chain, f[3], f[4], f[2], f[0], f[1]);
	dma_fence_put(chain);
	put_all(f, 5);
}

TEST(a_walk_visits_leaves_that_have_signalled)
{
	struct dma_fence *f[2], *array;

	make_all(f, 2);
	array = array_of(2, get_all(f, 2));
	dma_fence_signal(f[0]);
	ASSERT_LEAVES(array, f[0], f[1]);
	dma_fence_put(array);
	put_all(f, 2);
}

TEST(a_walk_passes_over_an_array_without_members)
{
	struct dma_fence *fence = make_fence(), *chain, *none[1];

	chain = link_fence(NULL, dma_fence_get(fence), 1);
	chain = link_fence(chain, empty_array(), 2);
	ASSERT_LEAVES(chain, fence);
	dma_fence_put(chain);
	chain = empty_array();
	ASSERT_INT(leaves(chain, none), ==, 0);
	dma_fence_put(chain);
	dma_fence_put(fence);
}

TEST(a_walk_that_is_left_early_holds_one_reference)
{
	struct test_chain chain = make_chain(3);
	struct dma_fence_unwrap cursor;
	struct dma_fence *leaf;

	dma_fence_unwrap_for_each(leaf, &cursor, chain_head(&chain)) {
		if (leaf == chain.fences[1])
			break;
	}
	ASSERT_PTR(cursor.chain, ==, chain.links[1]);
	dma_fence_put(cursor.chain);
	end_chain(&chain);
}

/*
 * One fence a context.
 */

TEST(dedup_keeps_the_latest_of_each_context_by_ascending_context)
{
	struct dma_fence *table[] = { point(9, 1), point(3, 2), point(9, 3),
				      point(5, 1), point(9, 2), point(3, 1) };
	struct dma_fence *kept[] = { table[1], table[3], table[2] };

	ASSERT_INT(dma_fence_dedup_array(table, 6), ==, 3);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_PTR(table[i], ==, kept[i]);
	put_all(table, 3);
}

TEST(dedup_of_the_same_fence_keeps_one_reference)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence *table[] = { fence, dma_fence_get(fence), dma_fence_get(fence) };

	ASSERT_INT(dma_fence_dedup_array(table, 3), ==, 1);
	ASSERT_PTR(table[0], ==, fence);
	ASSERT_INT(fence->refcount.count, ==, 1);
	dma_fence_put(fence);
}

TEST(dedup_knows_that_numbers_wrap)
{
	struct dma_fence *before = point(4, UINT32_MAX), *after = point(4, 2);
	struct dma_fence *table[] = { after, before };

	ASSERT_INT(dma_fence_dedup_array(table, 2), ==, 1);
	ASSERT_PTR(table[0], ==, after);
	dma_fence_put(after);
}

TEST(dedup_of_nothing_leaves_nothing)
{
	ASSERT_INT(dma_fence_dedup_array(NULL, 0), ==, 0);
	ASSERT_INT(dma_fence_dedup_array(NULL, -1), ==, 0);
}

/*
 * Merging.
 */

TEST(a_merge_has_all_leaves_by_ascending_context)
{
	struct dma_fence *f[4], *array, *chain, *merged;

	make_all(f, 4);
	array = array_of(2, get_all(f + 2, 2));
	chain = link_fence(NULL, dma_fence_get(f[1]), 1);
	merged = dma_fence_unwrap_merge(array, NULL, chain, f[0]);
	ASSERT_LEAVES(merged, f[0], f[1], f[2], f[3]);
	ASSERT_TRUE(dma_fence_is_array(merged));
	ASSERT_INT(merged->seqno, ==, 1);
	ASSERT_FALSE(to_dma_fence_array(merged)->signal_on_any);
	for (unsigned int i = 0; i < 4; i++) {
		ASSERT_FALSE(dma_fence_is_signaled(merged));
		dma_fence_signal(f[i]);
	}
	ASSERT_TRUE(dma_fence_is_signaled(merged));
	dma_fence_put(merged);
	dma_fence_put(array);
	dma_fence_put(chain);
	put_all(f, 4);
}

TEST(a_merge_keeps_the_latest_of_a_context_wherever_it_comes_from)
{
	struct dma_fence *old = point(77, 1), *new = point(77, 2), *other = point(78, 1);
	struct dma_fence *chain = link_fence(NULL, dma_fence_get(new), 1);
	struct dma_fence *table[] = { dma_fence_get(old), dma_fence_get(other) };
	struct dma_fence *array = array_of(2, table);
	struct dma_fence *merged = dma_fence_unwrap_merge(chain, array), *single;

	ASSERT_LEAVES(merged, new, other);
	single = dma_fence_unwrap_merge(old, new, old);
	ASSERT_PTR(single, ==, new);
	dma_fence_put(single);
	dma_fence_put(merged);
	dma_fence_put(chain);
	dma_fence_put(array);
	dma_fence_put(old);
	dma_fence_put(new);
	dma_fence_put(other);
}

TEST(a_merge_leaves_out_what_has_signalled_and_one_leaf_stands_for_itself)
{
	struct dma_fence *f[3], *array, *merged;

	make_all(f, 3);
	array = array_of(3, get_all(f, 3));
	dma_fence_signal(f[0]);
	merged = dma_fence_unwrap_merge(array);
	ASSERT_LEAVES(merged, f[1], f[2]);
	dma_fence_put(merged);
	dma_fence_signal(f[2]);
	merged = dma_fence_unwrap_merge(array, array);
	ASSERT_PTR(merged, ==, f[1]);
	dma_fence_put(merged);
	dma_fence_put(array);
	put_all(f, 3);
}

TEST(a_merge_of_what_is_done_says_when_the_last_was)
{
	struct dma_fence *f[3], *array, *merged;

	make_all(f, 3);
	array = array_of(2, get_all(f, 2));
	dma_fence_signal_timestamp(f[0], 30);
	dma_fence_signal_timestamp(f[1], 50);
	dma_fence_signal_timestamp(f[2], 40);
	merged = dma_fence_unwrap_merge(array, f[2]);
	ASSERT_TRUE(dma_fence_test_signaled_flag(merged));
	ASSERT_INT(dma_fence_timestamp(merged), ==, 50);
	ASSERT_FALSE(dma_fence_is_container(merged));
	dma_fence_put(merged);
	dma_fence_put(array);
	put_all(f, 3);
}

TEST(a_merge_of_nothing_is_done_at_time_zero)
{
	struct dma_fence *merged = dma_fence_unwrap_merge(NULL, NULL);

	ASSERT_TRUE(dma_fence_test_signaled_flag(merged));
	ASSERT_INT(dma_fence_timestamp(merged), ==, 0);
	dma_fence_put(merged);
}

TEST(a_merge_asks_lazy_fences)
{
	struct asked_fence *lazy = make_asked();
	struct dma_fence *fence = make_fence(), *merged;

	lazy->done = true;
	merged = dma_fence_unwrap_merge(&lazy->base, fence);
	ASSERT_PTR(merged, ==, fence);
	dma_fence_put(merged);
	dma_fence_put(fence);
	dma_fence_put(&lazy->base);
}

static struct dma_fence *late[3];

static void signal_late(const char *label)
{
	if (strcmp(label, "merge: before the second walk"))
		return;
	for (unsigned int i = 0; i < 3 && late[i]; i++)
		dma_fence_signal_timestamp(late[i], 60 + i);
}

/* Between the walk that counts and the one that takes, some signal, or all. */
TEST(a_merge_bears_fences_that_signal_meanwhile)
{
	for (unsigned int n = 1; n <= 3; n++) {
		struct dma_fence *f[3], *array, *merged;

		make_all(f, 3);
		array = array_of(3, get_all(f, 3));
		for (unsigned int i = 0; i < 3; i++)
			late[i] = i < n ? f[i] : NULL;
		os_race_hook(signal_late);
		merged = dma_fence_unwrap_merge(array);
		os_race_hook(NULL);
		if (n == 1)
			ASSERT_LEAVES(merged, f[1], f[2]);
		if (n == 2)
			ASSERT_PTR(merged, ==, f[2]);
		if (n == 3)
			ASSERT_INT(dma_fence_timestamp(merged), ==, 62);
		dma_fence_put(merged);
		dma_fence_put(array);
		put_all(f, 3);
	}
}

TEST(a_merge_without_memory_gives_null_and_keeps_no_reference)
{
	struct dma_fence *f[2], *done, *merged;

	make_all(f, 2);
	done = dma_fence_get_stub();
	for (unsigned int nth = 1;; nth++) {
		os_fault_arm(nth);
		merged = dma_fence_unwrap_merge(f[0], f[1]);
		if (!os_fault_disarm())
			break;
		ASSERT_PTR(merged, ==, NULL);
		ASSERT_INT(f[0]->refcount.count, ==, 1);
		ASSERT_INT(f[1]->refcount.count, ==, 1);
	}
	dma_fence_put(merged);
	os_fault_arm(1);
	ASSERT_PTR(dma_fence_unwrap_merge(done), ==, NULL);
	ASSERT_TRUE(os_fault_disarm());
	/* One leaf needs none. */
	os_fault_arm(1);
	merged = dma_fence_unwrap_merge(f[0], done);
	ASSERT_FALSE(os_fault_disarm());
	ASSERT_PTR(merged, ==, f[0]);
	dma_fence_put(merged);
	dma_fence_put(done);
	put_all(f, 2);
}

TEST(a_merge_of_merges_has_each_leaf_once)
{
	struct dma_fence *f[3], *a, *b, *c;

	make_all(f, 3);
	a = dma_fence_unwrap_merge(f[0], f[1]);
	b = dma_fence_unwrap_merge(f[1], f[2]);
	c = dma_fence_unwrap_merge(b, a, f[2]);
	ASSERT_LEAVES(c, f[0], f[1], f[2]);
	dma_fence_put(a);
	dma_fence_put(b);
	dma_fence_put(c);
	put_all(f, 3);
}
