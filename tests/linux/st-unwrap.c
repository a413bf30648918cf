/* SPDX-License-Identifier: MIT */
/* Unwrapping and merging containers, as kernel code does it. */
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-fence.h>
#include <linux/slab.h>

#include "mock-fence.h"
#include "subtests.h"

/* Both consume the references that they are given. */
static struct dma_fence *array_of(unsigned int count, ...)
{
	struct dma_fence **fences = kcalloc(count, sizeof(*fences), GFP_KERNEL);
	struct dma_fence_array *array;
	va_list list;
	unsigned int i;

	if (!fences)
		return NULL;
	va_start(list, count);
	for (i = 0; i < count; i++)
		fences[i] = va_arg(list, struct dma_fence *);
	va_end(list);
	array = dma_fence_array_create(count, fences, dma_fence_context_alloc(1), 1, false);
	return array ? &array->base : NULL;
}

static struct dma_fence *chain_of(struct dma_fence *prev, struct dma_fence *fence)
{
	struct dma_fence_chain *link = dma_fence_chain_alloc();

	if (!link)
		return NULL;
	dma_fence_chain_init(link, prev, fence, 1);
	return &link->base;
}

static int visits_the_leaves_of_an_array(void)
{
	struct dma_fence *a = mock_fence(), *b = mock_fence(), *fence, *array;
	struct dma_fence_unwrap iter;
	unsigned int seen = 0;

	EXPECT(a && b);
	array = array_of(2, dma_fence_get(a), dma_fence_get(b));
	EXPECT(array);
	dma_fence_signal(a);
	dma_fence_unwrap_for_each(fence, &iter, array)
		seen += fence == a ? 1 : fence == b ? 16 : 256;
	EXPECT(seen == 17);
	dma_fence_put(array);
	dma_fence_put(b);
	dma_fence_put(a);
	return 0;
}

static int visits_the_leaves_of_a_chain_of_arrays(void)
{
	struct dma_fence *leaves[4], *fence, *chain;
	struct dma_fence_unwrap iter;
	unsigned int i, n = 0;

	for (i = 0; i < 4; i++) {
		leaves[i] = mock_fence();
		EXPECT(leaves[i]);
	}
	chain = chain_of(NULL, array_of(2, dma_fence_get(leaves[0]), dma_fence_get(leaves[1])));
	chain = chain_of(chain, array_of(2, dma_fence_get(leaves[2]), dma_fence_get(leaves[3])));
	EXPECT(chain);
	dma_fence_unwrap_for_each(fence, &iter, chain) {
		for (i = 0; i < 4 && leaves[i] != fence; i++)
			;
		EXPECT(i < 4);
		n |= 1 << i;
	}
	EXPECT(n == 15);
	dma_fence_put(chain);
	for (i = 0; i < 4; i++)
		dma_fence_put(leaves[i]);
	return 0;
}

static int merges_the_same_once(void)
{
	struct dma_fence *a = mock_fence(), *merged;

	EXPECT(a);
	merged = dma_fence_unwrap_merge(a, a);
	EXPECT(merged == a);
	dma_fence_put(merged);
	merged = dma_fence_unwrap_merge(a, NULL);
	EXPECT(merged == a);
	dma_fence_put(merged);
	dma_fence_put(a);
	return 0;
}

static int merges_to_a_stub_when_all_is_done(void)
{
	struct dma_fence *a = mock_fence(), *b = mock_fence(), *merged;

	EXPECT(a && b);
	dma_fence_signal_timestamp(a, ns_to_ktime(7));
	dma_fence_signal_timestamp(b, ns_to_ktime(9));
	merged = dma_fence_unwrap_merge(a, b);
	EXPECT(merged && dma_fence_is_signaled(merged) && dma_fence_timestamp(merged) == 9);
	dma_fence_put(merged);
	dma_fence_put(b);
	dma_fence_put(a);
	return 0;
}

static int merges_to_the_latest_of_each_context_in_order(void)
{
	const u64 first = dma_fence_context_alloc(2), second = first + 1;
	struct dma_fence *old = mock_fence_with(&mock_ops, first, 1);
	struct dma_fence *new = mock_fence_with(&mock_ops, first, 2);
	struct dma_fence *other = mock_fence_with(&mock_ops, second, 1);
	struct dma_fence *merged, *fence, *array;
	struct dma_fence_unwrap iter;
	unsigned int n = 0;

	EXPECT(old && new && other);
	array = array_of(2, dma_fence_get(other), dma_fence_get(old));
	merged = dma_fence_unwrap_merge(array, new, other);
	EXPECT(array && merged && dma_fence_is_array(merged));
	dma_fence_unwrap_for_each(fence, &iter, merged)
		EXPECT(fence == (n++ ? other : new));
	EXPECT(n == 2);
	dma_fence_put(merged);
	dma_fence_put(array);
	dma_fence_put(other);
	dma_fence_put(new);
	dma_fence_put(old);
	return 0;
}

static int merges_chains_with_arrays(void)
{
	struct dma_fence *a = mock_fence(), *b = mock_fence(), *chain, *array, *merged, *fence;
	struct dma_fence_unwrap iter;
	unsigned int seen = 0;

	EXPECT(a && b);
	array = array_of(2, dma_fence_get(a), dma_fence_get(b));
	chain = chain_of(NULL, dma_fence_get(a));
	merged = dma_fence_unwrap_merge(chain, array);
	EXPECT(array && chain && merged);
	dma_fence_unwrap_for_each(fence, &iter, merged)
		seen += fence == a ? 1 : fence == b ? 16 : 256;
	EXPECT(seen == 17);
	dma_fence_put(merged);
	dma_fence_put(chain);
	dma_fence_put(array);
	dma_fence_put(b);
	dma_fence_put(a);
	return 0;
}

int main(void)
{
	static const struct subtest tests[] = {
		SUBTEST(visits_the_leaves_of_an_array),
		SUBTEST(visits_the_leaves_of_a_chain_of_arrays),
		SUBTEST(merges_the_same_once),
		SUBTEST(merges_to_a_stub_when_all_is_done),
		SUBTEST(merges_to_the_latest_of_each_context_in_order),
		SUBTEST(merges_chains_with_arrays),
	};
	int err = mock_cache_create();

	if (!err)
		err = run_subtests(tests, ARRAY_SIZE(tests));
	mock_cache_destroy();
	return err ? 1 : 0;
}
