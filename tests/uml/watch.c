/* SPDX-License-Identifier: MIT */
/* Who watches the kernel's fences: the library's thread, or the application. */
#define _GNU_SOURCE
#include "../fence/waiters.h"
#include "sw-sync.h"

/*
 * Callbacks.
 */

TEST(the_librarys_thread_runs_callbacks)
{
	const struct point point = make_point();
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(point.fence, &counter.cb, count_call), ==, 0);
	ASSERT_INT(load_acquire(&counter.calls), ==, 0);
	advance(point.timeline, 1);
	WAIT_UNTIL(load_acquire(&counter.calls));
	ASSERT_INT(dma_fence_get_status(point.fence), ==, 1);
	end_point(&point);
}

TEST(a_callback_hears_of_an_error)
{
	struct point point = make_point();
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(point.fence, &counter.cb, count_call), ==, 0);
	close(point.timeline);
	WAIT_UNTIL(load_acquire(&counter.calls));
	ASSERT_INT(dma_fence_get_status(point.fence), ==, -ENOENT);
	point.timeline = open_timeline();
	end_point(&point);
}

TEST(a_fence_that_the_kernel_has_not_signalled_can_be_put)
{
	const struct point point = make_point();

	dma_fence_enable_sw_signaling(point.fence);
	dma_fence_put(point.fence);
	advance(point.timeline, 1);
	ASSERT_READABLE(point.fd);
	close(point.fd);
	close(point.timeline);
}

TEST(a_sync_file_of_the_kernel_may_be_taken_in_again_and_again)
{
	const struct point point = make_point();

	for (int i = 0; i < 3; i++) {
		struct dma_fence *fence = take_in(point.fd);

		dma_fence_enable_sw_signaling(fence);
		dma_fence_put(fence);
	}
	end_point(&point);
}

/* In a new process, which nobody watches yet. */
static void watch_by_hand(void *unused)
{
	struct counting_cb counter = { .calls = 0 };
	const int watch_fd = sync_file_watch_fd();
	struct point point;

	(void)unused;
	if (watch_fd < 0)
		_exit(1);
	point = make_point();
	if (dma_fence_add_callback(point.fence, &counter.cb, count_call))
		_exit(2);
	sync_file_watch();
	if (poll_now(watch_fd) || load_acquire(&counter.calls))
		_exit(3);
	advance(point.timeline, 1);
	if (poll_now(watch_fd) != POLLIN || load_acquire(&counter.calls))
		_exit(4);
	sync_file_watch();
	if (load_acquire(&counter.calls) != 1 || poll_now(watch_fd))
		_exit(5);
	if (dma_fence_get_status(point.fence) != 1)
		_exit(6);
}

TEST(an_application_may_watch_the_kernels_fences)
{
	ASSERT_INT(run_in_child(watch_by_hand, NULL), ==, 0);
	ASSERT_INT(sync_file_watch_fd(), ==, -EBUSY);
}

static void use_the_parents(void *arg)
{
	const struct point *parents = arg, point = make_point();
	struct counting_cb counter = { .calls = 0 };

	/* It never signals here. */
	advance(parents->timeline, 1);
	if (dma_fence_is_signaled(parents->fence))
		_exit(1);
	if (dma_fence_add_callback(point.fence, &counter.cb, count_call))
		_exit(2);
	advance(point.timeline, 1);
	WAIT_UNTIL(load_acquire(&counter.calls));
}

TEST(a_forked_child_leaves_the_kernels_fences_to_its_parent)
{
	struct point point = make_point();
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(point.fence, &counter.cb, count_call), ==, 0);
	ASSERT_INT(run_in_child(use_the_parents, &point), ==, 0);
	WAIT_UNTIL(load_acquire(&counter.calls));
	end_point(&point);
}

TEST(a_wait_for_any_ends_with_the_kernels_first_signal)
{
	const struct point points[2] = { make_point(), make_point() };
	struct dma_fence *fences[2] = { points[0].fence, points[1].fence };
	uint32_t first = 7;

	ASSERT_INT(dma_fence_wait_any_timeout(fences, 2, true, 0, &first), ==, 0);
	advance(points[1].timeline, 1);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, 2, true, LONG_TIME, &first), >, 0);
	ASSERT_INT(first, ==, 1);
	end_point(&points[0]);
	end_point(&points[1]);
}

/* What every thread sees. The first has no say in it; it asks, too. */
static void use_it(unsigned int index, void *arg)
{
	const struct point *point = arg;
	struct counting_cb counter = { .calls = 0 };

	switch (index) {
	case 0:
		advance(point->timeline, 1);
		WAIT_UNTIL(dma_fence_is_signaled(point->fence));
		break;
	case 1:
		ASSERT_INT(dma_fence_wait(point->fence, true), ==, 0);
		break;
	default:
		if (dma_fence_add_callback(point->fence, &counter.cb, count_call) == 0) {
			WAIT_UNTIL(load_acquire(&counter.calls));
			ASSERT_FALSE(dma_fence_remove_callback(point->fence, &counter.cb));
		}
	}
	ASSERT_INT(dma_fence_get_status(point->fence), ==, 1);
	ASSERT_INT(dma_fence_timestamp(point->fence), !=, 0);
}

TEST(all_threads_agree_on_the_kernels_signal)
{
	test_race_begin();
	for (unsigned int i = test_rounds(100); i; i--) {
		struct point point = make_point();

		test_threads(3, use_it, &point);
		end_point(&point);
	}
	test_race_end();
}

/* The first signals what the others take in and let go. */
static void take_in_and_put(unsigned int index, void *arg)
{
	const struct point *point = arg;

	for (unsigned int i = test_rounds(100); i; i--) {
		int fd;
		struct dma_fence *fence;

		if (!index) {
			advance(point->timeline, 1);
			continue;
		}
		fd = kernel_sync_file(point->timeline, i);
		fence = take_in(fd);
		dma_fence_enable_sw_signaling(fence);
		close(fd);
		dma_fence_put(fence);
	}
}

TEST(the_kernel_may_signal_what_is_let_go)
{
	struct point point = make_point();

	test_race_begin();
	test_threads(4, take_in_and_put, &point);
	test_race_end();
	end_point(&point);
}
