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

/*
 * Put @fd into the set: 0 or -errno. The set says once, by @key, that it has hung up, and
 * that it is readable: only after os_set_await().
 */
int os_set_add(int set, int fd, uint64_t key);

/* Say once that @fd, which is in the set, is readable. */
void os_set_await(int set, int fd, uint64_t key);

void os_set_remove(int set, int fd);

/* The keys of up to @max members that have something to say. Sleeps for the first, if @wait. */
unsigned int os_set_take(int set, uint64_t *ret_keys, unsigned int max, bool wait);

#endif
