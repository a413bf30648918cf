/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/process.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fault.h"

int os_process_open_self(void)
{
	int fd;

	if (OS_FAULT())
		return -EMFILE;
	fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	return fd < 0 ? -errno : fd;
}

#define BY_PIDFD ((idtype_t)3) /* P_PIDFD, in every header or not */

/*
 * To wait for it finds nothing out and changes nothing, but says first what @fd is; also of a process
 * that cannot be sent signals, since it is of another user or namespace.
 */
bool os_process_is(int fd)
{
	siginfo_t info;

	return !waitid(BY_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) || errno == ECHILD ||
	       errno == EAGAIN;
}

bool os_process_has_ended(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	return poll(&entry, 1, 0) > 0;
}

uint32_t os_process_number(void)
{
	return (uint32_t)getpid();
}

int os_random(void *bytes, unsigned int size)
{
	if (OS_FAULT())
		return -ENOSYS;
	return getrandom(bytes, size, 0) == (ssize_t)size ? 0 : -EIO;
}
