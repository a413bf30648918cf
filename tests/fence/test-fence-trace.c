/* SPDX-License-Identifier: MIT */
/* Events of fences, on every path that leads to them. */
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <dmabuf/dma-fence-timeline.h>
#include <errno.h>

#include "recorder.h"
#include "waiters.h"

static struct recorder heard;

static void assert_is(const struct dmabuf_trace *trace, const struct dma_fence *fence,
		      int64_t value)
{
	ASSERT_PTR(trace->fence, ==, fence);
	ASSERT_INT(trace->context, ==, fence->context);
	ASSERT_INT(trace->seqno, ==, fence->seqno);
	ASSERT_INT(trace->value, ==, value);
	ASSERT_PTR(trace->resv, ==, NULL);
	ASSERT_PTR(trace->dmabuf, ==, NULL);
}

static void assert_names(const struct dmabuf_trace *trace)
{
	ASSERT_STR(trace->driver, "driver");
	ASSERT_STR(trace->timeline, "timeline");
}

/*
 * Init, enable, signal.
 */

TEST(init_is_heard_without_names)
{
	struct dma_fence *fence;

	ASSERT_STORY(&heard, fence = make_fence(), "fence_init");
	assert_is(&heard.heard[0], fence, 0);
	ASSERT_PTR(heard.heard[0].driver, ==, NULL);
	ASSERT_PTR(heard.heard[0].timeline, ==, NULL);
	dma_fence_put(fence);
	fence = malloc(sizeof(*fence));
	ASSERT_STORY(&heard, dma_fence_init64(fence, &plain_ops, NULL, 7, 8), "fence_init");
	assert_is(&heard.heard[0], fence, 0);
	dma_fence_put(fence);
}

TEST(a_signal_is_heard_once_with_its_error)
{
	struct dma_fence *fence = make_fence();

	dma_fence_set_error(fence, -EIO);
	ASSERT_STORY(&heard, dma_fence_signal(fence); dma_fence_signal(fence), "fence_signal");
	assert_is(&heard.heard[0], fence, -EIO);
	assert_names(&heard.heard[0]);
	dma_fence_put(fence);
}

static void signal_locked(struct dma_fence *fence)
{
	unsigned long flags;

	dma_fence_lock_irqsave(fence, flags);
	dma_fence_signal_locked(fence);
	dma_fence_unlock_irqrestore(fence, flags);
}

TEST(a_signal_is_heard_on_every_way)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *own = make_fence(), *shared = make_fence_with(&plain_ops, &lock, 3, 4);
	struct dma_fence *locked = make_fence(), *stub = NULL;
	struct asked_fence *asked = make_asked();

	ASSERT_STORY(&heard, dma_fence_check_and_signal(own), "fence_signal");
	ASSERT_STORY(&heard, dma_fence_signal(shared), "fence_signal");
	assert_is(&heard.heard[0], shared, 0);
	ASSERT_STORY(&heard, signal_locked(locked), "fence_signal");
	asked->done = true;
	ASSERT_STORY(&heard, dma_fence_is_signaled(&asked->base), "fence_signal");
	ASSERT_STORY(&heard, stub = dma_fence_allocate_private_stub(5),
		     "fence_init fence_enable fence_signal");
	ASSERT_STORY(&heard, dma_fence_put(dma_fence_get_stub()), "");
	dma_fence_put(own);
	dma_fence_put(shared);
	dma_fence_put(locked);
	dma_fence_put(&asked->base);
	dma_fence_put(stub);
}

TEST(enabling_is_heard_once_before_what_it_causes)
{
	struct asked_fence *lazy = make_asked(), *refusing = make_asked();
	struct dma_fence *plain = make_fence();
	struct counting_cb cb = { .calls = 0 };

	refusing->refuse = true;
	refusing->error = -EIO;
	ASSERT_STORY(&heard, dma_fence_enable_sw_signaling(&lazy->base);
		     dma_fence_enable_sw_signaling(&lazy->base), "fence_enable");
	assert_is(&heard.heard[0], &lazy->base, 0);
	assert_names(&heard.heard[0]);
	ASSERT_STORY(&heard, dma_fence_enable_sw_signaling(&refusing->base),
		     "fence_enable fence_signal");
	ASSERT_INT(heard.heard[1].value, ==, -EIO);
	ASSERT_STORY(&heard, dma_fence_add_callback(plain, &cb.cb, count_call), "fence_enable");
	ASSERT_STORY(&heard, dma_fence_signal(plain), "fence_signal");
	ASSERT_STORY(&heard, dma_fence_enable_sw_signaling(plain), "");
	dma_fence_put(&lazy->base);
	dma_fence_put(&refusing->base);
	dma_fence_put(plain);
}

static void note_story(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	fetch_add_relaxed(&container_of(cb, struct counting_cb, cb)->calls, heard.n);
}

TEST(a_signal_is_heard_before_its_callbacks_run)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };

	dma_fence_add_callback(fence, &cb.cb, note_story);
	ASSERT_STORY(&heard, dma_fence_signal(fence), "fence_signal");
	ASSERT_INT(cb.calls, ==, 1);
	dma_fence_put(fence);
}

TEST(a_fence_that_is_abandoned_is_heard_to_signal)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };

	dma_fence_add_callback(fence, &cb.cb, count_call);
	ASSERT_STORY(&heard, ASSERT_WARNS(dma_fence_put(fence), "signal it first"), "fence_signal");
	ASSERT_INT(heard.heard[0].value, ==, -EDEADLK);
}

TEST(points_of_a_timeline_are_heard_in_order)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("engine");
	struct dma_fence *first, *second;

	ASSERT_STORY(&heard, first = dma_fence_timeline_emit(tl);
		     second = dma_fence_timeline_emit(tl), "fence_init fence_init");
	assert_is(&heard.heard[0], first, 0);
	ASSERT_STORY(&heard, dma_fence_timeline_signal(tl, 2, -EIO), "fence_signal fence_signal");
	assert_is(&heard.heard[0], first, 0);
	assert_is(&heard.heard[1], second, -EIO);
	ASSERT_STR(heard.heard[0].timeline, "engine");
	dma_fence_put(first);
	dma_fence_put(second);
	ASSERT_STORY(&heard, first = dma_fence_timeline_emit(tl);
		     dma_fence_timeline_destroy(tl), "fence_init fence_signal");
	ASSERT_INT(heard.heard[1].value, ==, -ECANCELED);
	dma_fence_put(first);
}

static struct dma_fence *array_of(struct dma_fence *first, struct dma_fence *second)
{
	struct dma_fence **table = calloc(2, sizeof(struct dma_fence *));
	struct dma_fence_array *array;

	table[0] = dma_fence_get(first);
	table[1] = dma_fence_get(second);
	array = dma_fence_array_create(2, table, dma_fence_context_alloc(1), 1, false);
	return &array->base;
}

TEST(an_array_is_a_fence_beside_its_members)
{
	struct dma_fence *first = make_fence(), *second = make_fence(),
			 *array = array_of(first, second);

	/* It waits for one member at a time. */
	ASSERT_STORY(&heard, dma_fence_enable_sw_signaling(array), "fence_enable fence_enable");
	ASSERT_PTR(heard.heard[0].fence, ==, array);
	ASSERT_PTR(heard.heard[1].fence, ==, first);
	ASSERT_STORY(&heard, dma_fence_signal(first), "fence_signal fence_enable");
	dma_fence_set_error(second, -EIO);
	ASSERT_STORY(&heard, dma_fence_signal(second), "fence_signal fence_signal");
	ASSERT_PTR(heard.heard[1].fence, ==, array);
	ASSERT_INT(heard.heard[1].value, ==, -EIO);
	ASSERT_STR(heard.heard[1].driver, "dma_fence_array");
	dma_fence_put(array);
	dma_fence_put(first);
	dma_fence_put(second);
}

TEST(a_link_of_a_chain_is_a_fence_beside_what_it_carries)
{
	struct dma_fence_chain *chain = dma_fence_chain_alloc();
	struct dma_fence *fence = make_fence(), *link = &chain->base;

	ASSERT_STORY(&heard, dma_fence_chain_init(chain, NULL, dma_fence_get(fence), 1),
		     "fence_init");
	ASSERT_PTR(heard.heard[0].fence, ==, link);
	ASSERT_STORY(&heard, dma_fence_enable_sw_signaling(link), "fence_enable fence_enable");
	ASSERT_PTR(heard.heard[1].fence, ==, fence);
	ASSERT_STORY(&heard, dma_fence_signal(fence), "fence_signal fence_signal");
	ASSERT_PTR(heard.heard[0].fence, ==, fence);
	ASSERT_PTR(heard.heard[1].fence, ==, link);
	dma_fence_put(link);
	dma_fence_put(fence);
}

/*
 * Waits.
 */

TEST(a_wait_is_heard_from_begin_to_end)
{
	struct dma_fence *fence = make_fence();

	ASSERT_STORY(&heard, dma_fence_wait_timeout(fence, false, 1),
		     "fence_wait_begin fence_enable fence_wait_end");
	assert_is(&heard.heard[0], fence, 1);
	assert_names(&heard.heard[0]);
	assert_is(&heard.heard[2], fence, 0);
	ASSERT_STORY(&heard, dma_fence_wait_timeout(fence, false, 0),
		     "fence_wait_begin fence_wait_end");
	dma_fence_signal(fence);
	ASSERT_STORY(&heard, dma_fence_wait(fence, false), "fence_wait_begin fence_wait_end");
	assert_is(&heard.heard[0], fence, MAX_SCHEDULE_TIMEOUT);
	assert_is(&heard.heard[1], fence, MAX_SCHEDULE_TIMEOUT);
	assert_names(&heard.heard[1]);
	dma_fence_put(fence);
}

TEST(a_wait_that_is_refused_is_not_heard)
{
	struct dma_fence *fence = make_fence();

	ASSERT_STORY(&heard, ASSERT_WARNS(dma_fence_wait_timeout(fence, false, -1), "negative"),
		     "");
	ASSERT_STORY(&heard,
		     ASSERT_WARNS(dma_fence_wait_any_timeout(&fence, 1, false, -1, NULL),
				  "negative"),
		     "");
	dma_fence_put(fence);
}

static int64_t custom_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	return dma_fence_default_wait(fence, intr, timeout) ? 17 : -ERESTARTSYS;
}

TEST(a_wait_op_is_heard_like_any_wait)
{
	const struct dma_fence_ops ops = {
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
		.wait = custom_wait,
	};
	struct dma_fence *fence = make_fence_with(&ops, NULL, 1, 1);

	ASSERT_STORY(&heard, dma_fence_wait_timeout(fence, false, 0),
		     "fence_wait_begin fence_enable fence_wait_end");
	ASSERT_INT(heard.heard[2].value, ==, -ERESTARTSYS);
	dma_fence_signal(fence);
	ASSERT_STORY(&heard, dma_fence_wait_timeout(fence, true, 5),
		     "fence_wait_begin fence_wait_end");
	ASSERT_INT(heard.heard[1].value, ==, 17);
	dma_fence_put(fence);
}

static void wait_interruptibly(void *arg)
{
	struct waiter *waiter = arg;

	waiter->thread = pthread_self();
	store_release(&waiter->started, true);
	waiter->ret = dma_fence_wait(waiter->fence, true);
	store_release(&waiter->returned, true);
}

TEST(an_interrupted_wait_is_heard_to_end)
{
	struct waiter waiter = { .fence = make_fence() };
	struct test_thread *thread;

	catch_signals(0);
	recorder_begin(&heard);
	thread = test_thread_start(wait_interruptibly, &waiter);
	WAIT_UNTIL(load_acquire(&waiter.started));
	DISTURB_UNTIL(&waiter, load_acquire(&waiter.returned));
	test_thread_join(thread);
	recorder_end();
	ASSERT_STR(recorder_story(&heard), "fence_wait_begin fence_enable fence_wait_end");
	assert_is(&heard.heard[2], waiter.fence, -ERESTARTSYS);
	dma_fence_put(waiter.fence);
}

TEST(a_wait_for_any_is_heard_as_one)
{
	struct dma_fence *fences[] = { make_fence(), make_fence() };
	uint32_t idx = 7;

	ASSERT_STORY(&heard, dma_fence_wait_any_timeout(fences, 2, false, 1, &idx),
		     "fence_wait_begin fence_enable fence_enable fence_wait_end");
	ASSERT_PTR(heard.heard[0].fence, ==, NULL);
	ASSERT_PTR(heard.heard[0].driver, ==, NULL);
	ASSERT_INT(heard.heard[0].value, ==, 1);
	ASSERT_PTR(heard.heard[3].fence, ==, NULL);
	ASSERT_INT(heard.heard[3].value, ==, 0);
	ASSERT_INT(idx, ==, 7);
	ASSERT_STORY(&heard, os_fault_arm(1); dma_fence_wait_any_timeout(fences, 2, false, 1, NULL);
		     ASSERT_TRUE(os_fault_disarm()), "fence_wait_begin fence_wait_end");
	ASSERT_INT(heard.heard[1].value, ==, -ENOMEM);
	dma_fence_signal(fences[1]);
	ASSERT_STORY(&heard, dma_fence_wait_any_timeout(fences, 2, false, 9, NULL),
		     "fence_wait_begin fence_wait_end");
	assert_is(&heard.heard[1], fences[1], 9);
	dma_fence_put(fences[0]);
	dma_fence_put(fences[1]);
}
