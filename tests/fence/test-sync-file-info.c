/* SPDX-License-Identifier: MIT */
/* Linux's ioctls on sync_files, as functions; and the way to the kernel. */
#define _GNU_SOURCE
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>

#include "fake-kernel.h"

static struct dma_fence *make_array(struct dma_fence **members, int n)
{
	struct dma_fence **table = malloc((size_t)n * sizeof(struct dma_fence *));

	for (int i = 0; i < n; i++)
		table[i] = dma_fence_get(members[i]);
	return &dma_fence_array_create(n, table, dma_fence_context_alloc(1), 1, false)->base;
}

static void end(struct dma_fence *fence)
{
	if (!dma_fence_is_signaled(fence))
		dma_fence_signal(fence);
	dma_fence_put(fence);
}

/*
 * Merging.
 */

TEST(a_merged_descriptor_waits_for_both)
{
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	const int fds[2] = { make_fd(fences[0]), make_fd(fences[1]) };
	const int both = sync_file_merge("both", fds[0], fds[1]);

	ASSERT_INT(both, >=, 0);
	ASSERT_INT(fcntl(both, F_GETFD), ==, FD_CLOEXEC);
	dma_fence_signal(fences[1]);
	ASSERT_NOT_READABLE(both);
	ASSERT_READABLE(fds[1]);
	dma_fence_signal(fences[0]);
	ASSERT_READABLE(both);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		dma_fence_put(fences[i]);
	}
	close(both);
}

TEST(merging_a_descriptor_with_itself_gives_another_one_of_its_fence)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence), merged = sync_file_merge(NULL, fd, fd);

	ASSERT_INT(merged, !=, fd);
	assert_stands_for(merged, fence);
	close(merged);
	close(fd);
	dma_fence_put(fence);
}

static void assert_name(int fd, const char *name)
{
	struct sync_file_info info = { .num_fences = 0 };

	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	ASSERT_STR(info.name, name);
}

TEST(a_merged_descriptor_has_the_name_that_it_was_given)
{
	struct dma_fence *fence = make_fence_with(&plain_ops, NULL, 1, 7);
	const int fd = make_fd(fence), named = sync_file_merge("1234567890123456789012345678901", fd, fd),
		  unnamed = sync_file_merge("", fd, fd);

	assert_name(named, "1234567890123456789012345678901");
	assert_name(unnamed, "driver-timeline1-7");
	assert_name(fd, "driver-timeline1-7");
	ASSERT_INT(sync_file_merge("12345678901234567890123456789012", fd, fd), ==, -EINVAL);
	close(named);
	close(unnamed);
	close(fd);
	dma_fence_put(fence);
}

TEST(what_is_no_fences_descriptor_is_not_merged)
{
	struct dma_fence *fence = make_fence();
	struct fake_point point;
	const int fd = make_fd(fence), other = open("/dev/null", O_RDONLY), kernel = fake_sync_file(&point);

	ASSERT_INT(sync_file_merge("", fd, other), ==, -EINVAL);
	ASSERT_INT(sync_file_merge("", other, fd), ==, -EINVAL);
	ASSERT_INT(sync_file_merge("", other, other), ==, -EINVAL);
	ASSERT_INT(sync_file_merge("", kernel, other), ==, -EINVAL);
	ASSERT_INT(sync_file_merge("", other, kernel), ==, -EINVAL);
	close(other);
	ASSERT_INT(sync_file_merge("", fd, other), ==, -EBADF);
	ASSERT_INT(sync_file_merge("", other, fd), ==, -EBADF);
	ASSERT_INT(sync_file_merge("", kernel, other), ==, -EBADF);
	ASSERT_INT(sync_file_merge("", other, -1), ==, -EBADF);
	close(fd);
	fake_close(kernel);
	dma_fence_put(fence);
}

TEST(a_merge_that_fails_changes_nothing)
{
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	const int fds[2] = { make_fd(fences[0]), make_fd(fences[1]) };
	int merged;

	for (unsigned int nth = 1;; nth++) {
		const struct test_resources before = test_resources();

		os_fault_arm(nth);
		merged = sync_file_merge("", fds[0], fds[1]);
		if (!os_fault_disarm())
			break;
		ASSERT_INT(merged, <, 0);
		ASSERT_RESOURCES(before);
	}
	close(merged);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		end(fences[i]);
	}
}

static int merge_failing(unsigned int nth)
{
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	const int fds[2] = { make_fd(fences[0]), make_fd(fences[1]) };
	int merged;

	os_fault_arm(nth);
	merged = sync_file_merge("", fds[0], fds[1]);
	ASSERT_TRUE(os_fault_disarm());
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		dma_fence_put(fences[i]);
	}
	return merged;
}

TEST(a_merge_says_what_it_lacks)
{
	ASSERT_INT(merge_failing(3), ==, -ENOMEM);
	ASSERT_INT(merge_failing(6), ==, -EMFILE);
	ASSERT_INT(merge_failing(8), ==, -ENOSPC);
}

TEST(two_of_the_kernels_give_one_of_the_kernels)
{
	struct fake_point points[2];
	const int fds[2] = { fake_sync_file(&points[0]), fake_sync_file(&points[1]) };
	const int both = sync_file_merge("both", fds[0], fds[1]);

	ASSERT_PTR(fake_find(both), !=, NULL);
	ASSERT_STR(fake_find(both)->name, "both");
	os_fault_arm(3);
	ASSERT_INT(sync_file_merge("both", fds[0], fds[1]), ==, -EMFILE);
	ASSERT_TRUE(os_fault_disarm());
	fake_close(both);
	fake_close(fds[0]);
	fake_close(fds[1]);
}

/*
 * Asking.
 */

TEST(info_tells_of_each_plain_fence)
{
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	struct dma_fence *array = make_array(fences, 2);
	struct sync_fence_info infos[3] = { { .flags = 0 } };
	struct sync_file_info info = { .num_fences = 3, .sync_fence_info = (uintptr_t)infos };
	const int fd = make_fd(array);

	dma_fence_signal_timestamp(fences[0], 4711);
	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	ASSERT_INT(info.num_fences, ==, 2);
	ASSERT_INT(info.status, ==, 0);
	ASSERT_STR(infos[0].driver_name, "driver");
	ASSERT_STR(infos[0].obj_name, "timeline");
	ASSERT_INT(infos[0].status, ==, 1);
	ASSERT_INT(infos[0].timestamp_ns, ==, 4711);
	ASSERT_INT(infos[1].status, ==, 0);
	ASSERT_INT(infos[1].timestamp_ns, ==, 0);
	dma_fence_set_error(fences[1], -EIO);
	dma_fence_signal(fences[1]);
	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	ASSERT_INT(info.status, ==, -EIO);
	ASSERT_INT(infos[1].status, ==, -EIO);
	close(fd);
	dma_fence_put(array);
	dma_fence_put(fences[0]);
	dma_fence_put(fences[1]);
}

static int status_of(int fd)
{
	struct sync_file_info info = { .num_fences = 0 };

	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	return info.status;
}

TEST(the_status_is_that_of_the_first_that_is_not_good)
{
	struct dma_fence *fences[3] = { make_fence(), make_fence(), make_fence() };
	struct dma_fence *array = make_array(fences, 3);
	const int fd = make_fd(array);

	dma_fence_signal(fences[2]);
	ASSERT_INT(status_of(fd), ==, 0);
	dma_fence_set_error(fences[0], -EIO);
	dma_fence_signal(fences[0]);
	ASSERT_INT(status_of(fd), ==, -EIO);
	dma_fence_signal(fences[1]);
	ASSERT_INT(status_of(fd), ==, -EIO);
	close(fd);
	dma_fence_put(array);
	for (int i = 0; i < 3; i++)
		dma_fence_put(fences[i]);
}

TEST(info_without_room_counts)
{
	struct dma_fence *fences[2] = { make_fence(), make_fence() };
	struct dma_fence *array = make_array(fences, 2);
	struct sync_fence_info one = { .flags = 7 };
	struct sync_file_info info = { .num_fences = 0 };
	const int fd = make_fd(array);

	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	ASSERT_INT(info.num_fences, ==, 2);
	ASSERT_INT(info.status, ==, 0);
	info = (struct sync_file_info){ .num_fences = 1, .sync_fence_info = (uintptr_t)&one };
	ASSERT_INT(sync_file_get_info(fd, &info), ==, -EINVAL);
	ASSERT_INT(info.num_fences, ==, 1);
	ASSERT_INT(one.flags, ==, 7);
	end(fences[0]);
	end(fences[1]);
	info.num_fences = 0;
	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	ASSERT_INT(info.status, ==, 1);
	close(fd);
	dma_fence_put(array);
}

TEST(info_refuses_what_it_does_not_know)
{
	struct dma_fence *fence = make_fence();
	struct sync_file_info info = { .flags = 1 };
	const int fd = make_fd(fence), other = open("/dev/null", O_RDONLY);

	ASSERT_INT(sync_file_get_info(fd, &info), ==, -EINVAL);
	info = (struct sync_file_info){ .pad = 1 };
	ASSERT_INT(sync_file_get_info(fd, &info), ==, -EINVAL);
	ASSERT_INT(sync_file_get_info(fd, NULL), ==, -EINVAL);
	info = (struct sync_file_info){ .num_fences = 1 };
	ASSERT_INT(sync_file_get_info(fd, &info), ==, -EINVAL);
	info.num_fences = 0;
	ASSERT_INT(sync_file_get_info(other, &info), ==, -EINVAL);
	close(other);
	ASSERT_INT(sync_file_get_info(other, &info), ==, -EBADF);
	close(fd);
	dma_fence_put(fence);
}

TEST(info_of_the_kernels_comes_from_the_kernel)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct sync_fence_info one;
	struct sync_file_info info = { .num_fences = 1, .sync_fence_info = (uintptr_t)&one };

	fake_signal(&point, 1, 4711);
	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	ASSERT_STR(info.name, "gpu-ring1-1");
	ASSERT_STR(one.driver_name, "gpu");
	ASSERT_INT(one.timestamp_ns, ==, 4711);
	fake_lacks_memory = true;
	ASSERT_INT(sync_file_get_info(fd, &info), ==, -ENOMEM);
	fake_lacks_memory = false;
	fake_close(fd);
}

/*
 * Deadlines.
 */

static int64_t deadline;

static void set_deadline(struct dma_fence *fence, int64_t given)
{
	(void)fence;
	deadline = given;
}

TEST(a_deadline_reaches_the_fence_behind_a_descriptor)
{
	const struct dma_fence_ops ops = {
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
		.set_deadline = set_deadline,
	};
	struct dma_fence *fence = make_fence_with(&ops, NULL, dma_fence_context_alloc(1), 1);
	const int fd = make_fd(fence);

	ASSERT_INT(sync_file_set_deadline(fd, 12345), ==, 0);
	ASSERT_INT(deadline, ==, 12345);
	close(fd);
	ASSERT_INT(sync_file_set_deadline(fd, 1), ==, -EBADF);
	dma_fence_put(fence);
	test_resources(); /* before the ops go */
}

TEST(a_deadline_reaches_the_kernel_if_that_has_any)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point), other = open("/dev/null", O_RDONLY);

	ASSERT_INT(sync_file_set_deadline(fd, 12345), ==, 0);
	ASSERT_INT(fake_find(fd)->deadline, ==, 12345);
	fake_has_no_deadlines = true;
	ASSERT_INT(sync_file_set_deadline(fd, 1), ==, -EOPNOTSUPP);
	fake_has_no_deadlines = false;
	ASSERT_INT(sync_file_set_deadline(other, 1), ==, -EINVAL);
	close(other);
	fake_close(fd);
}

/*
 * To the kernel.
 */

TEST(a_fence_is_finite_if_all_that_is_left_of_it_is_the_kernels)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *members[2] = { sync_file_get_fence(fd), make_fence() };
	struct dma_fence *array = make_array(members, 2);
	struct dma_fence_chain *chain = dma_fence_chain_alloc();

	dma_fence_chain_init(chain, NULL, dma_fence_get(members[0]), 1);
	ASSERT_TRUE(dma_fence_is_finite(members[0]));
	ASSERT_FALSE(dma_fence_is_finite(members[1]));
	ASSERT_FALSE(dma_fence_is_finite(array));
	ASSERT_TRUE(dma_fence_is_finite(&chain->base));
	dma_fence_signal(members[1]);
	ASSERT_TRUE(dma_fence_is_finite(members[1]));
	ASSERT_TRUE(dma_fence_is_finite(array));
	dma_fence_put(array);
	dma_fence_put(&chain->base);
	dma_fence_put(members[0]);
	dma_fence_put(members[1]);
	fake_close(fd);
}

TEST(a_fence_of_the_kernels_goes_back_as_what_it_was)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = sync_file_get_fence(fd);
	const int back = sync_file_kernel_fd(fence);

	ASSERT_INT(back, !=, fd);
	ASSERT_PTR(fake_find(back), ==, fake_find(fd));
	ASSERT_INT(fcntl(back, F_GETFD), ==, FD_CLOEXEC);
	close(back);
	dma_fence_put(fence);
	fake_close(fd);
}

TEST(several_go_back_merged)
{
	struct fake_point points[3];
	struct dma_fence *members[3], *array;
	int fds[3], back;

	for (int i = 0; i < 3; i++) {
		fds[i] = fake_sync_file(&points[i]);
		members[i] = sync_file_get_fence(fds[i]);
	}
	array = make_array(members, 3);
	for (unsigned int nth = 1;; nth++) {
		os_fault_arm(nth);
		back = sync_file_kernel_fd(array);
		if (!os_fault_disarm())
			break;
		ASSERT_INT(back, ==, -EMFILE);
	}
	fake_lacks_memory = true;
	ASSERT_INT(sync_file_kernel_fd(array), ==, -ENOMEM);
	fake_lacks_memory = false;
	ASSERT_INT(fake_find(back)->num_points, ==, 3);
	fake_close(back);
	dma_fence_put(array);
	for (int i = 0; i < 3; i++) {
		dma_fence_put(members[i]);
		fake_close(fds[i]);
	}
}

TEST(a_fence_of_user_space_does_not_go_to_the_kernel)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *members[2] = { sync_file_get_fence(fd), make_fence() };
	struct dma_fence *array = make_array(members, 2);
	const struct test_resources before = test_resources();
	int back;

	ASSERT_INT(sync_file_kernel_fd(members[1]), ==, -EBUSY);
	ASSERT_INT(sync_file_kernel_fd(array), ==, -EBUSY);
	ASSERT_RESOURCES(before);
	dma_fence_signal(members[1]);
	back = sync_file_kernel_fd(array);
	ASSERT_PTR(fake_find(back), ==, fake_find(fd));
	close(back);
	fake_signal(&point, 1, 1);
	ASSERT_INT(sync_file_kernel_fd(array), ==, -ENOENT);
	ASSERT_INT(sync_file_kernel_fd(members[1]), ==, -ENOENT);
	ASSERT_INT(sync_file_kernel_fd(NULL), ==, -EINVAL);
	dma_fence_put(array);
	dma_fence_put(members[0]);
	dma_fence_put(members[1]);
	fake_close(fd);
}
