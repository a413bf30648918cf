/* SPDX-License-Identifier: MIT */
/* Events by an eventfd each, which nobody reads, so that it stays readable. */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/atomic.h"

#define EVENT_HAS_WAIT_ANY
#define EVENT_IS_DESCRIPTOR /* there cannot be many */

struct event {
	int fd;
	uint32_t refcount; /* atomic */
};

static struct event *event_create(void)
{
	struct event *event = malloc(sizeof(*event));

	if (!event)
		abort();
	event->fd = eventfd(0, EFD_CLOEXEC);
	if (event->fd < 0)
		abort();
	event->refcount = 1;
	return event;
}

static void event_put(struct event *event)
{
	if (fetch_sub_acq_rel(&event->refcount, 1) != 1)
		return;
	close(event->fd);
	free(event);
}

static void event_barrier(void)
{
}

static void event_signal(struct event *event)
{
	const uint64_t one = 1;

	if (write(event->fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static bool event_is_signaled(struct event *event)
{
	struct pollfd asked = { .fd = event->fd, .events = POLLIN };

	return poll(&asked, 1, 0) > 0;
}

static void event_wait(struct event *event)
{
	struct pollfd asked = { .fd = event->fd, .events = POLLIN };

	while (poll(&asked, 1, -1) < 1)
		;
}

static void event_wait_any(struct event **events, unsigned int n)
{
	struct pollfd *asked = calloc(n, sizeof(*asked));

	if (!asked)
		abort();
	for (unsigned int i = 0; i < n; i++)
		asked[i] = (struct pollfd){ .fd = events[i]->fd, .events = POLLIN };
	while (poll(asked, n, -1) < 1)
		;
	free(asked);
}
