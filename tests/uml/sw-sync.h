/* SPDX-License-Identifier: MIT */
/*
 * The kernel's timelines for tests, sw_sync: fences that it signals when it is told how far a
 * timeline has come.
 */
#ifndef TESTS_SW_SYNC_H
#define TESTS_SW_SYNC_H

#include <linux/ioctl.h>
#include <linux/sync_file.h>
#include <linux/types.h>
#include <sys/ioctl.h>

#include "../fence/descriptors.h"

/* No header has them: the kernel's interface for tests is not a promise. */
struct sw_sync_create_fence {
	__u32 value;
	char name[32];
	__s32 fence;
};
#define SW_SYNC_CREATE_FENCE _IOWR('W', 0, struct sw_sync_create_fence)
#define SW_SYNC_INC _IOW('W', 1, __u32)

/* A descriptor; the last close ends its fences. */
static inline int open_timeline(void)
{
	const int timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);

	ASSERT_INT(timeline, >=, 0);
	return timeline;
}

/* A sync_file for the fence that signals when @timeline has come to @value. */
static inline int kernel_sync_file(int timeline, unsigned int value)
{
	struct sw_sync_create_fence data = { .value = value };

	ASSERT_INT(ioctl(timeline, SW_SYNC_CREATE_FENCE, &data), ==, 0);
	ASSERT_INT(data.fence, >=, 0);
	return data.fence;
}

static inline void advance(int timeline, unsigned int by)
{
	const __u32 value = by;

	ASSERT_INT(ioctl(timeline, SW_SYNC_INC, &value), ==, 0);
}

/* A timeline with one fence to come, and that fence. */
struct point {
	int timeline;
	int fd;
	struct dma_fence *fence;
};

static inline struct point make_point(void)
{
	struct point point = { .timeline = open_timeline() };

	point.fd = kernel_sync_file(point.timeline, 1);
	point.fence = take_in(point.fd);
	return point;
}

static inline void end_point(const struct point *point)
{
	put_last(point->fence);
	close(point->fd);
	close(point->timeline);
}

static inline struct sync_file_info info_of(int fd)
{
	struct sync_file_info info = { .num_fences = 0 };

	ASSERT_INT(sync_file_get_info(fd, &info), ==, 0);
	return info;
}

/* For what becomes readable for sure, if not at once. */
static inline void assert_gets_readable(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	ASSERT_INT(poll(&entry, 1, -1), ==, 1);
	ASSERT_INT(entry.revents, ==, POLLIN);
}

#endif
