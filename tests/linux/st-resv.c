/* SPDX-License-Identifier: MIT */
/* Reservations, as kernel code uses them. */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_exec.h>

#include "mock-fence.h"
#include "subtests.h"

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

#define for_each_usage(usage) \
	for (usage = DMA_RESV_USAGE_KERNEL; usage <= DMA_RESV_USAGE_BOOKKEEP; usage++)

static int locks(void)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv resv;

	dma_resv_init(&resv);
	dma_resv_lock(&resv, NULL);
	EXPECT(dma_resv_is_locked(&resv) && dma_resv_held(&resv));
	EXPECT(!dma_resv_trylock(&resv));
	dma_resv_assert_held(&resv);
	dma_resv_unlock(&resv);

	ww_acquire_init(&ctx, &reservation_ww_class);
	EXPECT(!dma_resv_lock_interruptible(&resv, &ctx));
	EXPECT(dma_resv_locking_ctx(&resv) == &ctx);
	EXPECT(dma_resv_lock(&resv, &ctx) == -EALREADY);
	dma_resv_unlock(&resv);
	ww_acquire_fini(&ctx);
	dma_resv_fini(&resv);
	return 0;
}

static int guards(void)
{
	struct dma_resv resv;

	dma_resv_init(&resv);
	scoped_guard(dma_resv, &resv) {
		EXPECT(dma_resv_held(&resv));
		scoped_cond_guard(dma_resv_try, goto taken, &resv)
			return -EINVAL;
taken:;
	}
	EXPECT(!dma_resv_is_locked(&resv));
	scoped_cond_guard(dma_resv_intr, return -EINTR, &resv)
		EXPECT(dma_resv_held(&resv));
	do {
		guard(dma_resv)(&resv);
		EXPECT(dma_resv_held(&resv));
	} while (0);
	EXPECT(!dma_resv_is_locked(&resv));
	dma_resv_fini(&resv);
	return 0;
}

static int test_and_wait_follow_the_usage(void)
{
	enum dma_resv_usage usage, asked;

	for_each_usage(usage) {
		struct dma_fence *f = mock_fence();
		struct dma_resv resv;

		EXPECT(f);
		dma_fence_enable_sw_signaling(f);
		dma_resv_init(&resv);
		EXPECT(!add(&resv, f, usage));
		for_each_usage(asked) {
			EXPECT(dma_resv_test_signaled(&resv, asked) == (asked < usage));
			EXPECT(dma_resv_wait_timeout(&resv, asked, false, 0) == (asked < usage));
		}
		dma_fence_signal(f);
		EXPECT(dma_resv_test_signaled(&resv, DMA_RESV_USAGE_BOOKKEEP));
		EXPECT(dma_resv_wait_timeout(&resv, DMA_RESV_USAGE_BOOKKEEP, true, HZ) > 0);
		dma_resv_fini(&resv);
		dma_fence_put(f);
	}
	return 0;
}

static int walks_under_the_lock(void)
{
	enum dma_resv_usage usage;

	for_each_usage(usage) {
		struct dma_fence *f = mock_fence(), *fence;
		struct dma_resv_iter cursor;
		struct dma_resv resv;
		unsigned int n = 0;

		EXPECT(f);
		dma_resv_init(&resv);
		EXPECT(!add(&resv, f, usage));
		dma_resv_lock(&resv, NULL);
		dma_resv_for_each_fence(&cursor, &resv, usage, fence) {
			EXPECT(fence == f && dma_resv_iter_usage(&cursor) == usage);
			n++;
		}
		dma_resv_unlock(&resv);
		EXPECT(n == 1);
		dma_fence_signal(f);
		dma_resv_fini(&resv);
		dma_fence_put(f);
	}
	return 0;
}

/* Another set was published meanwhile: the cursor says that it is not the object's any more. */
static int starts_over_when_the_set_changes(void)
{
	enum dma_resv_usage usage;

	for_each_usage(usage) {
		struct dma_fence *f = mock_fence(), *fence;
		unsigned int visits = 0, starts = 0;
		struct dma_resv_iter cursor;
		struct dma_resv resv;

		EXPECT(f);
		dma_resv_init(&resv);
		EXPECT(!add(&resv, f, usage));
		dma_resv_iter_begin(&cursor, &resv, usage);
		dma_resv_for_each_fence_unlocked(&cursor, fence) {
			EXPECT(fence == f && dma_resv_iter_usage(&cursor) == usage);
			starts += dma_resv_iter_is_restarted(&cursor);
			if (!visits++)
				cursor.fences = (void *)~0UL;
		}
		dma_resv_iter_end(&cursor);
		EXPECT(visits == 2 && starts == 2);
		dma_fence_signal(f);
		dma_resv_fini(&resv);
		dma_fence_put(f);
	}
	return 0;
}

static int gives_its_fences(void)
{
	enum dma_resv_usage usage;

	for_each_usage(usage) {
		struct dma_fence *f = mock_fence(), **fences = NULL, *single = NULL;
		struct dma_resv resv;
		unsigned int n;

		EXPECT(f);
		dma_resv_init(&resv);
		EXPECT(!add(&resv, f, usage));
		EXPECT(!dma_resv_get_fences(&resv, usage, &n, &fences));
		EXPECT(n == 1 && fences[0] == f);
		dma_fence_put(fences[0]);
		kfree(fences);
		EXPECT(!dma_resv_get_singleton(&resv, usage, &single) && single == f);
		dma_fence_put(single);
		dma_fence_signal(f);
		EXPECT(!dma_resv_get_fences(&resv, usage, &n, &fences) && !n && !fences);
		EXPECT(!dma_resv_get_singleton(&resv, usage, &single) && !single);
		dma_resv_fini(&resv);
		dma_fence_put(f);
	}
	return 0;
}

static int replaces_and_copies(void)
{
	struct dma_fence *f = mock_fence(), *stub = dma_fence_get_stub();
	struct dma_resv resv, copy;

	EXPECT(f);
	dma_resv_init(&resv);
	dma_resv_init(&copy);
	EXPECT(!add(&resv, f, DMA_RESV_USAGE_BOOKKEEP));
	dma_resv_lock(&copy, NULL);
	EXPECT(!dma_resv_copy_fences(&copy, &resv));
	dma_resv_unlock(&copy);
	EXPECT(!dma_resv_test_signaled(&copy, DMA_RESV_USAGE_BOOKKEEP));
	dma_resv_lock(&resv, NULL);
	dma_resv_replace_fences(&resv, f->context, stub, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(&resv);
	EXPECT(dma_resv_test_signaled(&resv, DMA_RESV_USAGE_BOOKKEEP));
	dma_fence_signal(f);
	dma_resv_fini(&copy);
	dma_resv_fini(&resv);
	dma_fence_put(stub);
	dma_fence_put(f);
	return 0;
}

struct object {
	struct drm_gem_object base;
	bool *freed;
};

static void object_free(struct drm_gem_object *gem)
{
	struct object *object = container_of(gem, struct object, base);

	*object->freed = true;
	drm_gem_object_release(gem);
	kfree(object);
}

static const struct drm_gem_object_funcs object_funcs = { .free = object_free };

static int locks_many(void)
{
	struct drm_gem_object *gems[3], *gem;
	bool freed[3] = {};
	struct drm_exec exec;
	unsigned long index;
	unsigned int i, n = 0;
	int err = 0;

	for (i = 0; i < 3; i++) {
		struct object *object = kzalloc(sizeof(*object), GFP_KERNEL);

		EXPECT(object);
		object->freed = &freed[i];
		object->base.funcs = &object_funcs;
		drm_gem_private_object_init(NULL, &object->base, 4096);
		gems[i] = &object->base;
	}
	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&exec) {
		err = drm_exec_prepare_array(&exec, gems, ARRAY_SIZE(gems), 1);
		drm_exec_retry_on_contention(&exec);
		if (err)
			break;
	}
	EXPECT(!err);
	drm_exec_for_each_locked_object(&exec, index, gem) {
		EXPECT(gem == gems[index] && dma_resv_held(gem->resv));
		n++;
	}
	EXPECT(n == 3);
	drm_exec_fini(&exec);
	drm_exec_init(&exec, 0); /* as in 6.6 */
	drm_exec_fini(&exec);
	for (i = 0; i < 3; i++) {
		drm_gem_object_put(gems[i]);
		EXPECT(freed[i]);
	}
	return 0;
}

int main(void)
{
	static const struct subtest tests[] = {
		SUBTEST(locks),
		SUBTEST(guards),
		SUBTEST(test_and_wait_follow_the_usage),
		SUBTEST(walks_under_the_lock),
		SUBTEST(starts_over_when_the_set_changes),
		SUBTEST(gives_its_fences),
		SUBTEST(replaces_and_copies),
		SUBTEST(locks_many),
	};
	int err = mock_cache_create();

	if (!err)
		err = run_subtests(tests, ARRAY_SIZE(tests));
	mock_cache_destroy();
	return err ? 1 : 0;
}
