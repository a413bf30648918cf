/* SPDX-License-Identifier: MIT */
/* The kernel's sync_files, merged with each other and with ours, and given back to it. */
#define _GNU_SOURCE
#include <dmabuf/dma-fence-array.h>
#include <sys/resource.h>

#include "sw-sync.h"

static struct dma_fence *make_array(struct dma_fence *const *members, int n)
{
	struct dma_fence **own = malloc((size_t)n * sizeof(*own));
	struct dma_fence_array *array;

	for (int i = 0; i < n; i++)
		own[i] = dma_fence_get(members[i]);
	array = dma_fence_array_create(n, own, dma_fence_context_alloc(1), 1, false);
	ASSERT_PTR(array, !=, NULL);
	return &array->base;
}

/*
 * Merging.
 */

TEST(two_of_the_kernels_merge_in_the_kernel)
{
	const struct point points[2] = { make_point(), make_point() };
	const int both = sync_file_merge("both", points[0].fd, points[1].fd);
	struct dma_fence *fence = take_in(both);

	ASSERT_INT(fcntl(both, F_GETFD), ==, FD_CLOEXEC);
	ASSERT_STR(info_of(both).name, "both");
	ASSERT_INT(info_of(both).num_fences, ==, 2);
	advance(points[1].timeline, 1);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	advance(points[0].timeline, 1);
	assert_gets_readable(both);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	ASSERT_TRUE(dma_fence_is_signaled(points[0].fence));
	ASSERT_INT(dma_fence_timestamp(fence), ==, dma_fence_timestamp(points[0].fence));
	put_last(fence);
	close(both);
	end_point(&points[0]);
	end_point(&points[1]);
}

TEST(an_error_of_one_member_is_that_of_the_whole)
{
	struct point points[2] = { make_point(), make_point() };
	const int both = sync_file_merge(NULL, points[0].fd, points[1].fd);
	struct dma_fence *fence = take_in(both);

	close(points[1].timeline);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	advance(points[0].timeline, 1);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, -ENOENT);
	put_last(fence);
	close(both);
	points[1].timeline = open_timeline();
	end_point(&points[0]);
	end_point(&points[1]);
}

TEST(one_of_the_kernels_and_one_of_ours_give_one_of_ours)
{
	const struct point point = make_point();
	struct dma_fence *ours = make_fence();
	const int fd = make_fd(ours), both = sync_file_merge("both", fd, point.fd);
	struct sync_fence_info infos[2];
	struct sync_file_info info = { .num_fences = 2, .sync_fence_info = (uintptr_t)infos };

	ASSERT_INT(sync_file_get_info(both, &info), ==, 0);
	ASSERT_INT(info.num_fences, ==, 2);
	advance(point.timeline, 1);
	ASSERT_NOT_READABLE(both);
	dma_fence_signal(ours);
	assert_gets_readable(both);
	ASSERT_INT(info_of(both).status, ==, 1);
	close(both);
	close(fd);
	dma_fence_put(ours);
	end_point(&point);
}

TEST(the_kernel_may_be_the_last_that_a_descriptor_of_ours_waits_for)
{
	const struct point point = make_point();
	struct dma_fence *ours = make_fence();
	const int fd = make_fd(ours), both = sync_file_merge("both", point.fd, fd);

	dma_fence_signal(ours);
	ASSERT_NOT_READABLE(both);
	advance(point.timeline, 1);
	assert_gets_readable(both);
	close(both);
	close(fd);
	dma_fence_put(ours);
	end_point(&point);
}

TEST(the_kernels_merge_with_nothing_else)
{
	const struct point point = make_point();
	const int other = open("/dev/null", O_RDONLY);

	ASSERT_INT(sync_file_merge("", point.fd, other), ==, -EINVAL);
	ASSERT_INT(sync_file_merge("", other, point.fd), ==, -EINVAL);
	close(other);
	ASSERT_INT(sync_file_merge("", point.fd, other), ==, -EBADF);
	ASSERT_INT(sync_file_merge("", other, point.fd), ==, -EBADF);
	end_point(&point);
}

/*
 * To the kernel.
 */

TEST(a_fence_of_the_kernel_goes_back_to_it)
{
	const struct point point = make_point();
	const int back = sync_file_kernel_fd(point.fence);

	ASSERT_INT(back, >=, 0);
	ASSERT_INT(fcntl(back, F_GETFD), ==, FD_CLOEXEC);
	ASSERT_STR(info_of(back).name, info_of(point.fd).name);
	ASSERT_NOT_READABLE(back);
	advance(point.timeline, 1);
	ASSERT_READABLE(back);
	close(back);
	ASSERT_INT(sync_file_kernel_fd(point.fence), ==, -ENOENT);
	end_point(&point);
}

TEST(an_array_goes_back_merged_once_ours_has_signalled)
{
	const struct point points[2] = { make_point(), make_point() };
	struct dma_fence *members[3] = { points[0].fence, make_fence(), points[1].fence };
	struct dma_fence *array = make_array(members, 3);
	struct test_resources before;
	int back;

	before = test_resources();
	ASSERT_FALSE(dma_fence_is_finite(array));
	ASSERT_INT(sync_file_kernel_fd(array), ==, -EBUSY);
	ASSERT_RESOURCES(before);
	dma_fence_signal(members[1]);
	ASSERT_TRUE(dma_fence_is_finite(array));
	back = sync_file_kernel_fd(array);
	ASSERT_INT(info_of(back).num_fences, ==, 2);
	advance(points[0].timeline, 1);
	ASSERT_NOT_READABLE(back);
	advance(points[1].timeline, 1);
	assert_gets_readable(back);
	close(back);
	ASSERT_INT(dma_fence_wait(array, false), ==, 0);
	ASSERT_INT(sync_file_kernel_fd(array), ==, -ENOENT);
	put_last(array);
	dma_fence_put(members[1]);
	end_point(&points[0]);
	end_point(&points[1]);
}

#define MANY 100

TEST(many_of_the_kernels_are_one_for_it_and_for_us)
{
	struct point points[MANY];
	struct dma_fence *members[MANY], *array, *fence;
	int fd;

	for (int i = 0; i < MANY; i++) {
		points[i] = make_point();
		members[i] = points[i].fence;
	}
	array = make_array(members, MANY);
	fd = sync_file_kernel_fd(array);
	ASSERT_INT(info_of(fd).num_fences, ==, MANY);
	fence = take_in(fd);
	for (int i = MANY; i; i--) {
		ASSERT_FALSE(dma_fence_is_signaled(fence));
		advance(points[i - 1].timeline, 1);
	}
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_wait(array, false), ==, 0);
	ASSERT_INT(dma_fence_timestamp(fence), ==, dma_fence_timestamp(members[0]));
	put_last(fence);
	put_last(array);
	close(fd);
	for (int i = 0; i < MANY; i++)
		end_point(&points[i]);
}

/*
 * None left.
 */

TEST(without_a_free_descriptor_the_kernel_gives_none)
{
	const struct point points[2] = { make_point(), make_point() };
	struct dma_fence *members[2] = { points[0].fence, points[1].fence };
	struct dma_fence *array = make_array(members, 2);
	const int lowest = dup(0);
	struct rlimit old, none;
	const struct test_resources before = test_resources();

	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ (rlim_t)lowest, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	ASSERT_PTR(sync_file_get_fence(points[0].fd), ==, NULL);
	ASSERT_INT(sync_file_merge("", points[0].fd, points[1].fd), ==, -EMFILE);
	ASSERT_INT(sync_file_kernel_fd(points[0].fence), ==, -EMFILE);
	ASSERT_INT(sync_file_kernel_fd(array), ==, -EMFILE);
	setrlimit(RLIMIT_NOFILE, &old);
	ASSERT_RESOURCES(before);
	close(lowest);
	dma_fence_put(array);
	end_point(&points[0]);
	end_point(&points[1]);
}
