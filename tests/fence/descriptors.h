/* SPDX-License-Identifier: MIT */
/* Descriptors of fences for the tests, and what poll() says of them. */
#ifndef TESTS_DESCRIPTORS_H
#define TESTS_DESCRIPTORS_H

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dmabuf/sync-file.h>

#include "fences.h"

/* The library's set of descriptors stays once it is made: be past that before anybody counts. */
__attribute__((constructor)) static void make_the_set(void)
{
	const int fd = sync_file_reserve_fd(O_CLOEXEC);

	if (fd < 0)
		abort();
	sync_file_cancel_fd(fd);
}

/* @fence keeps its references. */
static inline int make_fd(struct dma_fence *fence)
{
	struct sync_file *file = sync_file_create(fence);
	int fd;

	ASSERT_PTR(file, !=, NULL);
	fd = sync_file_fd(file, O_CLOEXEC);
	ASSERT_INT(fd, >=, 0);
	return fd;
}

/* What poll() says now. */
static inline int poll_now(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	ASSERT_INT(poll(&entry, 1, 0), >=, 0);
	return entry.revents;
}

#define ASSERT_READABLE(fd) ASSERT_INT(poll_now(fd), ==, POLLIN)
#define ASSERT_NOT_READABLE(fd) ASSERT_INT(poll_now(fd), ==, 0)

static inline void assert_stands_for(int fd, struct dma_fence *fence)
{
	struct dma_fence *found = sync_file_get_fence(fd);

	ASSERT_PTR(found, ==, fence);
	dma_fence_put(found);
}

/* Of a sync_file of the kernel. */
static inline struct dma_fence *take_in(int fd)
{
	struct dma_fence *fence = sync_file_get_fence(fd);

	ASSERT_PTR(fence, !=, NULL);
	return fence;
}

/* Whoever watches holds the fence for a moment. */
static inline void put_last(struct dma_fence *fence)
{
	WAIT_UNTIL(load_acquire(&fence->refcount.count) == 1);
	dma_fence_put(fence);
}

/* The status with which a child ends that runs @func. */
static inline int run_in_child(void (*func)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ASSERT_INT(pid, >=, 0);
	if (!pid) {
		func(arg);
		_exit(0);
	}
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#endif
