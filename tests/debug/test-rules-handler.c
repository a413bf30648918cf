/* SPDX-License-Identifier: MIT */
/* The handler of reports may do what it wants: it is not checked, and what follows is. */
#include "rules.h"

#include <dmabuf/dma-fence-wait.h>
#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"

STEP void wait_in_section(struct dma_fence *fence)
{
	const bool cookie = dma_fence_begin_signalling();

	dma_fence_wait(fence, false);
	dma_fence_end_signalling(cookie);
	STAYS;
}

static lock_kind log_kind = { .name = "log" };
static const char log_lock;
static unsigned int heard;

/* It does, inside of the report, what is against most rules; and that is not reported. */
static void hear_and_do_everything(const char *message)
{
	struct dma_fence *fence = make_fence();
	struct dma_resv one, two;
	bool cookie;

	(void)message;
	heard++;
	take(&log_kind, &log_lock);
	dma_resv_init(&one);
	dma_resv_init(&two);
	dma_fence_signal(fence);
	cookie = dma_fence_begin_signalling();
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_resv_lock(&one, NULL), ==, 0);
	ASSERT_INT(dma_resv_lock(&two, NULL), ==, 0);
	dma_resv_unlock(&two);
	dma_resv_unlock(&one);
	dma_fence_end_signalling(cookie);
	dma_fence_begin_work(fence);
	dma_fence_end_work(fence);
	dma_resv_fini(&one);
	dma_resv_fini(&two);
	dma_fence_put(fence);
	drop(&log_lock);
}

TEST(handler_may_call_the_library)
{
	struct dma_fence *fence = make_fence();
	dmabuf_warn_handler before;

	dma_fence_signal(fence);
	heard = 0;
	before = dmabuf_set_warn_handler(hear_and_do_everything);
	wait_in_section(fence);
	dmabuf_set_warn_handler(before);
	ASSERT_INT(heard, ==, 1);

	/* And afterwards all is checked as before. */
	ASSERT_REPORTS(wait_in_section(fence), 1);
	dma_fence_put(fence);
}

/* What is checked always, it hears of itself. */
static void hear_and_lock_slowly(const char *message)
{
	static DEFINE_WD_CLASS(ww_class);
	struct ww_acquire_ctx ctx;
	struct ww_mutex mutex;

	(void)message;
	if (heard++)
		return;
	ww_mutex_init(&mutex, &ww_class);
	ww_acquire_init(&ctx, &ww_class);
	ww_mutex_lock_slow(&mutex, &ctx);
	ww_mutex_unlock(&mutex);
	ww_acquire_fini(&ctx);
	hear_and_do_everything(message);
}

TEST(handler_that_is_heard_itself_is_in_a_report_still)
{
	struct dma_fence *fence = make_fence();
	dmabuf_warn_handler before;

	dma_fence_signal(fence);
	heard = 0;
	before = dmabuf_set_warn_handler(hear_and_lock_slowly);
	wait_in_section(fence);
	dmabuf_set_warn_handler(before);
	ASSERT_INT(heard, ==, 3);
	dma_fence_put(fence);
}

/* Another thread waits for the handler's lock, and is noted for it, while the handler drops it. */
static void take_log(void *arg)
{
	store_release((bool *)arg, true);
	take(&log_kind, &log_lock);
	drop(&log_lock);
}

static void hear_under_a_wanted_lock(const char *message)
{
	bool started = false;

	(void)message;
	heard++;
	take(&log_kind, &log_lock);
	in_thread(take_log, &started);
	drop(&log_lock);
}

static void take_and_keep(void *arg)
{
	take(&log_kind, &log_lock);
	store_release((int *)arg, 1);
	WAIT_UNTIL(load_acquire((int *)arg) == 2);
	drop(&log_lock);
}

static void hear_while_another_waits(const char *message)
{
	static int stage;
	struct test_thread *waiter;

	(void)message;
	heard++;
	store_release(&stage, 0);
	take(&log_kind, &log_lock);
	waiter = test_thread_start(take_and_keep, &stage); /* says so before it waits */
	WAIT_UNTIL(load_acquire(&stage) == 1);
	drop(&log_lock);
	store_release(&stage, 2);
	test_thread_join(waiter);
}

TEST(handler_may_take_locks_that_others_want)
{
	struct dma_fence *fence = make_fence();
	dmabuf_warn_handler before;

	dma_fence_signal(fence);
	heard = 0;
	before = dmabuf_set_warn_handler(hear_under_a_wanted_lock);
	wait_in_section(fence);
	dmabuf_set_warn_handler(hear_while_another_waits);
	wait_in_section(fence);
	dmabuf_set_warn_handler(before);
	ASSERT_INT(heard, ==, 2);
	dma_fence_put(fence);
}

/* Whoever waits for a lock is noted, and does not hold it yet: the holder still drops its own. */
TEST(holder_may_drop_what_others_wait_for)
{
	static int stage;
	struct test_thread *waiter;

	take(&log_kind, &log_lock);
	waiter = test_thread_start(take_and_keep, &stage);
	WAIT_UNTIL(load_acquire(&stage) == 1);
	drop(&log_lock);
	store_release(&stage, 2);
	test_thread_join(waiter);
}

STEP void drop_twice(void)
{
	static int stage;

	take(&log_kind, &log_lock);
	test_thread_start(take_and_keep, &stage);
	WAIT_UNTIL(load_acquire(&stage) == 1);
	drop(&log_lock);
	drop(&log_lock);
	STAYS;
}

/* And then it is the waiter's. */
TEST(lock_that_went_to_a_waiter_is_dropped_by_that_alone)
{
	ASSERT_FATAL(drop_twice(), "D004", "here:", "drop_twice", "taken last:", "take_and_keep");
}
