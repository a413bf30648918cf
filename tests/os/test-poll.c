/* SPDX-License-Identifier: MIT */
/* Sets of descriptors: what they say, and when they are gone. */
#include "harness.h"

#include <unistd.h>

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
