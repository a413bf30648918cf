/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/poll.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "os/clock.h"
#include "os/fault.h"
#include "os/report.h"

#define NSEC_PER_SEC 1000000000
#define SLICE ((int64_t)3600 * NSEC_PER_SEC)
#define MAX_EVENTS 16

int os_poll(int fd, int64_t deadline_ns, bool interruptible)
{
	for (;;) {
		/* In slices that fit any time_t. */
		const int64_t left = os_remaining_ns(deadline_ns);
		const int64_t slice = left < SLICE ? left : SLICE;
		const struct timespec timeout = {
			.tv_sec = (time_t)(slice / NSEC_PER_SEC),
			.tv_nsec = (long)(slice % NSEC_PER_SEC),
		};
		struct pollfd entry = { .fd = fd, .events = POLLIN };
		int ready;

		OS_RACE_POINT("poll: before sleep");
		ready = ppoll(&entry, 1, &timeout, NULL);
		if (ready > 0)
			return 0;
		if (!ready && !os_remaining_ns(deadline_ns))
			return -ETIMEDOUT;
		if (ready < 0 && errno == EINTR && interruptible)
			return -EINTR;
	}
}

int os_set_create(void)
{
	int set;

	if (OS_FAULT())
		return -EMFILE;
	set = epoll_create1(EPOLL_CLOEXEC);
	return set < 0 ? -errno : set;
}

/* Hanging up is always said. */
static int control(int set, int operation, int fd, uint64_t key, bool readable)
{
	struct epoll_event event = {
		.events = (readable ? EPOLLIN : 0) | EPOLLONESHOT,
		.data.u64 = key,
	};

	return epoll_ctl(set, operation, fd, &event) ? -errno : 0;
}

int os_set_add(int set, int fd, uint64_t key, bool readable)
{
	if (OS_FAULT())
		return -ENOSPC;
	return control(set, EPOLL_CTL_ADD, fd, key, readable);
}

void os_set_await(int set, int fd, uint64_t key, bool readable)
{
	control(set, EPOLL_CTL_MOD, fd, key, readable);
}

void os_set_remove(int set, int fd)
{
	control(set, EPOLL_CTL_DEL, fd, 0, false);
}

unsigned int os_set_take(int set, struct os_set_event *ret_events, unsigned int max, bool wait)
{
	struct epoll_event events[MAX_EVENTS];
	int count;

	count = epoll_wait(set, events, (int)(max < MAX_EVENTS ? max : MAX_EVENTS), wait ? -1 : 0);
	/* Otherwise who waits in a loop would never sleep again. */
	dmabuf_bug_on(count < 0 && wait && errno != EINTR,
		      "somebody closed a descriptor of the library's: leave open what you did not open");
	for (int i = 0; i < count; i++)
		ret_events[i] = (struct os_set_event){
			.key = events[i].data.u64,
			.hung_up = events[i].events & EPOLLHUP,
		};
	return count < 0 ? 0 : (unsigned int)count;
}
