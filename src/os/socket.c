/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "os/fault.h"

#define DRAIN_ROUNDS 64

int os_socket_pair(bool cloexec, struct os_socket_pair *ret_pair)
{
	int ends[2];

	if (OS_FAULT())
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	if (!cloexec)
		fcntl(ends[1], F_SETFD, 0);
	*ret_pair = (struct os_socket_pair){ .ours = ends[0], .theirs = ends[1] };
	return 0;
}

void os_socket_finish(int ours)
{
	shutdown(ours, SHUT_WR);
}

bool os_socket_drain(int ours)
{
	char bytes[1024];
	ssize_t size = 1;

	/* Whoever writes all the time shall not keep us here. */
	for (unsigned int i = 0; i < DRAIN_ROUNDS && size > 0; i++)
		size = recv(ours, bytes, sizeof(bytes), MSG_DONTWAIT);
	return size != 0;
}
