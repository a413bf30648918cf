/* SPDX-License-Identifier: MIT */
/* dma_resv_lock_timeout(), between threads. tests/share has it between processes. */
#include "contended.h"
#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "view.h"

#define SECOND INT64_C(1000000000)

static void time_out(void *arg)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv *obj = arg;

	ASSERT_INT(dma_resv_lock_timeout(obj, NULL, 0), ==, -ETIME);
	ASSERT_INT(dma_resv_lock_timeout(obj, NULL, SECOND / 1000), ==, -ETIME);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock_timeout(obj, &ctx, SECOND / 1000), ==, -ETIME);
	ASSERT_INT(ctx.acquired, ==, 0);
	ww_acquire_fini(&ctx);
}

TEST(a_lock_that_is_held_too_long_is_given_up)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(dma_resv_lock(&obj, NULL), ==, 0);
	in_other_thread(time_out, &obj);
	dma_resv_unlock(&obj);
	/* Who gave up left nothing behind. */
	ASSERT_INT(dma_resv_lock(&obj, NULL), ==, 0);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

TEST(a_free_lock_needs_no_time)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(dma_resv_lock_timeout(&obj, NULL, 0), ==, 0);
	dma_resv_unlock(&obj);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock_timeout(&obj, &ctx, MAX_SCHEDULE_TIMEOUT), ==, 0);
	ASSERT_INT(dma_resv_lock_timeout(&obj, &ctx, 0), ==, -EALREADY);
	dma_resv_unlock(&obj);
	ww_acquire_fini(&ctx);
	dma_resv_fini(&obj);
}

/* Wait-die: the younger one, with a lock already, meets one that an older holds. */
struct deadlock {
	struct dma_resv obj[2];
	struct ww_acquire_ctx older;
};

static void die(void *arg)
{
	struct deadlock *d = arg;
	struct ww_acquire_ctx younger;

	ww_acquire_init(&younger, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock_timeout(&d->obj[1], &younger, 0), ==, 0);
	ASSERT_INT(dma_resv_lock_timeout(&d->obj[0], &younger, 60 * SECOND), ==, -EDEADLK);
	dma_resv_unlock(&d->obj[1]);
	ww_acquire_fini(&younger);
}

TEST(a_lock_that_would_deadlock_is_not_waited_for)
{
	struct deadlock d;

	dma_resv_init(&d.obj[0]);
	dma_resv_init(&d.obj[1]);
	ww_acquire_init(&d.older, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock(&d.obj[0], &d.older), ==, 0);
	in_other_thread(die, &d);
	dma_resv_unlock(&d.obj[0]);
	ww_acquire_fini(&d.older);
	dma_resv_fini(&d.obj[0]);
	dma_resv_fini(&d.obj[1]);
}

TEST(a_negative_time_is_a_mistake)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_WARNS(ASSERT_INT(dma_resv_lock_timeout(&obj, NULL, -1), ==, -EINVAL), "negative");
	dma_resv_fini(&obj);
}

static void take(void *arg)
{
	ASSERT_INT(dma_resv_lock_timeout(arg, NULL, 60 * SECOND), ==, 0);
	dma_resv_unlock(arg);
}

TEST(a_lock_that_becomes_free_in_time_is_taken)
{
	struct test_thread *thread;
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(dma_resv_lock(&obj, NULL), ==, 0);
	thread = test_thread_start(take, &obj);
	dma_resv_unlock(&obj);
	test_thread_join(thread);
	dma_resv_fini(&obj);
}
