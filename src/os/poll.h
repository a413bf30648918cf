/* SPDX-License-Identifier: MIT */
/* Waiting for descriptors: for one, or for a set of them (epoll). */
#ifndef OS_POLL_H
#define OS_POLL_H

#include <stdbool.h>
#include <stdint.h>

/* 0: @fd is readable, or broken; -ETIMEDOUT; -EINTR, if @interruptible: a signal handler ran. */
int os_poll(int fd, int64_t deadline_ns, bool interruptible);

/* A new set, close-on-exec: its descriptor, or -errno. */
int os_set_create(void);

/* What a set says of a member. */
struct os_set_event {
	uint64_t key;
	bool hung_up; /* or else it is readable */
};

/*
 * Put @fd into the set: 0 or -errno. The set says once, by @key, that it has hung up, or, if
 * @readable, that it is readable.
 */
int os_set_add(int set, int fd, uint64_t key, bool readable);

/* The same once more of @fd, which is in the set. */
void os_set_await(int set, int fd, uint64_t key, bool readable);

void os_set_remove(int set, int fd);

/* Of up to @max members what there is to say. Sleeps for the first, if @wait. */
unsigned int os_set_take(int set, struct os_set_event *ret_events, unsigned int max, bool wait);

#endif
