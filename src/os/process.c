/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/syscall.h>
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

/* The kernel takes the signal 0 for any process, and tells what else @fd is. */
bool os_process_is(int fd)
{
	return !syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) || errno == ESRCH || errno == EPERM;
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
