/* SPDX-License-Identifier: MIT */
/* Sets of descriptors: what they say, and when they are gone. Waiting for one. */
#define _GNU_SOURCE
#include "harness.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libc.h"
#include "os/file.h"
#include "os/poll.h"

TEST(a_set_says_once_what_is_readable)
{
	struct os_set_event events[2];
	int pipe_fds[2], set;

	ASSERT_INT(pipe(pipe_fds), ==, 0);
	set = os_set_create();
	ASSERT_INT(os_set_add(set, pipe_fds[0], 7, true), ==, 0);
	ASSERT_INT(os_set_take(set, events, 2, false), ==, 0);
	ASSERT_INT(write(pipe_fds[1], "x", 1), ==, 1);
	ASSERT_INT(os_set_take(set, events, 2, true), ==, 1);
	ASSERT_INT(events[0].key, ==, 7);
	ASSERT_FALSE(events[0].hung_up);
	ASSERT_INT(os_set_take(set, events, 2, false), ==, 0);
	os_set_await(set, pipe_fds[0], 8, true);
	ASSERT_INT(os_set_take(set, events, 2, false), ==, 1);
	ASSERT_INT(events[0].key, ==, 8);
	os_file_close(set);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

TEST(a_set_that_somebody_closed_aborts_who_waits_and_gives_others_nothing)
{
	struct os_set_event event;
	const int set = os_set_create();

	os_file_close(set);
	ASSERT_INT(os_set_take(set, &event, 1, false), ==, 0);
	ASSERT_DEATH(os_set_take(set, &event, 1, true), "leave open what you did not open");
}

/*
 * What the kernel says once, before anything is looked at.
 */

static bool speaks;	  /* once */
static int says, because; /* what it returns, and errno */

static bool has_spoken(void)
{
	const bool spoke = speaks;

	speaks = false;
	errno = because;
	return spoke;
}

static void let_say(int ret, int error)
{
	speaks = true;
	says = ret;
	because = error;
}

int ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	return has_spoken() ? says : NEXT(ppoll)(entries, count, timeout, mask);
}

int epoll_wait(int set, struct epoll_event *events, int max, int timeout)
{
	return has_spoken() ? says : NEXT(epoll_wait)(set, events, max, timeout);
}

static int poll_for_ever(void)
{
	int pipe_fds[2], ret;

	ASSERT_INT(pipe(pipe_fds), ==, 0);
	ASSERT_INT(write(pipe_fds[1], "x", 1), ==, 1);
	ret = os_poll(pipe_fds[0], INT64_MAX, true);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	ASSERT_FALSE(speaks);
	return ret;
}

TEST(a_wait_goes_on_when_its_first_hour_is_over)
{
	let_say(0, 0);
	ASSERT_INT(poll_for_ever(), ==, 0);
}

TEST(a_wait_goes_on_when_the_kernel_lacks_memory_for_it)
{
	let_say(-1, ENOMEM);
	ASSERT_INT(poll_for_ever(), ==, 0);
}

TEST(a_signal_ends_the_wait_for_a_set_with_nothing)
{
	struct os_set_event event;
	const int set = os_set_create();

	let_say(-1, EINTR);
	ASSERT_INT(os_set_take(set, &event, 1, true), ==, 0);
	ASSERT_FALSE(speaks);
	os_file_close(set);
}

TEST(without_a_free_descriptor_there_is_no_set)
{
	const int lowest = dup(0);
	struct rlimit old, none;
	int set;

	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ .rlim_cur = (rlim_t)lowest, .rlim_max = old.rlim_max };
	close(lowest);
	setrlimit(RLIMIT_NOFILE, &none);
	set = os_set_create();
	setrlimit(RLIMIT_NOFILE, &old);
	ASSERT_INT(set, ==, -EMFILE);
}
