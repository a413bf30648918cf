/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fault.h"

#define NSEC_PER_MSEC 1000000
#define SLICE_NS INT64_C(3600000000000) /* in slices that poll() can count */

#ifndef SCM_PIDFD
#define SCM_PIDFD 4 /* Linux 6.5 */
#endif

enum { KERNEL_MOST_FDS = 253 }; /* in one message */

union control {
	struct cmsghdr head; /* for its alignment */
	/* For all that can come: also who sent it, as number and as descriptor, if somebody has asked for that. */
	char bytes[CMSG_SPACE(KERNEL_MOST_FDS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred)) +
		   CMSG_SPACE(sizeof(int))];
};

int os_channel_pair(int ret_ends[2])
{
	if (OS_FAULT())
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_ends))
		return -errno;
	return 0;
}

static void close_all(const int *fds, unsigned int count)
{
	while (count)
		close(fds[--count]);
}

/* How many bytes went, or -errno. */
static ssize_t send_some(int fd, const struct os_message *message, size_t from)
{
	struct iovec part = { (char *)message->bytes + from, message->size - from };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { 0 };
	ssize_t size;

	if (message->count && !from) {
		const size_t length = message->count * sizeof(int);

		control.head = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(length),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.head), message->fds, length);
		head.msg_control = &control;
		head.msg_controllen = CMSG_SPACE(length);
	}
	size = sendmsg(fd, &head, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (size < 0 && errno == ETOOMANYREFS)
		return -EMFILE; /* on the way, to all who have not read them */
	return size < 0 ? -errno : size;
}

/* Do they go to the end of @message's, of which @room may come? */
static bool add_fds(struct os_message *message, const int *fds, unsigned int count, unsigned int room)
{
	if (count > room - message->count)
		return false;
	memcpy(message->fds + message->count, fds, count * sizeof(int));
	message->count += count;
	return true;
}

/*
 * The descriptors of @head go to @message; false: more came than there is room for. Whoever made the
 * socket may have asked the kernel to add some of processes: nobody wants those.
 */
static bool take_fds(struct msghdr *head, struct os_message *message, unsigned int room)
{
	bool fits = true;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(head); part; part = CMSG_NXTHDR(head, part)) {
		const bool is_sent = part->cmsg_type == SCM_RIGHTS;
		unsigned int count;
		int fds[KERNEL_MOST_FDS];

		if (part->cmsg_level != SOL_SOCKET || !(is_sent || part->cmsg_type == SCM_PIDFD))
			continue;
		count = (unsigned int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(part), count * sizeof(int));
		if (is_sent && add_fds(message, fds, count, room))
			continue;
		close_all(fds, count);
		fits &= !is_sent;
	}
	return fits;
}

/*
 * How many bytes came; descriptors are added to the message's. 0: hung up; -EPROTO: too much; -EMFILE: this
 * process has no room for all descriptors.
 */
static ssize_t receive_some(int fd, struct os_message *message, size_t from, size_t size,
			    unsigned int room)
{
	struct iovec part = { (char *)message->bytes + from, size - from };
	union control control;
	struct msghdr head = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t received;

	received = recvmsg(fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	/* Said once, before what came, of one who hung up and had not read everything. */
	if (received < 0 && errno == ECONNRESET)
		received = recvmsg(fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (received < 0)
		return -errno;
	if (!take_fds(&head, message, room) || head.msg_flags & MSG_TRUNC)
		return -EPROTO;
	return (head.msg_flags & MSG_CTRUNC) ? -EMFILE : received;
}

static void drop(struct os_message *message)
{
	close_all(message->fds, message->count);
	message->count = 0;
}

/* Each kind of socket has its own word for it. */
static bool is_hang_up(ssize_t err)
{
	return err == -EPIPE || err == -ECONNRESET || err == -ECONNREFUSED;
}

int os_channel_send(int fd, const struct os_message *message)
{
	ssize_t size;

	if (OS_FAULT())
		return -EAGAIN;
	size = send_some(fd, message, 0);
	if (size >= 0)
		return 0;
	return is_hang_up(size) ? -EPIPE : (int)size;
}

int os_channel_receive(int fd, struct os_message *message)
{
	const unsigned int room = message->count;
	ssize_t size;

	message->count = 0;
	do
		size = receive_some(fd, message, 0, message->size, room);
	while (size == -EINTR);
	if (size <= 0) {
		drop(message);
		return !size || is_hang_up(size) ? -EPIPE : (int)size;
	}
	message->size = (size_t)size;
	return 0;
}

static bool is_option(int fd, int option, int expected)
{
	socklen_t size = sizeof(int);
	int value;

	return !getsockopt(fd, SOL_SOCKET, option, &value, &size) && value == expected;
}

bool os_channel_is(int fd)
{
	return is_option(fd, SO_DOMAIN, AF_UNIX) && is_option(fd, SO_TYPE, SOCK_SEQPACKET);
}

bool os_channel_is_closed(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLRDHUP };

	return poll(&entry, 1, 0) > 0 && entry.revents & (POLLHUP | POLLRDHUP | POLLERR);
}

/* Until @events: 0, -ETIMEDOUT or -errno. */
static int await(int fd, short events, int64_t deadline_ns)
{
	for (;;) {
		const int64_t left = os_remaining_ns(deadline_ns);
		const int64_t slice = left < SLICE_NS ? left : SLICE_NS;
		struct pollfd entry = { .fd = fd, .events = events };
		int ready;

		ready = poll(&entry, 1, (int)((slice + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC));
		if (ready > 0)
			return (entry.revents & POLLNVAL) ? -EBADF : 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (!os_remaining_ns(deadline_ns))
			return -ETIMEDOUT;
	}
}

static bool is_momentary(ssize_t err)
{
	return err == -EINTR || err == -EAGAIN;
}

int os_message_send_by(int fd, const struct os_message *message, int64_t deadline_ns)
{
	size_t sent = 0;

	while (sent < message->size) {
		int err = await(fd, POLLOUT, deadline_ns);
		ssize_t size;

		if (err)
			return err;
		size = send_some(fd, message, sent);
		if (size >= 0)
			sent += (size_t)size;
		else if (!is_momentary(size))
			return is_hang_up(size) ? -EPIPE : (int)size;
	}
	return 0;
}

int os_message_receive_by(int fd, struct os_message *message, int64_t deadline_ns)
{
	const unsigned int room = message->count;
	size_t received = 0;
	int err = 0;

	message->count = 0;
	while (!err && received < message->size) {
		ssize_t size;

		err = await(fd, POLLIN, deadline_ns);
		if (err)
			break;
		size = receive_some(fd, message, received, message->size, room);
		if (size > 0)
			received += (size_t)size;
		else if (!size || is_hang_up(size))
			err = received ? -EPROTO : -EPIPE;
		else if (!is_momentary(size))
			err = (int)size;
	}
	if (err)
		drop(message);
	return err;
}

int64_t os_socket_peer_user(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (OS_FAULT())
		return -ENOPROTOOPT;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length))
		return -errno;
	return peer.uid;
}

int64_t os_own_user(void)
{
	return geteuid();
}
