/* SPDX-License-Identifier: MIT */
/* Messages with descriptors: whole ones over a channel, and over any Unix socket. */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libc.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/file.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

#define SECOND INT64_C(1000000000)
#define NOW os_deadline_ns(0)
#define SOON os_deadline_ns(SECOND / 100)
#define LATER os_deadline_ns(20 * SECOND)

/*
 * Interruptions, which no test can wait for.
 */

static unsigned int interruptions; /* of the next calls */

static bool is_interrupted(void)
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

static struct pair make_channel(void)
{
	int ends[2];

	ASSERT_INT(os_channel_pair(ends), ==, 0);
	return (struct pair){ ends[0], ends[1] };
}

static struct pair make_pair(int type)
{
	int ends[2];

	ASSERT_INT(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), ==, 0);
	return (struct pair){ ends[0], ends[1] };
}

static void close_pair(const struct pair *pair)
{
	close(pair->here);
	close(pair->there);
}

static void close_fds(const int *fds, unsigned int count)
{
	while (count)
		close(fds[--count]);
}

static int a_file(void)
{
	const int fd = os_memfd_create("sent");

	ASSERT_INT(fd, >=, 0);
	return fd;
}

static struct os_message message(void *bytes, size_t size, int *fds, unsigned int count)
{
	return (struct os_message){ .bytes = bytes, .size = size, .fds = fds, .count = count };
}

/* @text with @count descriptors of one file. */
static int send_text(int sock, const char *text, unsigned int count)
{
	const int file = count ? a_file() : -1;
	char bytes[64];
	int fds[OS_MOST_FDS];
	struct os_message sent = message(bytes, strlen(text), fds, count);
	int err;

	memcpy(bytes, text, strlen(text));
	for (unsigned int i = 0; i < count; i++)
		fds[i] = file;
	err = os_channel_send(sock, &sent);
	if (count)
		close(file);
	return err;
}

/* The same past the library, which would not. */
static void send_raw(int sock, const void *bytes, size_t size, const int *fds, unsigned int count)
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

static void send_raw_files(int sock, const void *bytes, size_t size, unsigned int count)
{
	const int file = a_file();
	int fds[253];

	for (unsigned int i = 0; i < count; i++)
		fds[i] = file;
	send_raw(sock, bytes, size, fds, count);
	close(file);
}

/* What comes must be @text with @count descriptors. */
static void receive_text(int sock, const char *text, unsigned int count)
{
	char bytes[64] = { 0 };
	int fds[OS_MOST_FDS];
	struct os_message received = message(bytes, sizeof(bytes) - 1, fds, OS_MOST_FDS);

	ASSERT_INT(os_channel_receive(sock, &received), ==, 0);
	ASSERT_STR(bytes, text);
	ASSERT_INT(received.size, ==, strlen(text));
	ASSERT_INT(received.count, ==, count);
	close_fds(fds, received.count);
}

static int receive_into(int sock, size_t size, unsigned int room)
{
	char bytes[64];
	int fds[OS_MOST_FDS];
	struct os_message received = message(bytes, size, fds, room);
	const int err = os_channel_receive(sock, &received);

	if (!err)
		close_fds(fds, received.count);
	else
		ASSERT_INT(received.count, ==, 0);
	return err;
}

/*
 * Channels.
 */

TEST(a_message_comes_whole_with_its_descriptors)
{
	const struct pair pair = make_channel();
	const int file = a_file();
	char bytes[8] = "abcdefg";
	int fd = file;
	struct os_message sent = message(bytes, 7, &fd, 1), received;
	struct os_file is, was;
	char got[8] = { 0 };
	int fds[2];

	ASSERT_INT(os_channel_send(pair.here, &sent), ==, 0);
	received = message(got, sizeof(got), fds, 2);
	ASSERT_INT(os_channel_receive(pair.there, &received), ==, 0);
	ASSERT_STR(got, "abcdefg");
	ASSERT_INT(received.size, ==, 7);
	ASSERT_INT(received.count, ==, 1);
	ASSERT_INT(fcntl(fds[0], F_GETFD), ==, FD_CLOEXEC);
	ASSERT_INT(os_file_inspect(file, &was), ==, 0);
	ASSERT_INT(os_file_inspect(fds[0], &is), ==, 0);
	ASSERT_INT(is.key.number, ==, was.key.number);
	close(fds[0]);
	close(file);
	close_pair(&pair);
}

TEST(the_ends_of_a_channel_are_closed_on_exec)
{
	const struct pair pair = make_channel();

	ASSERT_INT(fcntl(pair.here, F_GETFD), ==, FD_CLOEXEC);
	ASSERT_INT(fcntl(pair.there, F_GETFD), ==, FD_CLOEXEC);
	close_pair(&pair);
}

TEST(messages_stay_apart)
{
	const struct pair pair = make_channel();

	ASSERT_INT(send_text(pair.here, "one", 2), ==, 0);
	ASSERT_INT(send_text(pair.here, "two", 0), ==, 0);
	ASSERT_INT(send_text(pair.here, "three", OS_MOST_FDS), ==, 0);
	receive_text(pair.there, "one", 2);
	receive_text(pair.there, "two", 0);
	receive_text(pair.there, "three", OS_MOST_FDS);
	ASSERT_INT(receive_into(pair.there, 8, 1), ==, -EAGAIN);
	close_pair(&pair);
}

TEST(a_full_channel_takes_no_more_until_some_were_read)
{
	const struct pair pair = make_channel();
	unsigned int count = 0;

	while (!send_text(pair.here, "more", 0))
		count++;
	ASSERT_INT(send_text(pair.here, "more", 0), ==, -EAGAIN);
	ASSERT_INT(count, >, 50);
	for (unsigned int i = 0; i < count; i++)
		receive_text(pair.there, "more", 0);
	ASSERT_INT(send_text(pair.here, "more", 0), ==, 0);
	close_pair(&pair);
}

TEST(a_message_that_is_too_long_is_refused_and_gone)
{
	const struct pair pair = make_channel();

	ASSERT_INT(send_text(pair.here, "too long", 3), ==, 0);
	ASSERT_INT(send_text(pair.here, "next", 0), ==, 0);
	ASSERT_INT(receive_into(pair.there, 4, 3), ==, -EPROTO);
	receive_text(pair.there, "next", 0);
	close_pair(&pair);
}

TEST(a_message_with_too_many_descriptors_is_refused_and_gone)
{
	const struct pair pair = make_channel();

	ASSERT_INT(send_text(pair.here, "three", 3), ==, 0);
	send_raw_files(pair.here, "many", 4, 253);
	ASSERT_INT(send_text(pair.here, "next", 0), ==, 0);
	ASSERT_INT(receive_into(pair.there, 8, 2), ==, -EPROTO);
	ASSERT_INT(receive_into(pair.there, 8, OS_MOST_FDS), ==, -EPROTO);
	receive_text(pair.there, "next", 0);
	close_pair(&pair);
}

TEST(who_hung_up_is_seen_to_have)
{
	const struct pair pair = make_channel();

	ASSERT_FALSE(os_channel_is_closed(pair.here));
	ASSERT_INT(send_text(pair.there, "last", 1), ==, 0);
	ASSERT_FALSE(os_channel_is_closed(pair.here));
	close(pair.there);
	ASSERT_TRUE(os_channel_is_closed(pair.here));
	receive_text(pair.here, "last", 1);
	ASSERT_INT(receive_into(pair.here, 8, 1), ==, -EPIPE);
	ASSERT_INT(send_text(pair.here, "nobody", 0), ==, -EPIPE);
	close(pair.here);
}

TEST(what_was_sent_before_the_other_one_hung_up_unread_is_read)
{
	const struct pair pair = make_channel();

	ASSERT_INT(send_text(pair.here, "unread", 0), ==, 0);
	ASSERT_INT(send_text(pair.there, "last", 1), ==, 0);
	close(pair.there);
	receive_text(pair.here, "last", 1);
	ASSERT_INT(receive_into(pair.here, 8, 1), ==, -EPIPE);
	close(pair.here);
}

TEST(who_hung_up_unread_takes_nothing_more)
{
	const struct pair pair = make_channel();

	ASSERT_INT(send_text(pair.here, "unread", 0), ==, 0);
	close(pair.there);
	ASSERT_INT(send_text(pair.here, "more", 0), ==, -EPIPE);
	ASSERT_INT(send_text(pair.here, "more", 0), ==, -EPIPE);
	close(pair.here);
}

TEST(an_interrupted_reader_reads_again)
{
	const struct pair pair = make_channel();

	ASSERT_INT(send_text(pair.here, "text", 0), ==, 0);
	interruptions = 3;
	receive_text(pair.there, "text", 0);
	ASSERT_INT(interruptions, ==, 0);
	close_pair(&pair);
}

/* Which the kernel does not say to root. */
TEST(descriptors_on_the_way_are_descriptors)
{
	const struct pair pair = make_channel();

	refusal = ETOOMANYREFS;
	ASSERT_INT(send_text(pair.here, "text", 1), ==, -EMFILE);
	refusal = 0;
	close_pair(&pair);
}

TEST(a_channel_is_nothing_else)
{
	const struct pair channel = make_channel(), stream = make_pair(SOCK_STREAM);
	const int file = a_file(), internet = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_TRUE(os_channel_is(channel.here));
	ASSERT_FALSE(os_channel_is(stream.here));
	ASSERT_FALSE(os_channel_is(file));
	ASSERT_FALSE(os_channel_is(internet));
	ASSERT_FALSE(os_channel_is(-1));
	close(internet);
	close(file);
	close_pair(&stream);
	close_pair(&channel);
}

TEST(without_a_free_descriptor_there_is_no_channel)
{
	int ends[2] = { -7, -7 };

	os_fault_arm(1);
	ASSERT_INT(os_channel_pair(ends), ==, -EMFILE);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_INT(ends[0], ==, -7);
	ASSERT_INT(ends[1], ==, -7);
}

/* An enemy can set that, for an end that it passes on. */
TEST(descriptors_that_nobody_sent_are_closed)
{
	const struct pair pair = make_channel();
	const int on = 1;

	if (setsockopt(pair.there, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on))) {
		close_pair(&pair);
		puts("not tested: this kernel sends no pidfds");
		test_skip();
	}
	for (unsigned int i = 0; i < 8; i++) {
		ASSERT_INT(send_text(pair.here, "text", i % 2), ==, 0);
		receive_text(pair.there, "text", i % 2);
	}
	close_pair(&pair);
}

/*
 * Other sockets.
 */

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

#define TYPES (sizeof(types) / sizeof(types[0]))

static int send_four(int sock, unsigned int count, int64_t deadline)
{
	const int file = a_file();
	char bytes[4] = "four";
	int fds[4] = { file, file, file, file }, err;
	struct os_message sent = message(bytes, 4, fds, count);

	err = os_message_send_by(sock, &sent, deadline);
	close(file);
	return err;
}

/* Four bytes, and up to two descriptors. */
static int receive_four(int sock, unsigned int *ret_count, int64_t deadline)
{
	char bytes[4];
	int fds[2], err;
	struct os_message received = message(bytes, 4, fds, 2);

	err = os_message_receive_by(sock, &received, deadline);
	*ret_count = received.count;
	for (unsigned int i = 0; i < received.count; i++)
		ASSERT_INT(fcntl(fds[i], F_GETFD), ==, FD_CLOEXEC);
	close_fds(fds, received.count);
	if (err)
		ASSERT_INT(received.count, ==, 0);
	else
		ASSERT_INT(memcmp(bytes, "four", 4), ==, 0);
	return err;
}

TEST(any_socket_carries_a_message)
{
	for (unsigned int i = 0; i < TYPES; i++) {
		const struct pair pair = make_pair(types[i]);
		unsigned int count;

		ASSERT_INT(send_four(pair.here, 2, LATER), ==, 0);
		ASSERT_INT(receive_four(pair.there, &count, INT64_MAX), ==, 0);
		ASSERT_INT(count, ==, 2);
		ASSERT_INT(send_four(pair.here, 0, INT64_MAX), ==, 0);
		ASSERT_INT(receive_four(pair.there, &count, NOW), ==, 0);
		ASSERT_INT(count, ==, 0);
		close_pair(&pair);
	}
}

TEST(a_message_ends_where_the_next_one_begins)
{
	const struct pair pair = make_pair(SOCK_STREAM);
	unsigned int count;
	char rest[4] = { 0 };

	send_raw_files(pair.here, "fourrest", 8, 1);
	ASSERT_INT(receive_four(pair.there, &count, LATER), ==, 0);
	ASSERT_INT(count, ==, 1);
	ASSERT_INT(read(pair.there, rest, 4), ==, 4);
	ASSERT_INT(memcmp(rest, "rest", 4), ==, 0);
	close_pair(&pair);
}

/* The next piece when the one before has been read. */
static void send_pieces(void *arg)
{
	const int sock = *(int *)arg;
	const char *bytes = "four";

	for (unsigned int i = 0; i < 4; i++) {
		send_raw_files(sock, bytes + i, 1, i % 2);
		usleep(1000);
	}
}

TEST(a_stream_brings_a_message_in_pieces)
{
	struct pair pair = make_pair(SOCK_STREAM);
	struct test_thread *sender = test_thread_start(send_pieces, &pair.here);
	unsigned int count;

	ASSERT_INT(receive_four(pair.there, &count, LATER), ==, 0);
	ASSERT_INT(count, ==, 2);
	test_thread_join(sender);
	close_pair(&pair);
}

TEST(pieces_with_too_many_descriptors_are_refused)
{
	const struct pair pair = make_pair(SOCK_STREAM);
	unsigned int count;

	send_raw_files(pair.here, "fo", 2, 2);
	send_raw_files(pair.here, "ur", 2, 1);
	ASSERT_INT(receive_four(pair.there, &count, LATER), ==, -EPROTO);
	close_pair(&pair);
}

TEST(half_a_message_and_no_more_is_refused)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct pair pair = make_pair(types[i]);
		unsigned int count;

		send_raw_files(pair.here, "fo", 2, 1);
		close(pair.here);
		ASSERT_INT(receive_four(pair.there, &count, LATER), ==, -EPROTO);
		close(pair.there);
	}
}

TEST(a_message_that_is_longer_than_asked_for_is_refused)
{
	for (unsigned int i = 1; i < TYPES; i++) {
		const struct pair pair = make_pair(types[i]);
		unsigned int count;

		send_raw_files(pair.here, "fours", 5, 2);
		ASSERT_INT(receive_four(pair.there, &count, LATER), ==, -EPROTO);
		close_pair(&pair);
	}
}

TEST(who_hangs_up_before_the_message_breaks_the_pipe)
{
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int unread = 0; unread < 2; unread++) {
			const struct pair pair = make_pair(types[i]);
			unsigned int count;

			if (unread)
				send_raw_files(pair.here, "unread", 6, 1);
			close(pair.there);
			ASSERT_INT(receive_four(pair.here, &count, LATER), ==, -EPIPE);
			ASSERT_INT(send_four(pair.here, 1, LATER), ==, -EPIPE);
			close(pair.here);
		}
	}
}

TEST(who_hangs_up_after_the_message_has_sent_it)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct pair pair = make_pair(types[i]);
		unsigned int count;

		send_raw_files(pair.here, "unread", 6, 1);
		send_raw_files(pair.there, "four", 4, 1);
		close(pair.there);
		ASSERT_INT(receive_four(pair.here, &count, LATER), ==, 0);
		close(pair.here);
	}
}

TEST(nobody_hears_a_datagram_socket_that_was_closed_but_who_sends)
{
	const struct pair pair = make_pair(SOCK_DGRAM);
	unsigned int count;

	close(pair.there);
	ASSERT_INT(send_four(pair.here, 1, LATER), ==, -EPIPE);
	ASSERT_INT(receive_four(pair.here, &count, SOON), ==, -ETIMEDOUT);
	close(pair.here);
}

TEST(a_message_comes_in_time_or_not_at_all)
{
	for (unsigned int i = 0; i < TYPES; i++) {
		const struct pair pair = make_pair(types[i]);
		unsigned int count;

		ASSERT_INT(receive_four(pair.there, &count, NOW), ==, -ETIMEDOUT);
		ASSERT_INT(receive_four(pair.there, &count, SOON), ==, -ETIMEDOUT);
		send_raw_files(pair.here, "fo", 2, 2);
		ASSERT_INT(receive_four(pair.there, &count, SOON), ==, -ETIMEDOUT);
		close_pair(&pair);
	}
}

TEST(a_message_goes_in_time_or_not_at_all)
{
	for (unsigned int i = 0; i < TYPES; i++) {
		const struct pair pair = make_pair(types[i]);

		while (send(pair.here, "full", 4, MSG_DONTWAIT) == 4)
			;
		ASSERT_INT(send_four(pair.here, 1, NOW), ==, -ETIMEDOUT);
		ASSERT_INT(send_four(pair.here, 1, SOON), ==, -ETIMEDOUT);
		close_pair(&pair);
	}
}

TEST(interruptions_do_not_end_a_message)
{
	const struct pair pair = make_pair(SOCK_STREAM);
	unsigned int count;

	interruptions = 2;
	ASSERT_INT(send_four(pair.here, 1, LATER), ==, 0);
	ASSERT_INT(interruptions, ==, 0);
	interruptions = 2;
	ASSERT_INT(receive_four(pair.there, &count, LATER), ==, 0);
	ASSERT_INT(interruptions, ==, 0);
	ASSERT_INT(count, ==, 1);
	close_pair(&pair);
}

TEST(what_is_no_socket_says_so)
{
	const int file = a_file();
	unsigned int count;

	ASSERT_INT(receive_four(file, &count, LATER), ==, -ENOTSOCK);
	ASSERT_INT(send_four(file, 1, LATER), ==, -ENOTSOCK);
	ASSERT_INT(os_socket_peer_user(file), ==, -ENOTSOCK);
	close(file);
	ASSERT_INT(receive_four(file, &count, LATER), ==, -EBADF);
}

TEST(a_socket_knows_the_user_at_its_other_end)
{
	const struct pair pair = make_pair(SOCK_STREAM);

	ASSERT_INT(os_own_user(), ==, geteuid());
	ASSERT_INT(os_socket_peer_user(pair.here), ==, geteuid());
	os_fault_arm(1);
	ASSERT_INT(os_socket_peer_user(pair.here), <, 0);
	ASSERT_TRUE(os_fault_disarm());
	close_pair(&pair);
}
