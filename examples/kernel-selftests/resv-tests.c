/* SPDX-License-Identifier: MIT */
/* What a reservation gives back of what it was given, for each usage. */
#include <linux/dma-fence-array.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "runner.h"

static struct spinlock lock;

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

static int add(struct dma_resv *resv, struct dma_fence *fence, enum dma_resv_usage usage)
{
	int err = dma_resv_lock(resv, NULL);

	if (err)
		return err;
	err = dma_resv_reserve_fences(resv, 1);
	if (!err)
		dma_resv_add_fence(resv, fence, usage);
	dma_resv_unlock(resv);
	return err;
}

static int gives_what_it_got(void *arg)
{
	enum dma_resv_usage usage = (unsigned long)arg;
	struct dma_fence *fence = plain_fence(), **fences = NULL;
	struct dma_resv resv;
	int i, err;

	if (!fence)
		return -ENOMEM;
	dma_resv_init(&resv);
	err = add(&resv, fence, usage);
	if (err)
		goto out;
	err = dma_resv_get_fences(&resv, usage, &i, &fences);
	if (err)
		goto out;
	if (i != 1 || fences[0] != fence)
		err = -EINVAL;
	while (i--)
		dma_fence_put(fences[i]);
	kfree(fences);
out:
	dma_fence_signal(fence);
	dma_resv_fini(&resv);
	dma_fence_put(fence);
	return err;
}

/* Whoever makes the cursor's set another one makes it start over. */
static int starts_over(void *arg)
{
	enum dma_resv_usage usage = (unsigned long)arg;
	struct dma_fence *fence = plain_fence(), *found;
	struct dma_resv_iter cursor;
	struct dma_resv resv;
	int err, n = 0;

	if (!fence)
		return -ENOMEM;
	dma_resv_init(&resv);
	err = add(&resv, fence, usage);
	if (err)
		goto out;
	dma_resv_iter_begin(&cursor, &resv, usage);
	dma_resv_for_each_fence_unlocked(&cursor, found) {
		if (found != fence || dma_resv_iter_usage(&cursor) != usage ||
		    !dma_resv_iter_is_restarted(&cursor))
			err = -EINVAL;
		if (!n++)
			cursor.fences = (void *)~0;
	}
	dma_resv_iter_end(&cursor);
	if (n != 2)
		err = -EINVAL;
out:
	dma_fence_signal(fence);
	dma_resv_fini(&resv);
	dma_fence_put(fence);
	return err;
}

int resv_tests(void)
{
	static const struct subtest tests[] = {
		SUBTEST(gives_what_it_got),
		SUBTEST(starts_over),
	};
	enum dma_resv_usage usage;
	int err = 0;

	spin_lock_init(&lock);
	for (usage = DMA_RESV_USAGE_KERNEL; !err && usage <= DMA_RESV_USAGE_BOOKKEEP; ++usage)
		err = subtests(tests, (void *)(unsigned long)usage);
	return err;
}
