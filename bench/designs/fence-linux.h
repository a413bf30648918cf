/* SPDX-License-Identifier: MIT */
/*
 * Events by fences as Linux has them (shared/spec/semantics.md, 8.1 and 10.6 to 10.8): whoever
 * signals takes the lock, and under it sets the flag, takes the list of callbacks, reads the clock
 * and calls them; a waiter is a callback that wakes it; fences are freed a grace period later, in
 * batches, as kfree_rcu() does there. There the lock also turns interrupts off; that costs nothing
 * here.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <urcu-bp.h>

#include "os/atomic.h"
#include <dmabuf/dmabuf-types.h>

#define EVENT_HAS_CALLBACKS
#define EVENT_HAS_WAIT_ANY

/* Inline there is only what only looks, and what takes and puts references. */
#define EXPORTED __attribute__((noinline))

enum { EVENT_SIGNALED = 1, EVENT_TIMESTAMP = 2, EVENT_ENABLED = 4 };

struct event_node {
	struct event_node *next, *prev;
};

struct event;

struct event_ops {
	bool (*enable)(struct event *event);
	bool (*signaled)(struct event *event);
	void (*release)(struct event *event);
};

struct event {
	uint32_t lock; /* atomic */
	const struct event_ops *ops;
	union { /* in this order of life */
		struct event_node callbacks; /* under lock */
		int64_t timestamp;
		struct dmabuf_rcu_head rcu;
	};
	uint64_t context, seqno;
	unsigned long flags; /* atomic */
	uint32_t refcount;   /* atomic */
	int error;
};

struct event_cb {
	struct event_node node;
	void (*func)(struct event *event, struct event_cb *cb);
};

static void event_lock(struct event *event)
{
	while (exchange_acquire(&event->lock, 1)) {
		for (unsigned int spins = 0; load_relaxed(&event->lock); spins++) {
			if (spins > 100)
				sched_yield();
		}
	}
}

static void event_unlock(struct event *event)
{
	store_release(&event->lock, 0);
}

static void event_node_remove(struct event_node *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	node->next = node->prev = node;
}

static const struct event_ops event_ops = { NULL, NULL, NULL };

static struct event *event_create(void)
{
	struct event *event = malloc(sizeof(*event));

	if (!event)
		abort();
	event->lock = 0;
	event->ops = &event_ops;
	event->callbacks.next = event->callbacks.prev = &event->callbacks;
	event->context = event->seqno = 1;
	event->flags = 0;
	event->refcount = 1;
	event->error = 0;
	return event;
}


static void event_put(struct event *event)
{
	if (fetch_sub_acq_rel(&event->refcount, 1) != 1)
		return;
	if (event->ops->release)
		event->ops->release(event);
	else
		dmabuf_free_rcu(&event->rcu, event);
}

static void event_barrier(void)
{
	dmabuf_rcu_barrier();
}

EXPORTED static void event_signal(struct event *event)
{
	struct event_node list, *node;
	struct timespec now;

	event_lock(event);
	if (fetch_or_acq_rel(&event->flags, EVENT_SIGNALED) & EVENT_SIGNALED) {
		event_unlock(event);
		return;
	}
	list = event->callbacks;
	if (list.next == &event->callbacks) {
		list.next = list.prev = &list;
	} else {
		list.next->prev = &list;
		list.prev->next = &list;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	event->timestamp = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	fetch_or_release(&event->flags, EVENT_TIMESTAMP);
	while ((node = list.next) != &list) {
		struct event_cb *cb = container_of(node, struct event_cb, node);

		event_node_remove(node);
		cb->func(event, cb);
	}
	event_unlock(event);
}

static bool event_is_signaled(struct event *event)
{
	if (load_acquire(&event->flags) & EVENT_SIGNALED)
		return true;
	if (event->ops->signaled && event->ops->signaled(event)) {
		event_signal(event);
		return true;
	}
	return false;
}

/* Under the lock. False: it has signalled. */
static bool event_enable(struct event *event)
{
	const unsigned long was = fetch_or_acq_rel(&event->flags, EVENT_ENABLED);

	if (was & EVENT_SIGNALED)
		return false;
	return was & EVENT_ENABLED || !event->ops->enable || event->ops->enable(event);
}

/* False: it has signalled, and @cb is not registered. */
EXPORTED static bool event_register(struct event *event, struct event_cb *cb,
			   void (*func)(struct event *event, struct event_cb *cb))
{
	bool is_busy;

	cb->func = func;
	cb->node.next = cb->node.prev = &cb->node;
	if (load_acquire(&event->flags) & EVENT_SIGNALED)
		return false;
	event_lock(event);
	is_busy = event_enable(event);
	if (is_busy) {
		struct event_node *last = event->callbacks.prev;

		cb->node.next = &event->callbacks;
		cb->node.prev = last;
		last->next = event->callbacks.prev = &cb->node;
	}
	event_unlock(event);
	return is_busy;
}

EXPORTED static void event_unregister(struct event *event, struct event_cb *cb)
{
	event_lock(event);
	event_node_remove(&cb->node);
	event_unlock(event);
}

/* Who sleeps: 0, 1: asleep or about to be, 2: woken. */
struct event_sleeper {
	uint32_t word; /* atomic */
};

struct event_waiter {
	struct event_cb cb;
	struct event_sleeper *sleeper;
};

static void event_wake(struct event *event, struct event_cb *cb)
{
	struct event_sleeper *sleeper = container_of(cb, struct event_waiter, cb)->sleeper;

	(void)event;
	if (exchange_release(&sleeper->word, 2) == 1)
		syscall(SYS_futex, &sleeper->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void event_sleep(struct event_sleeper *sleeper)
{
	uint32_t was = 0;

	if (!cas_acquire(&sleeper->word, &was, 1))
		return;
	while (load_acquire(&sleeper->word) == 1)
		syscall(SYS_futex, &sleeper->word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
}

EXPORTED static void event_wait(struct event *event)
{
	struct event_sleeper sleeper = { 0 };
	struct event_waiter waiter = { .sleeper = &sleeper };

	if (!event_register(event, &waiter.cb, event_wake))
		return;
	event_sleep(&sleeper);
	event_unregister(event, &waiter.cb);
}

EXPORTED static void event_wait_any(struct event **events, unsigned int n)
{
	struct event_waiter *waiters = calloc(n, sizeof(*waiters));
	struct event_sleeper sleeper = { 0 };
	unsigned int i;

	if (!waiters)
		abort();
	for (i = 0; i < n; i++) {
		waiters[i].sleeper = &sleeper;
		if (!event_register(events[i], &waiters[i].cb, event_wake))
			break;
	}
	if (i == n)
		event_sleep(&sleeper);
	while (i)
		i--, event_unregister(events[i], &waiters[i].cb);
	free(waiters);
}

static unsigned long event_called;

static void event_count(struct event *event, struct event_cb *cb)
{
	(void)event;
	(void)cb;
	event_called++;
}

EXPORTED static void event_add_callback(struct event *event, struct event_cb *cb)
{
	if (!event_register(event, cb, event_count))
		abort();
}
