/* SPDX-License-Identifier: MIT */
/* Sockets, and what is sent over them past the library. Its includer defines _GNU_SOURCE. */
#ifndef TESTS_SOCKETS_H
#define TESTS_SOCKETS_H

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "libc.h"
#include "os/channel.h"
#include "os/file.h"

/*
 * Interruptions, which no test can wait for.
 */

static unsigned int interruptions; /* of the next calls */

static inline bool is_interrupted(void)
{
	if (!interruptions)
		return false;
	interruptions--;
	errno = EINTR;
	return true;
}

int poll(struct pollfd *entries, nfds_t count, int timeout)
{
	return is_interrupted() ? -1 : NEXT(poll)(entries, count, timeout);
}

ssize_t recvmsg(int fd, struct msghdr *head, int flags)
{
	return is_interrupted() ? -1 : NEXT(recvmsg)(fd, head, flags);
}

static int refusal; /* of all that is sent: an errno */

ssize_t sendmsg(int fd, const struct msghdr *head, int flags)
{
	if (!refusal)
		return is_interrupted() ? -1 : NEXT(sendmsg)(fd, head, flags);
	errno = refusal;
	return -1;
}

/*
 * What is sent.
 */

struct pair {
	int here, there;
};

static inline struct pair make_pair(int type)
{
	int ends[2];

	ASSERT_INT(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), ==, 0);
	return (struct pair){ ends[0], ends[1] };
}

static inline void close_pair(const struct pair *pair)
{
	close(pair->here);
	close(pair->there);
}

static inline void close_fds(const int *fds, unsigned int count)
{
	while (count)
		close(fds[--count]);
}

static inline int a_file(void)
{
	const int fd = os_memfd_create("sent");

	ASSERT_INT(fd, >=, 0);
	return fd;
}

static inline struct os_message message(void *bytes, size_t size, int *fds, unsigned int count)
{
	return (struct os_message){ .bytes = bytes, .size = size, .fds = fds, .count = count };
}

/* Past the library, which would not. */
static inline void send_raw(int sock, const void *bytes, size_t size, const int *fds, unsigned int count)
{
	struct iovec part = { (void *)(uintptr_t)bytes, size };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(count * sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count) {
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	ASSERT_INT(sendmsg(sock, &head, MSG_NOSIGNAL), ==, size);
}

static inline void send_raw_files(int sock, const void *bytes, size_t size, unsigned int count)
{
	const int file = a_file();
	int fds[253];

	for (unsigned int i = 0; i < count; i++)
		fds[i] = file;
	send_raw(sock, bytes, size, fds, count);
	close(file);
}

#endif
