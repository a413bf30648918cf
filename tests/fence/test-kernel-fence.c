/* SPDX-License-Identifier: MIT */
/* Fences of the kernel, taken in: they signal as it says, and when somebody looks. */
#define _GNU_SOURCE
#include "fake-kernel.h"
#include "waiters.h"

/*
 * What it says.
 */

TEST(a_kernels_sync_file_becomes_a_fence_that_signals_with_it)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	ASSERT_FALSE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, 0);
	fake_signal(&point, 1, 4711);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(asking_under_the_fences_lock_gives_the_kernels_time_too)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	unsigned long flags;

	fake_signal(&point, 1, 4711);
	dma_fence_lock_irqsave(fence, flags);
	ASSERT_INT(dma_fence_get_status_locked(fence), ==, 1);
	dma_fence_unlock_irqrestore(fence, flags);
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(the_kernels_error_is_the_fences)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	fake_signal(&point, -ENOENT, 4711);
	ASSERT_INT(dma_fence_get_status(fence), ==, -ENOENT);
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(the_latest_time_of_several_counts)
{
	struct fake_point points[2];
	const int fds[2] = { fake_sync_file(&points[0]), fake_sync_file(&points[1]) };
	const int both = sync_file_merge("both", fds[0], fds[1]);
	struct dma_fence *fence = take_in(both);

	fake_signal(&points[0], 1, 4712);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	fake_signal(&points[1], 1, 4711);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4712);
	dma_fence_put(fence);
	fake_close(both);
	fake_close(fds[0]);
	fake_close(fds[1]);
}

TEST(the_fence_counts_and_not_its_members)
{
	struct fake_point points[2];
	const int fds[2] = { fake_sync_file(&points[0]), fake_sync_file(&points[1]) };
	const int any = sync_file_merge("any", fds[0], fds[1]);
	struct dma_fence *fence = take_in(any);

	fake_end_with_any(any);
	fake_signal(&points[1], 1, 4711);
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	dma_fence_put(fence);
	fake_close(any);
	fake_close(fds[0]);
	fake_close(fds[1]);
}

TEST(a_kernel_without_memory_for_the_members_still_says_how_it_ended)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	fake_signal(&point, -EIO, 4711);
	fake_lacks_memory = true;
	ASSERT_INT(dma_fence_get_status(fence), ==, -EIO);
	fake_lacks_memory = false;
	ASSERT_INT(dma_fence_timestamp(fence), >, 4711);
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(what_cannot_be_asked_at_all_has_failed)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	struct fake_file *file = fake_find(fd);

	fake_signal(&point, 1, 4711);
	file->inode++;
	ASSERT_INT(dma_fence_get_status(fence), ==, -ENOTTY);
	file->inode--;
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(its_names_are_those_of_the_sync_file)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	ASSERT_STR(fence->ops->get_driver_name(fence), "sync_file");
	ASSERT_STR(fence->ops->get_timeline_name(fence), "gpu-ring1-1");
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(each_time_it_is_another_fence)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *first = take_in(fd), *second = take_in(fd);

	ASSERT_PTR(first, !=, second);
	ASSERT_INT(first->context, !=, second->context);
	dma_fence_put(first);
	fake_signal(&point, 1, 1);
	ASSERT_TRUE(dma_fence_is_signaled(second));
	dma_fence_put(second);
	fake_close(fd);
}

TEST(only_the_kernel_ends_it)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	ASSERT_DEATH(dma_fence_signal(fence), "or the kernel");
	ASSERT_DEATH(dma_fence_set_error(fence, -EIO), "is not yours to end");
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(a_deadline_reaches_the_kernel)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	dma_fence_set_deadline(fence, 12345);
	ASSERT_INT(fake_find(fd)->deadline, ==, 12345);
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(a_deadline_that_the_kernel_refuses_is_not_set_and_harms_nobody)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	dma_fence_set_deadline(fence, 4711);
	os_fault_arm(1);
	dma_fence_set_deadline(fence, 42);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_INT(fake_find(fd)->deadline, ==, 4711);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	fake_signal(&point, 1, 1);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	put_last(fence);
	fake_close(fd);
}

TEST(a_fence_that_nobody_can_watch_is_not_taken_in)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence;

	for (unsigned int nth = 1;; nth++) {
		const struct test_resources before = test_resources();

		os_fault_arm(nth);
		fence = sync_file_get_fence(fd);
		if (!os_fault_disarm())
			break;
		ASSERT_PTR(fence, ==, NULL);
		ASSERT_RESOURCES(before);
	}
	dma_fence_put(fence);
	fake_close(fd);
}

/*
 * Waiting, which needs nobody that watches.
 */

TEST(a_wait_of_no_time_only_looks)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	ASSERT_INT(dma_fence_wait_timeout(fence, true, 0), ==, 0);
	fake_signal(&point, 1, 1);
	/* It may meet the thread, which the first wait has made look. */
	WAIT_UNTIL(dma_fence_wait_timeout(fence, true, 0));
	ASSERT_INT(dma_fence_wait_timeout(fence, true, 0), ==, 1);
	put_last(fence);
	fake_close(fd);
}

TEST(a_wait_ends_with_its_time)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	ASSERT_INT(dma_fence_wait_timeout(fence, false, 1), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(fence, true, 1000000), ==, 0);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(a_wait_ends_with_the_kernels_signal)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct waiter waiters[2] = {
		{ .fence = take_in(fd), .intr = true, .timeout = MAX_SCHEDULE_TIMEOUT },
		{ .fence = waiters[0].fence, .timeout = LONG_TIME },
	};
	struct test_thread *threads[2] = { start_waiting(&waiters[0]), start_waiting(&waiters[1]) };

	fake_signal(&point, 1, 1);
	test_thread_join(threads[0]);
	test_thread_join(threads[1]);
	ASSERT_INT(waiters[0].ret, ==, MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(waiters[1].ret, >, 0);
	ASSERT_INT(waiters[1].ret, <=, LONG_TIME);
	dma_fence_put(waiters[0].fence);
	fake_close(fd);
}

TEST(a_handler_ends_an_interruptible_wait_for_the_kernel)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct waiter waiter = { .fence = take_in(fd), .intr = true, .timeout = MAX_SCHEDULE_TIMEOUT };
	struct test_thread *thread;

	catch_signals(SA_RESTART);
	thread = start_waiting(&waiter);
	DISTURB_UNTIL(&waiter, load_acquire(&waiter.returned));
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, ==, -ERESTARTSYS);
	dma_fence_put(waiter.fence);
	fake_close(fd);
}

TEST(a_handler_does_not_end_an_uninterruptible_wait_for_the_kernel)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct waiter waiter = { .fence = take_in(fd), .timeout = LONG_TIME };
	struct test_thread *thread;

	catch_signals(0);
	store_relaxed(&polls, 0);
	os_race_hook(count_polls);
	thread = start_waiting(&waiter);
	DISTURB_UNTIL(&waiter, load_acquire(&polls) >= 7);
	ASSERT_FALSE(load_acquire(&waiter.returned));
	fake_signal(&point, 1, 1);
	test_thread_join(thread);
	os_race_hook(NULL);
	ASSERT_INT(waiter.ret, >, 0);
	dma_fence_put(waiter.fence);
	fake_close(fd);
}

/* One thread has begun to read how it ended; meanwhile another asks. */
static bool reading_let_go; /* atomic */
static bool is_reading;	    /* atomic */

static void hold_the_reader(const char *label)
{
	if (strcmp(label, "kernel fence: reading"))
		return;
	store_release(&is_reading, true);
	WAIT_UNTIL(load_acquire(&reading_let_go));
}

static void ask(void *fence)
{
	ASSERT_TRUE(dma_fence_is_signaled(fence));
}

TEST(who_asks_while_another_reads_hears_not_yet)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	struct test_thread *reader;

	fake_signal(&point, -EIO, 4711);
	store_relaxed(&is_reading, false);
	store_relaxed(&reading_let_go, false);
	os_race_hook(hold_the_reader);
	reader = test_thread_start(ask, fence);
	WAIT_UNTIL(load_acquire(&is_reading));
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 0), ==, 0);
	store_release(&reading_let_go, true);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, -EIO);
	test_thread_join(reader);
	put_last(fence);
	fake_close(fd);
}

struct race {
	struct fake_point point;
	struct dma_fence *fence;
	int fd;
};

static void use_it(unsigned int index, void *arg)
{
	struct race *race = arg;
	struct counting_cb counter = { .calls = 0 };

	switch (index) {
	case 1:
		ASSERT_INT(dma_fence_wait(race->fence, true), ==, 0);
		break;
	case 2:
		if (dma_fence_add_callback(race->fence, &counter.cb, count_call) == 0) {
			WAIT_UNTIL(load_acquire(&counter.calls));
			ASSERT_FALSE(dma_fence_remove_callback(race->fence, &counter.cb));
		}
		break;
	default:
		if (!index)
			fake_signal(&race->point, -EIO, 4711);
		WAIT_UNTIL(dma_fence_is_signaled(race->fence));
	}
	ASSERT_INT(dma_fence_get_status(race->fence), ==, -EIO);
	ASSERT_INT(dma_fence_timestamp(race->fence), ==, 4711);
	dma_fence_put(race->fence);
	test_operation();
}

/* The first has no say in what the others see; it asks, too. */
TORTURE(asking_waiting_and_callbacks_agree_from_all_threads)
{
	test_race_begin();
	for (unsigned int i = test_rounds(200); i; i--) {
		struct race race = { .fd = fake_sync_file(&race.point) };

		race.fence = take_in(race.fd);
		for (int j = 0; j < 3; j++)
			dma_fence_get(race.fence);
		test_threads(4, use_it, &race);
		/* Until the thread has let go of it. */
		fake_close(race.fd);
	}
	test_race_end();
}
