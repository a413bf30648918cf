/* SPDX-License-Identifier: MIT */
/* Chains: init, walks, collection, points, signalling, deadlines, release. */
#include "fence/fence.h"
#include "chains.h"

#include <dmabuf/dma-fence-array.h>

/*
 * Init.
 */

TEST(a_link_is_a_fence_of_64_bits_that_knows_what_it_joins)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence *link = link_fence(NULL, dma_fence_get(fence), UINT64_C(1) << 40);
	struct dma_fence_chain *chain = to_dma_fence_chain(link);

	ASSERT_TRUE(dma_fence_is_chain(link));
	ASSERT_TRUE(dma_fence_is_container(link));
	ASSERT_FALSE(dma_fence_is_array(link));
	ASSERT_PTR(link->ops, ==, &dma_fence_chain_ops);
	ASSERT_FALSE(dma_fence_is_chain(fence));
	ASSERT_FALSE(dma_fence_is_container(fence));
	ASSERT_PTR(&chain->base, ==, link);
	ASSERT_PTR(to_dma_fence_chain(NULL), ==, NULL);
	ASSERT_PTR(to_dma_fence_chain(fence), ==, NULL);
	ASSERT_PTR(dma_fence_chain_contained(link), ==, fence);
	ASSERT_PTR(dma_fence_chain_contained(fence), ==, fence);
	ASSERT_INT(link->seqno, ==, INT64_C(1) << 40);
	ASSERT_INT(chain->prev_seqno, ==, 0);
	ASSERT_TRUE(link->flags & SEQNO64);
	ASSERT_STR(link->ops->get_driver_name(link), "dma_fence_chain");
	ASSERT_STR(link->ops->get_timeline_name(link), "unbound");
	dma_fence_put(link);
	dma_fence_put(fence);
}

TEST(a_later_link_is_on_the_timeline_of_the_one_before)
{
	struct test_chain chain = make_chain(2);

	ASSERT_INT(chain.links[1]->context, ==, chain.links[0]->context);
	ASSERT_INT(to_dma_fence_chain(chain.links[1])->prev_seqno, ==, 1);
	end_chain(&chain);
}

TEST(a_link_that_is_not_later_begins_a_timeline_with_the_greater_number)
{
	static const uint64_t not_later[] = { 1, 5, 7 };

	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence *first = link_fence(NULL, make_fence(), 7);
		struct dma_fence *second = link_fence(first, make_fence(), not_later[i]);

		ASSERT_INT(second->context, !=, first->context);
		ASSERT_INT(second->seqno, ==, 7);
		ASSERT_INT(to_dma_fence_chain(second)->prev_seqno, ==, 0);
		dma_fence_put(second);
	}
}

TEST(a_chain_may_end_in_a_fence_that_is_no_link)
{
	struct dma_fence *end = make_fence(), *fence = make_fence();
	struct dma_fence *link = link_fence(dma_fence_get(end), dma_fence_get(fence), 3);
	struct dma_fence *prev;

	end->seqno = 9;
	ASSERT_INT(link->seqno, ==, 3);
	ASSERT_INT(to_dma_fence_chain(link)->prev_seqno, ==, 0);
	prev = dma_fence_chain_walk(dma_fence_get(link));
	ASSERT_PTR(prev, ==, end);
	ASSERT_PTR(dma_fence_chain_walk(prev), ==, NULL);

	dma_fence_signal(fence);
	ASSERT_FALSE(dma_fence_is_signaled(link));
	dma_fence_signal(end);
	ASSERT_PTR(dma_fence_chain_walk(dma_fence_get(link)), ==, NULL);
	ASSERT_TRUE(dma_fence_is_signaled(link));
	dma_fence_put(link);
	dma_fence_put(end);
	dma_fence_put(fence);
}

TEST(a_link_in_a_link_warns)
{
	struct dma_fence *inner = link_fence(NULL, dma_fence_get_stub(), 1), *outer = NULL;

	ASSERT_WARNS(outer = link_fence(NULL, inner, 1), "link its fences instead");
	dma_fence_put(outer);
}

TEST(a_link_without_a_fence_aborts)
{
	ASSERT_DEATH(link_fence(NULL, NULL, 1), "give the stub for nothing");
}

TEST(alloc_tells_of_no_memory_and_free_takes_what_never_was_a_fence)
{
	os_fault_arm(1);
	ASSERT_PTR(dma_fence_chain_alloc(), ==, NULL);
	ASSERT_TRUE(os_fault_disarm());
	dma_fence_chain_free(dma_fence_chain_alloc());
	dma_fence_chain_free(NULL);
}

/*
 * Walking.
 */

static unsigned int count_links(struct dma_fence *head)
{
	struct dma_fence *fence;
	unsigned int count = 0;

	dma_fence_chain_for_each(fence, head)
		count++;
	return count;
}

TEST(a_walk_visits_the_links_from_the_newest_on)
{
	struct test_chain chain = make_chain(4);
	struct dma_fence *fence;
	unsigned int i = 4;

	dma_fence_chain_for_each(fence, chain_head(&chain))
		ASSERT_PTR(fence, ==, chain.links[--i]);
	ASSERT_INT(i, ==, 0);
	ASSERT_INT(count_links(NULL), ==, 0);
	ASSERT_INT(count_links(chain.fences[0]), ==, 1);
	ASSERT_PTR(dma_fence_chain_walk(NULL), ==, NULL);
	end_chain(&chain);
}

/* Every subset of signalled fences: the walk leaves the others, and their links are freed. */
TEST(a_walk_takes_out_what_has_signalled_and_nothing_else)
{
	enum { N = 5 };

	for (unsigned int set = 0; set < 1U << N; set++) {
		struct test_chain chain = make_chain(N);
		struct dma_fence *fence;
		unsigned int i = N;

		for (unsigned int k = 0; k < N; k++) {
			if (set & 1U << k)
				dma_fence_signal(chain.fences[k]);
		}
		dma_fence_chain_for_each(fence, chain_head(&chain)) {
			while (--i < N - 1 && set & 1U << i)
				;
			ASSERT_PTR(fence, ==, chain.links[i]);
		}
		/* What is left below has signalled, or there is nothing. */
		while (i-- > 0)
			ASSERT_TRUE(set & 1U << i);
		end_chain(&chain);
	}
}

TEST(links_that_were_taken_out_are_freed)
{
	struct dma_fence *tail_fence = make_fence(), *middle_fence = make_fence();
	struct dma_fence *tail = link_fence(NULL, dma_fence_get(tail_fence), 1);
	struct dma_fence *middle = link_fence(tail, dma_fence_get(middle_fence), 2);
	struct dma_fence *head = link_fence(dma_fence_get(middle), make_fence(), 3);
	struct dma_fence *prev;

	dma_fence_signal(middle_fence);
	ASSERT_INT(middle->refcount.count, ==, 2);
	prev = dma_fence_chain_walk(dma_fence_get(head));
	ASSERT_PTR(prev, ==, tail);
	/* The head let go of the middle, which is only the test's now; both hold the tail. */
	ASSERT_INT(middle->refcount.count, ==, 1);
	ASSERT_INT(tail->refcount.count, ==, 3);
	dma_fence_put(prev);
	dma_fence_put(middle);
	ASSERT_INT(tail->refcount.count, ==, 1);
	dma_fence_put(head);
	dma_fence_put(tail_fence);
	dma_fence_put(middle_fence);
}

TEST(the_head_is_visited_even_if_it_has_signalled)
{
	struct test_chain chain = make_chain(1);

	dma_fence_signal(chain.fences[0]);
	ASSERT_INT(count_links(chain.links[0]), ==, 1);
	end_chain(&chain);
}

/*
 * Points.
 */

/* The link found for @seqno, borrowed from the chain; NULL. */
static struct dma_fence *find(const struct test_chain *chain, uint64_t seqno)
{
	struct dma_fence *fence = dma_fence_get(chain_head(chain));

	ASSERT_INT(dma_fence_chain_find_seqno(&fence, seqno), ==, 0);
	dma_fence_put(fence);
	return fence;
}

TEST(find_gives_the_link_of_each_point)
{
	struct test_chain chain = make_chain(6);

	for (unsigned int i = 0; i < 6; i++)
		ASSERT_PTR(find(&chain, i + 1), ==, chain.links[i]);
	end_chain(&chain);
}

TEST(find_gives_the_next_link_for_a_point_between)
{
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	struct dma_fence *first = link_fence(NULL, dma_fence_get(fences[0]), 10);
	struct dma_fence *second = link_fence(dma_fence_get(first), dma_fence_get(fences[1]), 20);

	for (uint64_t seqno = 1; seqno <= 20; seqno++) {
		struct dma_fence *found = dma_fence_get(second);

		ASSERT_INT(dma_fence_chain_find_seqno(&found, seqno), ==, 0);
		ASSERT_PTR(found, ==, seqno <= 10 ? first : second);
		dma_fence_put(found);
	}
	dma_fence_put(first);
	dma_fence_put(second);
	dma_fence_put(fences[0]);
	dma_fence_put(fences[1]);
}

TEST(find_of_zero_changes_nothing)
{
	struct test_chain chain = make_chain(2);
	struct dma_fence *fence = chain_head(&chain), *plain = chain.fences[0], *none = NULL;

	ASSERT_INT(dma_fence_chain_find_seqno(&fence, 0), ==, 0);
	ASSERT_PTR(fence, ==, chain_head(&chain));
	ASSERT_INT(fence->refcount.count, ==, 1);
	ASSERT_INT(dma_fence_chain_find_seqno(&plain, 0), ==, 0);
	ASSERT_INT(dma_fence_chain_find_seqno(&none, 0), ==, 0);
	end_chain(&chain);
}

TEST(find_of_what_is_no_chain_or_not_yet_there_is_refused_and_changes_nothing)
{
	struct test_chain chain = make_chain(2);
	struct dma_fence *head = chain_head(&chain), *fence = head;

	ASSERT_INT(dma_fence_chain_find_seqno(&fence, 3), ==, -EINVAL);
	ASSERT_PTR(fence, ==, head);
	ASSERT_INT(head->refcount.count, ==, 1);
	fence = chain.fences[1];
	ASSERT_INT(dma_fence_chain_find_seqno(&fence, 1), ==, -EINVAL);
	ASSERT_PTR(fence, ==, chain.fences[1]);
	fence = NULL;
	ASSERT_INT(dma_fence_chain_find_seqno(&fence, 1), ==, -EINVAL);
	end_chain(&chain);
}

TEST(find_of_a_point_that_was_passed_gives_what_is_left_before_it)
{
	struct test_chain chain = make_chain(3);

	dma_fence_signal(chain.fences[1]);
	ASSERT_PTR(find(&chain, 2), ==, chain.links[0]);
	dma_fence_signal(chain.fences[0]);
	ASSERT_PTR(find(&chain, 2), ==, NULL);
	ASSERT_PTR(find(&chain, 1), ==, NULL);
	ASSERT_PTR(find(&chain, 3), ==, chain.links[2]);
	end_chain(&chain);
}

/* Whoever made the end counts contexts himself, instead of asking for them. */
TEST(find_does_not_take_the_end_for_a_link_whatever_its_context)
{
	struct dma_fence *end = make_fence(), *fence = make_fence();
	struct dma_fence *first, *head, *found;

	first = link_fence(dma_fence_get(end), dma_fence_get(fence), 4);
	head = link_fence(first, make_fence(), 9);
	end->context = head->context;
	dma_fence_signal(fence);
	found = dma_fence_get(head);
	ASSERT_INT(dma_fence_chain_find_seqno(&found, 2), ==, 0);
	ASSERT_PTR(found, ==, end);
	dma_fence_put(found);
	dma_fence_put(head);
	dma_fence_put(fence);
	dma_fence_put(end);
}

TEST(find_stops_where_another_timeline_ends_the_chain)
{
	struct dma_fence *old_fence = make_fence(), *new_fence = make_fence();
	struct dma_fence *old = link_fence(NULL, dma_fence_get(old_fence), 8);
	struct dma_fence *new = link_fence(dma_fence_get(old), dma_fence_get(new_fence), 4);
	struct dma_fence *head = link_fence(dma_fence_get(new), make_fence(), 9);
	struct dma_fence *fence = dma_fence_get(head);

	/* Point 8 is the newer timeline's; it implies the older one. */
	ASSERT_INT(dma_fence_chain_find_seqno(&fence, 8), ==, 0);
	ASSERT_PTR(fence, ==, new);
	dma_fence_put(fence);
	/* Once that has signalled, what is left is the older one. */
	dma_fence_signal(new_fence);
	fence = dma_fence_get(head);
	ASSERT_INT(dma_fence_chain_find_seqno(&fence, 8), ==, 0);
	ASSERT_PTR(fence, ==, old);
	dma_fence_put(fence);
	dma_fence_put(head);
	dma_fence_put(new);
	dma_fence_put(old);
	dma_fence_put(old_fence);
	dma_fence_put(new_fence);
}

TEST(find_goes_no_further_than_the_end_of_another_timeline)
{
	struct dma_fence *oldest = link_fence(NULL, make_fence(), 5);
	struct dma_fence *old = link_fence(oldest, make_fence(), 8);
	struct dma_fence *new = link_fence(dma_fence_get(old), dma_fence_get_stub(), 4);
	struct dma_fence *head = link_fence(new, make_fence(), 9);
	struct dma_fence *fence = dma_fence_get(head);

	/* Its point 3 is not this timeline's point 3. */
	ASSERT_INT(dma_fence_chain_find_seqno(&fence, 3), ==, 0);
	ASSERT_PTR(fence, ==, old);
	dma_fence_put(fence);
	dma_fence_put(head);
	dma_fence_put(old);
}

/*
 * Signalling.
 */

static void each_order(unsigned int n, void (*check)(const unsigned int *order, unsigned int n))
{
	unsigned int order[4], count = 1;

	for (unsigned int i = 2; i <= n; i++)
		count *= i;
	for (unsigned int k = 0; k < count; k++) {
		unsigned int left = k;

		for (unsigned int i = 0; i < n; i++) {
			const unsigned int to = left % (i + 1);

			left /= i + 1;
			for (unsigned int j = i; j > to; j--)
				order[j] = order[j - 1];
			order[to] = i;
		}
		check(order, n);
	}
}

static void check_each_link(const unsigned int *order, unsigned int n)
{
	for (unsigned int enabled = 0; enabled < 2; enabled++) {
		struct test_chain chain = make_chain(n);
		struct counting_cb cbs[4] = { 0 };
		bool done[4] = { false };

		for (unsigned int i = 0; enabled && i < n; i++)
			ASSERT_INT(dma_fence_add_callback(chain.links[i], &cbs[i].cb, count_call),
				   ==, 0);
		for (unsigned int k = 0; k < n; k++) {
			bool all = true;

			dma_fence_signal(chain.fences[order[k]]);
			done[order[k]] = true;
			for (unsigned int i = 0; i < n; i++) {
				all = all && done[i];
				if (enabled)
					ASSERT_INT(cbs[i].calls, ==, all);
				if (enabled)
					ASSERT_INT(dma_fence_test_signaled_flag(chain.links[i]), ==,
						   all);
				ASSERT_INT(dma_fence_is_signaled(chain.links[i]), ==, all);
			}
		}
		end_chain(&chain);
	}
}

TEST(a_link_signals_when_all_before_it_have_in_any_order)
{
	each_order(4, check_each_link);
}

TEST(one_callback_is_registered_at_a_time)
{
	struct test_chain chain = make_chain(3);

	dma_fence_enable_sw_signaling(chain_head(&chain));
	ASSERT_FALSE(chain.fences[0]->flags & HAS_CALLBACKS);
	ASSERT_FALSE(chain.fences[1]->flags & HAS_CALLBACKS);
	ASSERT_TRUE(chain.fences[2]->flags & HAS_CALLBACKS);
	dma_fence_signal(chain.fences[2]);
	ASSERT_TRUE(chain.fences[1]->flags & HAS_CALLBACKS);
	ASSERT_FALSE(chain.fences[0]->flags & HAS_CALLBACKS);
	end_chain(&chain);
}

static struct dma_fence *inner;
static bool inner_was_locked;

static void look_at_the_lock(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	inner_was_locked = dmabuf_spin_is_locked(dma_fence_spinlock(inner));
}

/* Two chains over the same fences in another order would meet otherwise. */
TEST(a_chain_signals_after_its_fence_has_dropped_its_lock)
{
	struct test_chain chain = make_chain(1);
	struct dma_fence_cb cb;

	inner = chain.fences[0];
	inner_was_locked = true;
	ASSERT_INT(dma_fence_add_callback(chain.links[0], &cb, look_at_the_lock), ==, 0);
	dma_fence_signal(inner);
	ASSERT_FALSE(inner_was_locked);
	end_chain(&chain);
}

/* Its next look at its fences waits for the last short lock, and somebody ends it before. */
TEST(a_chain_that_was_ended_otherwise_awaits_nothing_more)
{
	struct dmabuf_spinlock busy = DMABUF_SPINLOCK_INIT;
	struct test_chain chain = make_chain(2);
	struct dma_fence *head = chain_head(&chain);
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(head, &counter.cb, count_call), ==, 0);
	dmabuf_spin_lock(&busy);
	dma_fence_signal(chain.fences[1]);
	ASSERT_INT(dma_fence_signal(head), ==, 0);
	ASSERT_INT(counter.calls, ==, 1);
	ASSERT_INT(head->refcount.count, ==, 2);
	dmabuf_spin_unlock(&busy);
	ASSERT_INT(counter.calls, ==, 1);
	ASSERT_INT(head->refcount.count, ==, 1);
	ASSERT_FALSE(chain.fences[0]->flags & HAS_CALLBACKS);
	end_chain(&chain);
}

TEST(a_chain_that_nobody_holds_lives_until_it_signals)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence *link = link_fence(NULL, dma_fence_get(fence), 1);

	dma_fence_enable_sw_signaling(link);
	dma_fence_put(link);
	ASSERT_INT(link->refcount.count, ==, 1);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

TEST(a_chain_of_lazy_fences_is_polled_and_enabled)
{
	struct asked_fence *lazy = make_asked();
	struct dma_fence *link = link_fence(NULL, dma_fence_get(&lazy->base), 1);

	ASSERT_FALSE(dma_fence_is_signaled(link));
	ASSERT_INT(lazy->enables, ==, 0);
	dma_fence_enable_sw_signaling(link);
	ASSERT_INT(lazy->enables, ==, 1);
	lazy->done = true;
	ASSERT_TRUE(dma_fence_is_signaled(link));
	dma_fence_put(link);
	dma_fence_put(&lazy->base);
}

TEST(a_link_may_join_an_array)
{
	struct dma_fence *members[2] = { make_fence(), make_fence() };
	struct dma_fence **table = calloc(2, sizeof(*table));
	struct dma_fence_array *array;
	struct dma_fence *link;

	for (unsigned int i = 0; i < 2; i++)
		table[i] = dma_fence_get(members[i]);
	array = dma_fence_array_create(2, table, dma_fence_context_alloc(1), 1, false);
	link = link_fence(NULL, &array->base, 1);
	dma_fence_enable_sw_signaling(link);
	dma_fence_signal(members[1]);
	ASSERT_FALSE(dma_fence_test_signaled_flag(link));
	dma_fence_signal(members[0]);
	ASSERT_TRUE(dma_fence_test_signaled_flag(link));
	dma_fence_put(link);
	dma_fence_put(members[0]);
	dma_fence_put(members[1]);
}

TEST(a_chain_is_told_of_no_error)
{
	struct test_chain chain = make_chain(2);

	dma_fence_set_error(chain.fences[0], -EIO);
	dma_fence_signal(chain.fences[0]);
	dma_fence_signal(chain.fences[1]);
	ASSERT_INT(dma_fence_get_status(chain_head(&chain)), ==, 1);
	end_chain(&chain);
}

/*
 * Length.
 */

/* A tenth of it where it takes long, and the stack is used up sooner. */
#define MILLION (TEST_SANITIZED ? 100000 : 1000000)

static struct dma_fence *long_chain(struct dma_fence *fence)
{
	struct dma_fence *head = NULL;

	for (unsigned int i = 0; i < MILLION; i++)
		head = link_fence(head, dma_fence_get(fence), i + 1);
	return head;
}

TEST(a_million_links_are_released_without_recursion)
{
	struct dma_fence *fence = make_fence();

	dma_fence_put(long_chain(fence));
	ASSERT_INT(fence->refcount.count, ==, 1);
	dma_fence_put(fence);
}

static struct dma_fence *hooked_chain;

static void put_in_callback(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	dma_fence_put(hooked_chain);
}

TEST(a_million_links_are_released_in_a_callback)
{
	struct dma_fence *fence = make_fence(), *other = make_fence();
	struct dma_fence_cb cb;

	hooked_chain = long_chain(fence);
	ASSERT_INT(dma_fence_add_callback(other, &cb, put_in_callback), ==, 0);
	dma_fence_signal(other);
	ASSERT_INT(fence->refcount.count, ==, 1);
	dma_fence_put(fence);
	dma_fence_put(other);
}

TEST(a_million_links_signal_and_are_collected)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence *head = long_chain(fence);

	dma_fence_enable_sw_signaling(head);
	dma_fence_signal(fence);
	ASSERT_TRUE(dma_fence_test_signaled_flag(head));
	ASSERT_INT(count_links(head), ==, 1);
	ASSERT_INT(fence->refcount.count, ==, 2);
	dma_fence_put(head);
	dma_fence_put(fence);
}
