/* SPDX-License-Identifier: MIT */
/*
 * The reservation object: reserving, adding, replacing, copying, describing. Locks are in
 * test-resv-lock.c, queries in test-resv-query.c.
 */
#include "harness.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "view.h"

/*
 * Reserving and adding.
 */

TEST(reserve_for_no_fence_warns)
{
	struct dma_resv obj;
	int err = 0;

	dma_resv_init(&obj);
	lock(&obj);
	ASSERT_WARNS(err = dma_resv_reserve_fences(&obj, 0), "for no fence");
	ASSERT_INT(err, ==, -EINVAL);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

TEST(reserve_is_void_after_unlock_and_after_reset)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 2);
	dma_resv_add_fence(&obj, fence, READ);
	dma_resv_reset_max_fences(&obj);
	ASSERT_DEATH(dma_resv_add_fence(&obj, fence, READ), "without a reservation");
	reserve(&obj, 2);
	dma_resv_unlock(&obj);
	lock(&obj);
	ASSERT_DEATH(dma_resv_add_fence(&obj, fence, READ), "without a reservation");
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
	dma_fence_put(fence);
}

/* What was there, what was reserved, and what others see, is as it was. */
TEST(reserve_unwinds_from_every_failure)
{
	for (unsigned int n = 0; n < 20; n++) {
		struct dma_fence *fence = mock_lone();
		struct dma_resv obj;

		dma_resv_init(&obj);
		lock(&obj);
		for (unsigned int i = 0; i < n; i++) {
			struct dma_fence *other = mock_lone();

			add(&obj, other, READ);
			dma_fence_put(other);
		}
		reserve(&obj, 1);
		for (unsigned int nth = 1;; nth++) {
			const struct test_resources before = test_resources();
			int err;

			os_fault_arm(nth);
			err = dma_resv_reserve_fences(&obj, 500);
			if (!os_fault_disarm()) {
				ASSERT_INT(err, ==, 0);
				ASSERT_INT(nth, ==, 2);
				break;
			}
			ASSERT_INT(err, ==, -ENOMEM);
			ASSERT_RESOURCES(before);
			ASSERT_INT(count(&obj, BOOKKEEP), ==, n);
			ASSERT_INT(obj.fences.reserved, ==, 1);
		}
		dma_resv_add_fence(&obj, fence, READ);
		dma_resv_unlock(&obj);
		ASSERT_INT(count(&obj, BOOKKEEP), ==, n + 1);
		dma_resv_fini(&obj);
		dma_fence_put(fence);
	}
}

/* Memory that comes from the thread's cache can be made to fail like any. */
TEST(reserve_from_the_cache_can_fail)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	add_alone(&obj, fence, READ);
	for (unsigned int i = 0; i < 2; i++) {
		lock(&obj);
		os_fault_arm(1);
		ASSERT_INT(dma_resv_reserve_fences(&obj, 3), ==, -ENOMEM);
		ASSERT_TRUE(os_fault_disarm());
		reserve(&obj, 3); /* and goes to the cache */
		dma_resv_unlock(&obj);
	}
	dma_resv_fini(&obj);
	dma_fence_put(fence);
}

TEST(add_of_a_container_warns)
{
	struct dma_fence **table = calloc(1, sizeof(*table));
	struct dma_fence_array *array;
	struct dma_resv obj;

	table[0] = mock_lone();
	array = dma_fence_array_create(1, table, dma_fence_context_alloc(1), 1, false);
	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 1);
	ASSERT_WARNS(dma_resv_add_fence(&obj, &array->base, READ), "give its members");
	ASSERT_FALSE(dma_resv_test_signaled(&obj, READ));
	dma_resv_unlock(&obj);
	dma_fence_signal(array->fences[0]);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, READ));
	dma_resv_fini(&obj);
	dma_fence_put(&array->base);
}

TEST(add_of_a_link_warns)
{
	struct dma_fence_chain *chain = dma_fence_chain_alloc();
	struct dma_fence *fence = mock_lone();
	struct dma_resv obj;

	ASSERT_PTR(chain, !=, NULL);
	dma_fence_chain_init(chain, NULL, dma_fence_get(fence), 1);
	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 1);
	ASSERT_WARNS(dma_resv_add_fence(&obj, &chain->base, READ), "give its members");
	dma_resv_unlock(&obj);
	signal_and_put(fence);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, READ));
	dma_resv_fini(&obj);
	dma_fence_put(&chain->base);
}

/* Copied, compacted, and as part of a singleton: nobody takes it apart, one member is enough. */
TEST(an_array_that_signals_on_any_is_never_flattened)
{
	struct dma_fence *other = mock_lone(), *all;
	struct dma_fence_array *any = dma_fence_array_alloc(2);
	struct dma_resv src, dst;

	for (unsigned int i = 0; i < 2; i++)
		any->fences[i] = mock_lone();
	dma_fence_array_init(any, 2, any->fences, dma_fence_context_alloc(1), 1, true);
	dma_resv_init(&src);
	dma_resv_init(&dst);
	lock(&src);
	reserve(&src, 3);
	ASSERT_WARNS(dma_resv_add_fence(&src, &any->base, READ), "give its members");
	dma_resv_add_fence(&src, other, WRITE);
	dma_resv_unlock(&src);
	lock(&dst);
	ASSERT_INT(dma_resv_copy_fences(&dst, &src), ==, 0);
	dma_resv_prune_fences(&dst);
	dma_resv_unlock(&dst);
	ASSERT_WARNS(ASSERT_INT(dma_resv_get_singleton(&dst, READ, &all), ==, 0), "inside");
	dma_fence_signal(other);
	ASSERT_FALSE(dma_fence_is_signaled(all));
	dma_fence_signal(any->fences[1]);
	ASSERT_TRUE(dma_fence_is_signaled(all));
	ASSERT_TRUE(dma_resv_test_signaled(&dst, READ));
	dma_fence_put(all);
	dma_resv_fini(&src);
	dma_resv_fini(&dst);
	dma_fence_put(&any->base);
	dma_fence_put(other);
}

/* A slot whose fence has signalled is as good as none, whatever its category and context. */
TEST(add_after_signalled_fences_leaves_only_the_new_one)
{
	for (unsigned int n = 1; n < 5; n++) {
		struct dma_fence *fences[5], *new = mock_lone();
		struct dma_resv obj;

		dma_resv_init(&obj);
		for (unsigned int i = 0; i < n; i++) {
			fences[i] = mock_lone();
			add_alone(&obj, fences[i], (enum dma_resv_usage)(i % 4));
		}
		for (unsigned int i = 0; i < n; i++)
			signal_and_put(fences[i]);
		add_alone(&obj, new, BOOKKEEP);
		ASSERT_INT(count(&obj, BOOKKEEP), ==, 1);
		ASSERT_INT(count(&obj, READ), ==, 0);
		dma_resv_fini(&obj);
		dma_fence_put(new);
	}
}

TEST(fini_without_anything_is_fine)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	dma_resv_fini(&obj);
	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 20);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

/*
 * Replacing.
 */

TEST(replace_puts_one_fence_in_the_place_of_a_context)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *old[3], *other = mock_lone(), *new = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < 3; i++) {
		old[i] = mock_fence(context, 3 - i); /* none supersedes another */
		add(&obj, old[i], BOOKKEEP);
	}
	add(&obj, other, WRITE);
	dma_resv_commit(&obj);
	ASSERT_INT(count(&obj, BOOKKEEP), ==, 4);

	/* A context that is not there: nothing. */
	ASSERT_INT(dma_resv_replace_fences(&obj, context + 1000, new, READ), ==, 0);
	ASSERT_INT(references(new), ==, 1);
	ASSERT_INT(dma_resv_replace_fences(&obj, context, new, READ), ==, 0);
	ASSERT_INT(count(&obj, BOOKKEEP), ==, 2);
	ASSERT_INT(count(&obj, READ), ==, 2);
	ASSERT_INT(count(&obj, WRITE), ==, 1);
	ASSERT_INT(times(&obj, new), ==, 1);
	ASSERT_INT(others_count(&obj, BOOKKEEP), ==, 4);
	dma_resv_unlock(&obj);
	ASSERT_INT(others_count(&obj, BOOKKEEP), ==, 2);
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_INT(references(old[i]), ==, 1);
		dma_fence_put(old[i]);
	}
	dma_resv_fini(&obj);
	dma_fence_put(other);
	dma_fence_put(new);
}

/* As a driver does that takes its fence away. */
TEST(replace_by_a_signalled_fence_removes)
{
	for (unsigned int others = 0; others < 3; others++) {
		struct dma_fence *stub = dma_fence_get_stub(), *fence = mock_lone();
		struct dma_resv obj;

		dma_resv_init(&obj);
		lock(&obj);
		for (unsigned int i = 0; i < others; i++) {
			struct dma_fence *other = mock_lone();

			add(&obj, other, READ);
			dma_fence_put(other);
		}
		add(&obj, fence, BOOKKEEP);
		ASSERT_INT(dma_resv_replace_fences(&obj, fence->context, stub, BOOKKEEP), ==, 0);
		ASSERT_INT(count(&obj, BOOKKEEP), ==, others);
		dma_resv_unlock(&obj);
		ASSERT_INT(references(fence), ==, 1);
		dma_resv_fini(&obj);
		dma_fence_put(fence);
		dma_fence_put(stub);
	}
}

/*
 * Copying.
 */

TEST(copy_unwinds_from_every_failure)
{
	for (unsigned int n = 0; n < 20; n++) {
		struct dma_fence *fence = mock_lone();
		struct dma_resv src, dst;

		dma_resv_init(&src);
		dma_resv_init(&dst);
		lock(&src);
		for (unsigned int i = 0; i < n; i++) {
			struct dma_fence *other = mock_lone();

			add(&src, other, (enum dma_resv_usage)(i % 4));
			dma_fence_put(other);
		}
		dma_resv_unlock(&src);
		lock(&dst);
		add(&dst, fence, READ);
		for (unsigned int nth = 1;; nth++) {
			const struct test_resources before = test_resources();
			int err;

			os_fault_arm(nth);
			err = dma_resv_copy_fences(&dst, &src);
			if (!os_fault_disarm()) {
				ASSERT_INT(err, ==, 0);
				ASSERT_INT(nth, ==, n > 1 ? 2 : 1);
				break;
			}
			ASSERT_INT(err, ==, -ENOMEM);
			ASSERT_RESOURCES(before);
			ASSERT_INT(times(&dst, fence), ==, 1);
		}
		ASSERT_INT(times(&dst, fence), ==, 0);
		ASSERT_INT(count(&dst, BOOKKEEP), ==, n);
		for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
			ASSERT_INT(count(&dst, (enum dma_resv_usage)usage), ==,
				   count(&src, (enum dma_resv_usage)usage));
		}
		dma_resv_unlock(&dst);
		dma_resv_fini(&src);
		dma_resv_fini(&dst);
		dma_fence_put(fence);
	}
}

TEST(copy_of_itself_is_the_same)
{
	struct dma_fence *fences[3] = { mock_lone(), mock_lone(), mock_lone() };
	struct dma_resv obj;

	dma_resv_init(&obj);
	for (unsigned int n = 0; n < 3; n++) {
		lock(&obj);
		add(&obj, fences[n], READ);
		ASSERT_INT(dma_resv_copy_fences(&obj, &obj), ==, 0);
		ASSERT_INT(count(&obj, BOOKKEEP), ==, n + 1);
		dma_resv_unlock(&obj);
		ASSERT_INT(count(&obj, BOOKKEEP), ==, n + 1);
	}
	dma_resv_fini(&obj);
	for (unsigned int n = 0; n < 3; n++) {
		ASSERT_INT(references(fences[n]), ==, 1);
		dma_fence_put(fences[n]);
	}
}

/*
 * Describing.
 */

TEST(describe_names_categories_and_leaves_bookkeeping_out)
{
	static const char *const names[] = { "kernel fence: ", "write fence: ", "read fence: " };
	struct dma_resv obj;
	char text[1024] = "", *line = text;
	struct seq_file seq;
	unsigned int lines;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < 4; i++) {
		struct dma_fence *fence = mock_lone();

		add(&obj, fence, (enum dma_resv_usage)i);
		if (i == 1)
			dma_fence_signal(fence);
		dma_fence_put(fence);
	}
	seq.stream = fmemopen(text, sizeof(text), "w");
	dma_resv_describe(&obj, &seq);
	fclose(seq.stream);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_TRUE(strstr(text, names[i]));
	ASSERT_FALSE(strstr(text, "bookkeep"));
	/* A line each. */
	for (lines = 0; (line = strchr(line, '\n')); lines++)
		line++;
	ASSERT_INT(lines, ==, 3);
	ASSERT_INT(text[strlen(text) - 1], ==, '\n');
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}
