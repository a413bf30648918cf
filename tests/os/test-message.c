/* SPDX-License-Identifier: MIT */
/* Messages with descriptors over the caller's sockets, of any type, which may be slow. */
#define _GNU_SOURCE
#include "sockets.h"

#include <fcntl.h>

#include "os/clock.h"

#define SECOND INT64_C(1000000000)
#define NOW os_deadline_ns(0)
#define SOON os_deadline_ns(SECOND / 100)
#define LATER os_deadline_ns(20 * SECOND)

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
