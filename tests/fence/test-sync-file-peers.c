/* SPDX-License-Identifier: MIT */
/* Descriptors of fences in other processes, and what their owners do with them. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "descriptors.h"
#include "fence/sync-file.h"

static void send_fd(int to, int fd)
{
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	ASSERT_INT(sendmsg(to, &message, 0), ==, 1);
}

static int receive_fd(int from)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = room, .msg_controllen = sizeof(room) };
	int fd;

	if (recvmsg(from, &message, 0) != 1)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* In a child: waits for a descriptor, then until it is readable, and says how. */
static void poll_received(int from)
{
	const int fd = receive_fd(from);
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	if (fd < 0 || poll_now(fd) || sync_file_get_fence(fd))
		_exit(100);
	send(from, "", 1, 0); /* not readable so far */
	poll(&entry, 1, -1);
	_exit(entry.revents);
}

TEST(a_copy_that_was_sent_to_another_process_is_readable_there)
{
	struct dma_fence *fence = make_fence();
	int fd, ends[2], status;
	char byte;
	pid_t pid;

	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	pid = fork();
	if (!pid) {
		close(ends[0]);
		poll_received(ends[1]);
	}
	fd = make_fd(fence);
	send_fd(ends[0], fd);
	close(fd);
	ASSERT_INT(read(ends[0], &byte, 1), ==, 1);
	/* The other process has the only copy, and it counts. */
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_INT(load_relaxed(&fence->refcount.count), ==, 2);
	dma_fence_signal(fence);
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(WEXITSTATUS(status), ==, POLLIN);
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_INT(load_relaxed(&fence->refcount.count), ==, 1);
	close(ends[0]);
	close(ends[1]);
	dma_fence_put(fence);
}

/* Then the library's end holds theirs, and would wait for its end. */
TEST(a_copy_that_was_sent_through_itself_does_not_keep_its_fence)
{
	struct dma_fence *fence = make_fence();

	for (int signalled = 0; signalled < 2; signalled++) {
		const int fd = make_fd(fence), copy = dup(fd);

		send_fd(fd, fd);
		send_fd(fd, copy);
		close(fd);
		send_fd(copy, copy);
		close(copy);
		while (load_acquire(&fence->refcount.count) > 1)
			ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
		dma_fence_signal(fence);
	}
	dma_fence_put(fence);
}

TEST(what_others_write_disturbs_nobody)
{
	enum { FILES = 40 };
	struct dma_fence *fence = make_fence();
	char bytes[4096] = { 0 };
	int fds[FILES];

	for (int i = 0; i < FILES; i++) {
		fds[i] = make_fd(fence);
		/* As much as there is room for. */
		while (send(fds[i], bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			;
		if (i % 2)
			ASSERT_INT(shutdown(fds[i], SHUT_WR), ==, 0);
	}
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < FILES; i++) {
			assert_stands_for(fds[i], fence);
			ASSERT_NOT_READABLE(fds[i]);
		}
	}
	for (int i = 0; i < FILES; i++)
		close(fds[i]);
	while (load_acquire(&fence->refcount.count) > 1)
		ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	dma_fence_put(fence);
}

static unsigned int events;

static void count_events(const char *label)
{
	events += !strcmp(label, "sync_file: before a hang-up");
}

/* As many as there is room for in one look: it does not look whether there are more. */
TEST(who_only_writes_keeps_nobody)
{
	enum { FILES = 20, LOOK = 16 };
	struct dma_fence *fence = make_fence();
	int fds[FILES];

	for (int i = 0; i < FILES; i++)
		fds[i] = make_fd(fence);
	for (int i = 0; i < FILES; i++)
		ASSERT_INT(send(fds[i], "x", 1, MSG_NOSIGNAL), ==, 1);
	events = 0;
	os_race_hook(count_events);
	sync_fd_reap();
	ASSERT_INT(events, ==, LOOK);
	sync_fd_reap();
	os_race_hook(NULL);
	ASSERT_INT(events, ==, FILES);
	for (int i = 0; i < FILES; i++)
		close(fds[i]);
	dma_fence_put(fence);
}

/* It can be read to its end for ever: there is nothing more to be said about it. */
TEST(a_copy_that_is_shut_for_writing_is_looked_at_once)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);

	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_INT(shutdown(fd, SHUT_WR), ==, 0);
	events = 0;
	os_race_hook(count_events);
	for (unsigned int i = 0; i < 3; i++)
		assert_stands_for(fd, fence);
	os_race_hook(NULL);
	ASSERT_INT(events, ==, 1);
	close(fd);
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	dma_fence_put(fence);
}

static void send_and_die(void *arg)
{
	const int *to = arg;

	send_fd(*to, make_fd(make_fence()));
}

TEST(the_end_of_the_process_that_made_it_is_not_the_fences_signal)
{
	int ends[2], fd;

	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	ASSERT_INT(run_in_child(send_and_die, &ends[1]), ==, 0);
	fd = receive_fd(ends[0]);
	ASSERT_INT(poll_now(fd), ==, POLLIN | POLLHUP);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

TEST(who_shuts_a_copy_down_cuts_it_off_from_its_fence_and_no_more)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence), other = make_fd(fence);

	ASSERT_INT(shutdown(fd, SHUT_RDWR), ==, 0);
	ASSERT_PTR(sync_file_get_fence(fd), ==, NULL);
	ASSERT_INT(poll_now(fd), ==, POLLIN | POLLHUP);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	assert_stands_for(other, fence);
	ASSERT_NOT_READABLE(other);
	dma_fence_signal(fence);
	ASSERT_READABLE(other);
	close(fd);
	close(other);
	dma_fence_put(fence);
}
