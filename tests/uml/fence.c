/* SPDX-License-Identifier: MIT */
/* Fences of the kernel, taken in: they signal as it says, and when somebody looks. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/socket.h>

#include "../fence/waiters.h"
#include "os/clock.h"
#include "sw-sync.h"

/* What stays of the first fence that is taken in: be past that before anybody counts. */
__attribute__((constructor)) static void take_in_the_first(void)
{
	const struct point point = make_point();

	end_point(&point);
}

/*
 * What it says.
 */

TEST(a_fence_signals_when_the_kernel_signals_it)
{
	const struct point point = make_point();
	int64_t before, after;

	ASSERT_FALSE(dma_fence_is_signaled(point.fence));
	ASSERT_INT(dma_fence_get_status(point.fence), ==, 0);
	ASSERT_TRUE(dma_fence_is_finite(point.fence));
	ASSERT_NOT_READABLE(point.fd);
	before = os_now_ns();
	advance(point.timeline, 1);
	after = os_now_ns();
	ASSERT_READABLE(point.fd);
	ASSERT_TRUE(dma_fence_is_signaled(point.fence));
	ASSERT_INT(dma_fence_get_status(point.fence), ==, 1);
	ASSERT_INT(dma_fence_timestamp(point.fence), >=, before);
	ASSERT_INT(dma_fence_timestamp(point.fence), <=, after);
	end_point(&point);
}

TEST(only_fences_that_the_timeline_has_come_to_signal)
{
	const int timeline = open_timeline();
	const int fds[2] = { kernel_sync_file(timeline, 3), kernel_sync_file(timeline, 5) };
	struct dma_fence *fences[2] = { take_in(fds[0]), take_in(fds[1]) };

	advance(timeline, 4);
	ASSERT_TRUE(dma_fence_is_signaled(fences[0]));
	ASSERT_FALSE(dma_fence_is_signaled(fences[1]));
	for (int i = 0; i < 2; i++) {
		dma_fence_put(fences[i]);
		close(fds[i]);
	}
	close(timeline);
}

TEST(the_error_of_a_timeline_that_ends_is_the_fences)
{
	struct point point = make_point();

	close(point.timeline);
	ASSERT_INT(dma_fence_wait(point.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(point.fence), ==, -ENOENT);
	ASSERT_INT(info_of(point.fd).status, ==, -ENOENT);
	ASSERT_INT(dma_fence_timestamp(point.fence), <=, os_now_ns());
	point.timeline = open_timeline();
	end_point(&point);
}

TEST(its_timeline_is_what_the_kernel_calls_the_sync_file)
{
	const struct point point = make_point();
	const struct sync_file_info info = info_of(point.fd);

	ASSERT_STR(point.fence->ops->get_driver_name(point.fence), "sync_file");
	ASSERT_STR(point.fence->ops->get_timeline_name(point.fence), info.name);
	ASSERT_INT(strncmp(info.name, "sw_sync-", 8), ==, 0);
	end_point(&point);
}

TEST(info_of_a_real_one_is_complete)
{
	const struct point point = make_point();
	struct sync_fence_info one;
	struct sync_file_info info = { .num_fences = 1, .sync_fence_info = (uintptr_t)&one };

	ASSERT_INT(sync_file_get_info(point.fd, &info), ==, 0);
	ASSERT_STR(info.name, point.fence->ops->get_timeline_name(point.fence));
	ASSERT_INT(info.num_fences, ==, 1);
	ASSERT_INT(info.status, ==, 0);
	ASSERT_STR(one.driver_name, "sw_sync");
	ASSERT_INT(one.status, ==, 0);
	ASSERT_INT(one.timestamp_ns, ==, 0);
	advance(point.timeline, 1);
	ASSERT_INT(sync_file_get_info(point.fd, &info), ==, 0);
	ASSERT_INT(info.status, ==, 1);
	ASSERT_INT(one.status, ==, 1);
	ASSERT_TRUE(dma_fence_is_signaled(point.fence));
	ASSERT_INT(one.timestamp_ns, ==, dma_fence_timestamp(point.fence));
	info.flags = 1;
	ASSERT_INT(sync_file_get_info(point.fd, &info), ==, -EINVAL);
	end_point(&point);
}

/* Linux 6.1 has no deadlines for sync_files; 6.6 has. */
TEST(a_kernel_without_deadlines_says_so)
{
	const struct point point = make_point();

	ASSERT_INT(sync_file_set_deadline(point.fd, 1), ==, -EOPNOTSUPP);
	dma_fence_set_deadline(point.fence, 1);
	end_point(&point);
}

static void assert_no_fence(int fd)
{
	struct sync_file_info info = { .num_fences = 0 };

	ASSERT_INT(fd, >=, 0);
	ASSERT_PTR(sync_file_get_fence(fd), ==, NULL);
	ASSERT_INT(sync_file_get_info(fd, &info), ==, -EINVAL);
	ASSERT_INT(sync_file_set_deadline(fd, 1), ==, -EINVAL);
	close(fd);
	ASSERT_PTR(sync_file_get_fence(fd), ==, NULL);
	ASSERT_INT(sync_file_get_info(fd, &info), ==, -EBADF);
}

TEST(the_kernels_other_descriptors_have_no_fence)
{
	int ends[2];

	assert_no_fence(open_timeline());
	assert_no_fence(memfd_create("other", 0));
	assert_no_fence(open("/dev/null", O_RDONLY));
	assert_no_fence(open("/dev/tty0", O_RDWR | O_NOCTTY));
	assert_no_fence(open("/", O_RDONLY | O_DIRECTORY));
	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
	assert_no_fence(ends[0]);
	assert_no_fence(ends[1]);
}

/*
 * Waiting.
 */

TEST(a_wait_for_the_kernel_ends_with_its_time)
{
	const struct point point = make_point();

	ASSERT_INT(dma_fence_wait_timeout(point.fence, true, 0), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(point.fence, false, 1), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(point.fence, true, 1000000), ==, 0);
	advance(point.timeline, 1);
	WAIT_UNTIL(dma_fence_wait_timeout(point.fence, true, 0));
	ASSERT_INT(dma_fence_wait_timeout(point.fence, true, 0), ==, 1);
	ASSERT_INT(dma_fence_wait_timeout(point.fence, true, 17), ==, 17);
	end_point(&point);
}

TEST(a_wait_for_the_kernel_ends_with_its_signal)
{
	const struct point point = make_point();
	struct waiter waiters[3] = {
		{ .fence = point.fence, .timeout = MAX_SCHEDULE_TIMEOUT },
		{ .fence = point.fence, .intr = true, .timeout = MAX_SCHEDULE_TIMEOUT },
		{ .fence = point.fence, .timeout = LONG_TIME },
	};
	struct test_thread *threads[3];

	for (int i = 0; i < 3; i++)
		threads[i] = start_waiting(&waiters[i]);
	advance(point.timeline, 1);
	for (int i = 0; i < 3; i++)
		test_thread_join(threads[i]);
	ASSERT_INT(waiters[0].ret, ==, MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(waiters[1].ret, ==, MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(waiters[2].ret, >, 0);
	ASSERT_INT(waiters[2].ret, <=, LONG_TIME);
	end_point(&point);
}

TEST(a_handler_ends_a_wait_for_the_kernel)
{
	const struct point point = make_point();
	struct waiter waiter = { .fence = point.fence, .intr = true, .timeout = LONG_TIME };
	struct test_thread *thread;

	catch_signals(SA_RESTART);
	thread = start_waiting(&waiter);
	DISTURB_UNTIL(&waiter, load_acquire(&waiter.returned));
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, ==, -ERESTARTSYS);
	ASSERT_FALSE(dma_fence_is_signaled(point.fence));
	end_point(&point);
}
