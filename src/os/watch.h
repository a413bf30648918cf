/* SPDX-License-Identifier: MIT */
/*
 * Sets (poll.h) that somebody looks at: one thread of the library's, which sleeps on all of them, or, for
 * some, the application. Whoever is there first.
 */
#ifndef OS_WATCH_H
#define OS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "os/atomic.h"

struct os_watch;

struct os_watch_ops {
	/* Optional: a reference on what has the set, unless it is going; under the lock of all sets. */
	bool (*get)(struct os_watch *watch);
	void (*put)(struct os_watch *watch);
	/* Take what the set has to say. What is left is said again. */
	void (*look)(struct os_watch *watch);
	/* Optional: in a forked child, which has no such set any more; under that lock. */
	void (*fork)(struct os_watch *watch);
};

enum os_watcher { WATCHED_BY_NOBODY, WATCHED_BY_THREAD, WATCHED_BY_APPLICATION };

/* Inside the object that has the set. Zero, but for the set, which is -1, until it is opened. */
struct os_watch {
	const struct os_watch_ops *ops; /* constant since it was opened */
	int set;			/* atomic; likewise; -1: none, or this is a forked child */
	uint64_t serial;		/* likewise; never given twice; 0: not opened */
	uint32_t watcher;		/* atomic: enum os_watcher; changed under the lock */
	struct os_watch *next;		/* under the lock */
};

/* Make its set, if there is none. 0; -EMFILE, -ENFILE, -ENOMEM. */
int os_watch_open(struct os_watch *watch, const struct os_watch_ops *ops);

/* -1: it was not opened. */
static inline int os_watch_set(const struct os_watch *watch)
{
	return load_acquire(&watch->set);
}

/* Nobody is in get() or look() any more: it has no reference left. */
void os_watch_close(struct os_watch *watch);

/* Somebody looks from now on: if nobody does, the thread. 0; as above; -EAGAIN, -ENOSPC. */
int os_watch_need(struct os_watch *watch);

/*
 * The application looks from now on, when the set's descriptor, which this returns, is readable.
 * -EBUSY: the thread does.
 */
int os_watch_fd(struct os_watch *watch);

#endif
