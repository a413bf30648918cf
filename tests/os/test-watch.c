/* SPDX-License-Identifier: MIT */
/*
 * Sets that the library's thread looks at, or the application.
 *
 * Claims: the thread looks as long as there is something in a set, of all sets; what is going, or closed, it
 * leaves alone; a set has one watcher, whoever was first; a forked child has no set, and can have its own.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "os/atomic.h"
#include "os/file.h"
#include "os/poll.h"
#include "os/watch.h"

/* A set with the end of a pipe. */
struct heard {
	struct os_watch watch;
	int ends[2];
	uint32_t gets, puts, looks; /* atomic */
	uint32_t is_going;	    /* atomic */
};

static struct heard *heard_of(struct os_watch *watch)
{
	return container_of(watch, struct heard, watch);
}

static bool get(struct os_watch *watch)
{
	fetch_add_relaxed(&heard_of(watch)->gets, 1);
	return !load_acquire(&heard_of(watch)->is_going);
}

static void put(struct os_watch *watch)
{
	fetch_add_release(&heard_of(watch)->puts, 1);
}

/* One byte at a time. */
static void look(struct os_watch *watch)
{
	struct heard *heard = heard_of(watch);
	struct os_set_event event;
	char byte;

	if (os_set_take(os_watch_set(watch), &event, 1, false) != 1 || read(heard->ends[0], &byte, 1) != 1)
		abort();
	os_set_await(os_watch_set(watch), heard->ends[0], 1, true);
	fetch_add_release(&heard->looks, 1);
}

static const struct os_watch_ops ops = { .get = get, .put = put, .look = look };

static void begin(struct heard *heard)
{
	*heard = (struct heard){ .watch.set = -1 };
	ASSERT_INT(pipe(heard->ends), ==, 0);
	ASSERT_INT(os_watch_open(&heard->watch, &ops), ==, 0);
	ASSERT_INT(os_set_add(os_watch_set(&heard->watch), heard->ends[0], 1, true), ==, 0);
}

static void say(const struct heard *heard, const char *bytes)
{
	ASSERT_INT(write(heard->ends[1], bytes, strlen(bytes)), ==, strlen(bytes));
}

static void end(struct heard *heard)
{
	os_watch_close(&heard->watch);
	close(heard->ends[0]);
	close(heard->ends[1]);
}

/* What the thread was told of before, it has looked at. */
static void flush(void)
{
	struct heard last;

	begin(&last);
	ASSERT_INT(os_watch_need(&last.watch), ==, 0);
	say(&last, "x");
	WAIT_UNTIL(load_acquire(&last.puts) == 1);
	end(&last);
}

/* The thread and its descriptor are there once and for all. */
__attribute__((constructor)) static void begin_watching(void)
{
	struct os_watch watch = { .set = -1 };

	if (os_watch_open(&watch, &ops) || os_watch_need(&watch))
		abort();
	os_watch_close(&watch);
}

TEST(the_thread_looks_as_long_as_there_is_something)
{
	struct heard one, other;

	begin(&one);
	begin(&other);
	say(&one, "before"); /* anybody looks */
	ASSERT_INT(os_watch_need(&one.watch), ==, 0);
	ASSERT_INT(os_watch_need(&other.watch), ==, 0);
	WAIT_UNTIL(load_acquire(&one.puts) == strlen("before"));
	say(&other, "x");
	WAIT_UNTIL(load_acquire(&other.puts) == 1);
	say(&one, "again");
	WAIT_UNTIL(load_acquire(&one.puts) == strlen("beforeagain"));
	ASSERT_INT(load_acquire(&one.looks), ==, strlen("beforeagain"));
	end(&one);
	end(&other);
}

TEST(what_is_going_is_left_alone)
{
	struct heard heard;

	begin(&heard);
	heard.is_going = true;
	ASSERT_INT(os_watch_need(&heard.watch), ==, 0);
	say(&heard, "x");
	WAIT_UNTIL(load_acquire(&heard.gets));
	flush();
	ASSERT_INT(load_acquire(&heard.looks), ==, 0);
	ASSERT_INT(load_acquire(&heard.puts), ==, 0);
	end(&heard);
}

TEST(what_is_closed_is_left_alone)
{
	struct heard heard;

	begin(&heard);
	ASSERT_INT(os_watch_need(&heard.watch), ==, 0);
	os_watch_close(&heard.watch);
	say(&heard, "x");
	flush();
	ASSERT_INT(load_acquire(&heard.gets), ==, 0);
	close(heard.ends[0]);
	close(heard.ends[1]);
}

TEST(a_set_has_one_watcher)
{
	struct heard ours, theirs;

	begin(&ours);
	ASSERT_INT(os_watch_need(&ours.watch), ==, 0);
	ASSERT_INT(os_watch_fd(&ours.watch), ==, -EBUSY);
	begin(&theirs);
	ASSERT_INT(os_watch_fd(&theirs.watch), ==, os_watch_set(&theirs.watch));
	ASSERT_INT(os_watch_need(&theirs.watch), ==, 0);
	ASSERT_INT(os_watch_fd(&theirs.watch), ==, os_watch_set(&theirs.watch));
	say(&theirs, "x");
	flush();
	ASSERT_INT(load_acquire(&theirs.gets), ==, 0);
	end(&ours);
	end(&theirs);
}

/* In the child. */
static int begin_anew(struct heard *parents)
{
	struct heard own;

	if (os_watch_set(&parents->watch) >= 0)
		return 1;
	begin(&own);
	say(&own, "x");
	if (os_watch_need(&own.watch))
		return 2;
	WAIT_UNTIL(load_acquire(&own.puts) == 1);
	if (os_watch_open(&parents->watch, &ops) || os_watch_set(&parents->watch) < 0)
		return 3;
	if (os_watch_fd(&parents->watch) != os_watch_set(&parents->watch))
		return 4;
	return 0;
}

TEST(a_forked_child_has_no_set_and_can_have_its_own)
{
	struct heard heard;
	pid_t child;
	int status;

	test_forks_beside_threads();
	begin(&heard);
	ASSERT_INT(os_watch_need(&heard.watch), ==, 0);
	child = fork();
	if (!child)
		_exit(begin_anew(&heard));
	ASSERT_INT(waitpid(child, &status, 0), ==, child);
	ASSERT_INT(status, ==, 0);
	say(&heard, "x");
	WAIT_UNTIL(load_acquire(&heard.puts) == 1);
	end(&heard);
}

TEST(without_a_descriptor_or_a_thread_there_is_no_watcher)
{
	struct heard heard;

	heard = (struct heard){ .watch.set = -1 };
	os_fault_arm(1);
	ASSERT_INT(os_watch_open(&heard.watch, &ops), ==, -EMFILE);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_INT(os_watch_set(&heard.watch), ==, -1);
	begin(&heard);
	os_fault_arm(1); /* the thread is there by now */
	ASSERT_INT(os_watch_need(&heard.watch), ==, -ENOSPC);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_INT(os_watch_fd(&heard.watch), ==, os_watch_set(&heard.watch));
	end(&heard);
}
