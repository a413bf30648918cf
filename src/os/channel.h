/* SPDX-License-Identifier: MIT */
/*
 * Messages with descriptors, over Unix sockets. Nothing here sleeps but os_message_*_by(), and
 * nothing raises SIGPIPE.
 */
#ifndef OS_CHANNEL_H
#define OS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OS_MOST_FDS = 250 }; /* in one message */

struct os_message {
	void *bytes;
	size_t size; /* received: how many there were */
	int *fds;
	unsigned int count; /* received: how many there were; close-on-exec, the caller's */
};

/* Two ends, for whole messages, close-on-exec. 0 or -errno. */
int os_channel_pair(int ret_ends[2]);

/* Is @fd an end of one? Whatever else somebody sent, poll() might never return of it. */
bool os_channel_is(int fd);

/*
 * 0; -EAGAIN: full; -EPIPE: the other end is closed; -EMFILE: too many descriptors are on the way;
 * another -errno.
 */
int os_channel_send(int fd, const struct os_message *message);

/*
 * @message has room for size and count. 0; -EAGAIN: there is none; -EPIPE: nor will there be;
 * -EPROTO: there was one that does not fit, and it is gone; -EMFILE: there was one, and this process has no
 * room for its descriptors: only its bytes are left; another -errno.
 */
int os_channel_receive(int fd, struct os_message *message);

/* Has the other end been closed? */
bool os_channel_is_closed(int fd);

/*
 * The same on a socket of the caller's, of any type, which may be slow: the bytes may come in pieces.
 * All of @message, or: -ETIMEDOUT; -EPIPE; -EPROTO: too little, or too many descriptors; another
 * -errno. Descriptors of what failed are closed.
 */
int os_message_send_by(int fd, const struct os_message *message, int64_t deadline_ns);
int os_message_receive_by(int fd, struct os_message *message, int64_t deadline_ns);

/* Who has the other end of a Unix socket: its user, or -errno. */
int64_t os_socket_peer_user(int fd);
int64_t os_own_user(void);

#endif
