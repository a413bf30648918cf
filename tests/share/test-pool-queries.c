/* SPDX-License-Identifier: MIT */
/*
 * Asking a shared reservation: whatever is asked sees what another process has added just before, and
 * iterators start over when one adds between two of their steps. What is added stays in its category.
 */
#include <dmabuf/dma-fence-unwrap.h>

#include "adding.h"

/*
 * How many fences there are, by each call that tells.
 */

static unsigned int count_in(struct dma_fence *fence)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *member;
	unsigned int n = 0;

	dma_fence_unwrap_for_each(member, &cursor, fence)
		n++;
	dma_fence_put(fence);
	return n;
}

static unsigned int by_get_fences(struct dma_resv *resv, enum dma_resv_usage usage)
{
	return (unsigned int)count_there(resv, usage);
}

static unsigned int by_get_singleton(struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_fence *fence;

	ASSERT_INT(dma_resv_get_singleton(resv, usage, &fence), ==, 0);
	return count_in(fence);
}

static unsigned int by_get_rcu(struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_fence *fence = dma_resv_fences_get_rcu(&resv->fences, usage);

	ASSERT_FALSE(dmabuf_is_err(fence));
	return count_in(fence);
}

static unsigned int by_iterator(struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int n = 0;

	dma_resv_iter_begin(&cursor, resv, usage);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		ASSERT_INT(dma_resv_iter_usage(&cursor), <=, usage);
		n++;
	}
	dma_resv_iter_end(&cursor);
	return n;
}

static unsigned int by_locked_iterator(struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	unsigned int n = 0;

	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	dma_resv_for_each_fence(&cursor, resv, usage, fence)
		n += !dma_fence_is_signaled(fence);
	dma_resv_unlock(resv);
	return n;
}

/* Of some there are, and not how many. */
static unsigned int by_test(struct dma_resv *resv, enum dma_resv_usage usage)
{
	return dma_resv_test_signaled(resv, usage) ? 0 : 1;
}

static unsigned int by_wait(struct dma_resv *resv, enum dma_resv_usage usage)
{
	return dma_resv_wait_timeout(resv, usage, false, 0) ? 0 : 1;
}

static const struct call {
	unsigned int (*count)(struct dma_resv *resv, enum dma_resv_usage usage);
	bool is_exact;
} call[] = {
	{ by_get_fences, true },     { by_get_singleton, true }, { by_get_rcu, true },
	{ count_in_snapshot, true }, { by_iterator, true },	 { by_locked_iterator, true },
	{ by_test, false },	     { by_wait, false },
};

enum { CALLS = sizeof(call) / sizeof(call[0]) };

static void check_count(struct dma_resv *resv, const struct call *how, enum dma_resv_usage usage,
			unsigned int expected)
{
	ASSERT_INT(how->count(resv, usage), ==, how->is_exact ? expected : !!expected);
}

TEST(whatever_is_asked_sees_what_another_process_has_just_added)
{
	struct world world;
	struct dma_resv *resv = begin(&world);

	for (unsigned int i = 0; i < CALLS; i++) {
		check_count(resv, &call[i], DMA_RESV_USAGE_BOOKKEEP, 0);
		for (unsigned int n = 1; n <= 3; n++) {
			let(&world, ADD, DMA_RESV_USAGE_READ);
			check_count(resv, &call[i], DMA_RESV_USAGE_READ, n);
		}
		let(&world, SIGNAL_ALL, 0);
		check_count(resv, &call[i], DMA_RESV_USAGE_BOOKKEEP, 0);
	}
	end(&world);
}

TEST(what_another_process_adds_stays_in_its_category)
{
	struct world world;
	struct dma_resv *resv = begin(&world);

	for (enum dma_resv_usage usage = 0; usage <= DMA_RESV_USAGE_BOOKKEEP; usage++) {
		let(&world, ADD, usage);
		for (enum dma_resv_usage asked = 0; asked <= DMA_RESV_USAGE_BOOKKEEP; asked++) {
			for (unsigned int i = 0; i < CALLS; i++)
				check_count(resv, &call[i], asked, asked >= usage);
		}
		let(&world, SIGNAL_ALL, 0);
	}
	end(&world);
}

TEST(a_category_is_all_that_is_as_strong_whoever_added_it)
{
	struct dma_fence *fence[2] = { make_fence(), make_fence() };
	struct world world;
	struct dma_resv *resv = begin(&world);

	add(resv, fence[0], DMA_RESV_USAGE_KERNEL);
	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	add(resv, fence[1], DMA_RESV_USAGE_BOOKKEEP);
	for (enum dma_resv_usage asked = 0; asked <= DMA_RESV_USAGE_BOOKKEEP; asked++) {
		for (unsigned int i = 0; i < CALLS; i++)
			check_count(resv, &call[i], asked, asked + 1);
		ASSERT_INT(let(&world, COUNT, asked), ==, asked + 1);
	}
	end(&world);
	signal_and_put_all(fence, 2);
}

/* Only a later fence of the same context takes the place of one. */
TEST(a_reader_takes_the_place_of_no_reader_of_another_process)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *fence[3];
	struct world world;
	struct dma_resv *resv = begin(&world);

	let(&world, ADD, DMA_RESV_USAGE_READ);
	for (unsigned int i = 0; i < 3; i++) {
		fence[i] = make_fence_with(&plain_ops, NULL, context, i + 1);
		add(resv, fence[i], DMA_RESV_USAGE_READ);
		ASSERT_INT(by_get_fences(resv, DMA_RESV_USAGE_READ), ==, 2);
		ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 2);
	}
	let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_INT(by_get_fences(resv, DMA_RESV_USAGE_READ), ==, 3);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 3);
	end(&world);
	signal_and_put_all(fence, 3);
}

/*
 * Iterators, step by step.
 */

TEST(an_iterator_starts_over_when_another_process_adds)
{
	struct dma_resv_iter cursor;
	struct dma_fence *first;
	struct world world;
	struct dma_resv *resv = begin(&world);

	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP);
	first = dma_resv_iter_first_unlocked(&cursor);
	ASSERT_TRUE(first);
	ASSERT_TRUE(dma_resv_iter_is_restarted(&cursor));
	let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_TRUE(dma_resv_iter_next_unlocked(&cursor));
	ASSERT_TRUE(dma_resv_iter_is_restarted(&cursor));
	ASSERT_INT(dma_resv_iter_usage(&cursor), ==, DMA_RESV_USAGE_READ);
	ASSERT_PTR(dma_resv_iter_next_unlocked(&cursor), ==, first);
	ASSERT_FALSE(dma_resv_iter_is_restarted(&cursor));
	ASSERT_INT(dma_resv_iter_usage(&cursor), ==, DMA_RESV_USAGE_WRITE);
	ASSERT_FALSE(dma_resv_iter_next_unlocked(&cursor));
	dma_resv_iter_end(&cursor);
	end(&world);
}

TEST(an_iterator_passes_what_another_process_has_signalled_meanwhile)
{
	struct dma_fence *fence = make_fence();
	struct dma_resv_iter cursor;
	struct world world;
	struct dma_resv *resv = begin(&world);

	let(&world, ADD, DMA_RESV_USAGE_READ);
	add(resv, fence, DMA_RESV_USAGE_READ);
	dma_resv_iter_begin(&cursor, resv, DMA_RESV_USAGE_BOOKKEEP);
	ASSERT_PTR(dma_resv_iter_first_unlocked(&cursor), ==, fence);
	let(&world, SIGNAL_ALL, 0);
	ASSERT_FALSE(dma_resv_iter_next_unlocked(&cursor));
	ASSERT_FALSE(dma_resv_iter_is_restarted(&cursor));
	dma_resv_iter_end(&cursor);
	signal_and_put(fence);
	end(&world);
}

TEST(a_snapshot_stays_as_it_is_when_another_process_adds)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct world world;
	struct dma_resv *resv = begin(&world);

	let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_TRUE(dma_resv_get_snapshot(resv, &set));
	let(&world, ADD, DMA_RESV_USAGE_READ);
	ASSERT_INT(by_get_fences(resv, DMA_RESV_USAGE_READ), ==, 2);
	ASSERT_TRUE(dma_resv_snapshot_first(&cursor, &set, DMA_RESV_USAGE_READ));
	ASSERT_FALSE(dma_resv_snapshot_next(&cursor));
	dma_resv_put_snapshot(&set);
	end(&world);
}

TEST(the_holder_sees_what_another_process_has_added_and_what_it_staged)
{
	struct dma_fence *fence = make_fence();
	struct world world;
	struct dma_resv *resv = begin(&world);

	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(by_get_singleton(resv, DMA_RESV_USAGE_READ), ==, 1);
	add_under_lock(resv, fence, DMA_RESV_USAGE_READ);
	ASSERT_INT(by_get_singleton(resv, DMA_RESV_USAGE_READ), ==, 2);
	ASSERT_INT(by_get_fences(resv, DMA_RESV_USAGE_READ), ==, 2);
	ASSERT_INT(count_in_snapshot(resv, DMA_RESV_USAGE_READ), ==, 2);
	ASSERT_INT(by_iterator(resv, DMA_RESV_USAGE_READ), ==, 2);
	ASSERT_INT(by_get_rcu(resv, DMA_RESV_USAGE_READ), ==, 1); /* to everybody what is committed */
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	dma_resv_unlock(resv);
	ASSERT_INT(by_get_rcu(resv, DMA_RESV_USAGE_READ), ==, 2);
	signal_and_put(fence);
	end(&world);
}

TEST(a_description_names_what_another_process_has_added)
{
	struct seq_file seq = { 0 };
	char text[1024] = "";
	struct world world;
	struct dma_resv *resv = begin(&world);

	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	seq.stream = fmemopen(text, sizeof(text), "w");
	ASSERT_TRUE(seq.stream);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	dma_resv_describe(resv, &seq);
	dma_resv_unlock(resv);
	fclose(seq.stream);
	ASSERT_TRUE(strstr(text, "write fence: "));
	ASSERT_TRUE(strstr(text, "read fence: "));
	end(&world);
}

/*
 * Deadlines: a hint, for who is in this process.
 */

struct urgent {
	struct dma_fence base;
	int64_t deadline;
};

static void note_deadline(struct dma_fence *fence, int64_t deadline)
{
	container_of(fence, struct urgent, base)->deadline = deadline;
}

static const struct dma_fence_ops urgent_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.set_deadline = note_deadline,
};

TEST(a_deadline_is_said_to_the_fences_of_this_process)
{
	struct urgent *urgent = calloc(1, sizeof(*urgent));
	struct world world;
	struct dma_resv *resv = begin(&world);

	ASSERT_TRUE(urgent);
	dma_fence_init(&urgent->base, &urgent_ops, NULL, dma_fence_context_alloc(1), 1);
	add(resv, &urgent->base, DMA_RESV_USAGE_WRITE);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	dma_resv_set_deadline(resv, DMA_RESV_USAGE_KERNEL, 7);
	ASSERT_INT(urgent->deadline, ==, 0);
	dma_resv_set_deadline(resv, DMA_RESV_USAGE_READ, 7);
	ASSERT_INT(urgent->deadline, ==, 7);
	signal_and_put(&urgent->base);
	end(&world);
}
