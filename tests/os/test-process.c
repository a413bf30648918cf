/* SPDX-License-Identifier: MIT */
/* Other processes, by their descriptors. */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libc.h"
#include "os/file.h"
#include "os/process.h"

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* One that sleeps until it is killed. */
static pid_t start(void)
{
	const pid_t pid = fork();

	if (!pid) {
		alarm(60);
		for (;;)
			pause();
	}
	ASSERT_INT(pid, >, 0);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	ASSERT_INT(waitpid(pid, NULL, 0), ==, pid);
}

TEST(a_process_opens_itself)
{
	const int fd = os_process_open_self();

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
	ASSERT_TRUE(os_process_is(fd));
	ASSERT_FALSE(os_process_has_ended(fd));
	ASSERT_INT(os_process_number(), ==, getpid());
	close(fd);
}

TEST(without_a_free_descriptor_it_does_not)
{
	os_fault_arm(1);
	ASSERT_INT(os_process_open_self(), ==, -EMFILE);
	ASSERT_TRUE(os_fault_disarm());
}

/* Whether it is a child, or anybody else; and to ask does not reap it. */
TEST(a_process_has_ended_when_it_was_killed)
{
	const pid_t pid = start();
	const int fd = pidfd_of(pid);
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	ASSERT_TRUE(os_process_is(fd));
	ASSERT_FALSE(os_process_has_ended(fd));
	kill(pid, SIGSTOP);
	ASSERT_FALSE(os_process_has_ended(fd));
	kill(pid, SIGKILL);
	ASSERT_INT(poll(&entry, 1, 20000), ==, 1);
	ASSERT_TRUE(os_process_has_ended(fd));
	ASSERT_TRUE(os_process_is(fd));
	ASSERT_INT(waitpid(pid, NULL, 0), ==, pid);
	ASSERT_TRUE(os_process_has_ended(fd));
	ASSERT_TRUE(os_process_is(fd));
	close(fd);
}

TEST(a_descriptor_that_does_not_block_stands_for_its_process_all_the_same)
{
	const pid_t pid = start();
	const int fd = pidfd_of(pid);

	ASSERT_INT(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
	ASSERT_TRUE(os_process_is(fd));
	stop(pid);
	ASSERT_TRUE(os_process_is(fd));
	close(fd);
}

TEST(what_stands_for_no_process_says_so)
{
	const int file = os_memfd_create("file"), folder = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	int ends[2];

	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	ASSERT_FALSE(os_process_is(file));
	ASSERT_FALSE(os_process_is(folder)); /* though it can be sent signals */
	ASSERT_FALSE(os_process_is(ends[0]));
	ASSERT_FALSE(os_process_is(-1));
	close(ends[0]);
	close(ends[1]);
	close(folder);
	close(file);
	ASSERT_FALSE(os_process_is(file));
}

/* As in a sandbox: its process 1 is asked about a process that it has no number for. */
static int ask_in_other_namespace(int fd)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return 77;
	pid = fork();
	if (!pid)
		_exit(!os_process_is(fd) + 2 * os_process_has_ended(fd));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

TEST(a_process_of_another_namespace_is_one)
{
	const int fd = os_process_open_self();
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(ask_in_other_namespace(fd));
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	close(fd);
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		puts("not tested: there can be no other namespace here");
		test_skip();
	}
	ASSERT_INT(WEXITSTATUS(status), ==, 0);
}

static bool is_short; /* of entropy */

ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
	return is_short ? 1 : NEXT(getrandom)(bytes, size, flags);
}

TEST(random_bytes_differ)
{
	uint64_t one[2] = { 0 }, other[2] = { 0 };

	ASSERT_INT(os_random(one, sizeof(one)), ==, 0);
	ASSERT_INT(os_random(other, sizeof(other)), ==, 0);
	ASSERT_TRUE(memcmp(one, other, sizeof(one)));
	os_fault_arm(1);
	ASSERT_INT(os_random(one, sizeof(one)), ==, -ENOSYS);
	ASSERT_TRUE(os_fault_disarm());
	is_short = true;
	ASSERT_INT(os_random(one, sizeof(one)), ==, -EIO);
	is_short = false;
}
