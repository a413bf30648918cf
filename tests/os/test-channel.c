/* SPDX-License-Identifier: MIT */
/* Channels: whole messages, with descriptors. */
#define _GNU_SOURCE
#include "sockets.h"

#include <fcntl.h>
#include <sys/resource.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

static struct pair make_channel(void)
{
	int ends[2];

	ASSERT_INT(os_channel_pair(ends), ==, 0);
	return (struct pair){ ends[0], ends[1] };
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

/* It says so of a message that it would have taken otherwise, and keeps none of it but the bytes. */
TEST(without_free_descriptors_those_of_a_message_are_lost)
{
	const struct pair pair = make_channel();
	char bytes[8] = { 0 };
	int fds[4];
	struct os_message received = message(bytes, sizeof(bytes), fds, 4);
	struct rlimit old, few;
	int lowest, err;

	ASSERT_INT(send_text(pair.here, "three", 3), ==, 0);
	ASSERT_INT(send_text(pair.here, "next", 1), ==, 0);
	lowest = dup(0);
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){ .rlim_cur = (rlim_t)lowest + 1, .rlim_max = old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	err = os_channel_receive(pair.there, &received);
	setrlimit(RLIMIT_NOFILE, &old);
	ASSERT_INT(err, ==, -EMFILE);
	ASSERT_STR(bytes, "three");
	ASSERT_INT(received.count, ==, 0);
	receive_text(pair.there, "next", 1);
	close_pair(&pair);
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
