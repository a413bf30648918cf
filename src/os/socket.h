/* SPDX-License-Identifier: MIT */
/* Pairs of sockets: an end to watch, and an end that makes the other one readable. */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include <stdbool.h>

struct os_socket_pair {
	int ours;   /* close-on-exec */
	int theirs; /* hangs up on @ours when its last copy is closed, in whatever process */
};

/* 0 or -errno. @cloexec is for theirs. */
int os_socket_pair(bool cloexec, struct os_socket_pair *ret_pair);

/* Nothing will come any more: the other end is readable from now on, and for ever. */
void os_socket_finish(int ours);

/* Throw away what the other end wrote, or a part of it. False: it cannot write any more. */
bool os_socket_drain(int ours);

#endif
