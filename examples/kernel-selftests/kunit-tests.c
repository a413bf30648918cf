/* SPDX-License-Identifier: MIT */
/* Unwrapping, tested by KUnit, which brings its own main(). */
#include <kunit/test.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>

static DEFINE_SPINLOCK(lock);

static const char *name(struct dma_fence *fence)
{
	return "plain";
}

static const struct dma_fence_ops ops = {
	.get_driver_name = name,
	.get_timeline_name = name,
};

static struct dma_fence *plain_fence(void)
{
	struct dma_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (fence)
		dma_fence_init(fence, &ops, &lock, dma_fence_context_alloc(1), 1);
	return fence;
}

/* Consumes the references; NULL if one of them is, or memory is short. */
static struct dma_fence *array_of(unsigned int count, ...)
{
	struct dma_fence **fences = kcalloc(count, sizeof(*fences), GFP_KERNEL);
	struct dma_fence_array *array = NULL;
	unsigned int i, found = 0;
	va_list list;

	va_start(list, count);
	for (i = 0; fences && i < count; i++) {
		fences[i] = va_arg(list, typeof(*fences));
		found += !!fences[i];
	}
	va_end(list);
	if (found == count)
		array = dma_fence_array_create(count, fences, dma_fence_context_alloc(1), 1, false);
	if (array)
		return &array->base;
	va_start(list, count);
	for (i = 0; i < count; i++)
		dma_fence_put(va_arg(list, typeof(*fences)));
	va_end(list);
	kfree(fences);
	return NULL;
}

static void an_array_has_its_members(struct kunit *test)
{
	struct dma_fence *a = plain_fence(), *b = plain_fence(), *fence;
	struct dma_fence *array = array_of(2, dma_fence_get(a), dma_fence_get(b));
	struct dma_fence_unwrap iter;
	unsigned int n = 0;

	KUNIT_ASSERT_NOT_NULL(test, array);
	dma_fence_unwrap_for_each(fence, &iter, array) {
		KUNIT_EXPECT_PTR_EQ(test, fence, n ? b : a);
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, 2);
	dma_fence_signal(a);
	dma_fence_signal(b);
	dma_fence_put(array);
	dma_fence_put(b);
	dma_fence_put(a);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(an_array_has_its_members),
	{}
};

static struct kunit_suite suite = { .name = "kernel-kunit", .test_cases = cases };
kunit_test_suite(suite);

MODULE_LICENSE("Dual MIT/GPL");
