/* SPDX-License-Identifier: MIT */
/*
 * What becomes readable is looked up by its serial number, since it may have gone since the thread was told.
 *
 * Locking: one short lock guards the list and who looks. It is held while the thread is started, so that
 * nobody goes on without a watcher, and by a fork, so that the child finds a whole list.
 */
#include "os/watch.h"

#include <errno.h>

#include "os/file.h"
#include "os/poll.h"
#include "os/thread.h"

enum { BATCH = 16 };

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
static struct os_watch *watches DMABUF_GUARDED_BY(lock);
static uint64_t serials DMABUF_GUARDED_BY(lock);
/* The set of those sets that the thread looks at. Constant once it is made. */
static int all DMABUF_GUARDED_BY(lock) = -1;

/*
 * The thread.
 */

static struct os_watch *get_by_serial(uint64_t serial) DMABUF_EXCLUDES(lock)
{
	struct os_watch *watch;

	dmabuf_spin_lock(&lock);
	for (watch = watches; watch && watch->serial != serial; watch = watch->next)
		;
	if (watch && watch->ops->get && !watch->ops->get(watch))
		watch = NULL;
	dmabuf_spin_unlock(&lock);
	return watch;
}

static void look_at(int own, uint64_t serial) DMABUF_EXCLUDES(lock)
{
	struct os_watch *watch = get_by_serial(serial);

	if (!watch)
		return;
	watch->ops->look(watch);
	os_set_await(own, watch->set, serial, true);
	if (watch->ops->put)
		watch->ops->put(watch);
}

static void look_for_ever(void)
{
	int own;

	dmabuf_spin_lock(&lock);
	own = all;
	dmabuf_spin_unlock(&lock);
	for (;;) {
		struct os_set_event events[BATCH];
		const unsigned int count = os_set_take(own, events, BATCH, true);

		for (unsigned int i = 0; i < count; i++)
			look_at(own, events[i].key);
		os_thread_flush(); /* it may sleep for long, and what it deferred should not */
	}
}

static int start_thread(void) DMABUF_REQUIRES(lock)
{
	int err;

	if (all >= 0)
		return 0;
	all = os_set_create();
	if (all < 0)
		return all;
	err = os_thread_start(look_for_ever);
	if (err) {
		os_file_close(all);
		all = -1;
	}
	return err;
}

/*
 * Sets.
 */

static void enlist(struct os_watch *watch) DMABUF_REQUIRES(lock)
{
	watch->serial = ++serials;
	watch->next = watches;
	watches = watch;
}

int os_watch_open(struct os_watch *watch, const struct os_watch_ops *ops)
{
	int set;

	dmabuf_spin_lock(&lock);
	set = watch->set < 0 ? os_set_create() : watch->set;
	if (set >= 0 && watch->set < 0) {
		watch->ops = ops;
		if (!watch->serial)
			enlist(watch);
		store_release(&watch->set, set);
	}
	dmabuf_spin_unlock(&lock);
	return set < 0 ? set : 0;
}

void os_watch_close(struct os_watch *watch)
{
	struct os_watch **link;

	dmabuf_spin_lock(&lock);
	for (link = &watches; *link != watch; link = &(*link)->next)
		;
	*link = watch->next;
	if (watch->watcher == WATCHED_BY_THREAD)
		os_set_remove(all, watch->set);
	dmabuf_spin_unlock(&lock);
	if (watch->set >= 0)
		os_file_close(watch->set);
}

int os_watch_need(struct os_watch *watch)
{
	int err = 0;

	if (load_acquire(&watch->watcher) != WATCHED_BY_NOBODY)
		return 0;
	dmabuf_spin_lock(&lock);
	if (watch->watcher == WATCHED_BY_NOBODY) {
		err = start_thread();
		if (!err)
			err = os_set_add(all, watch->set, watch->serial, true);
		if (!err)
			store_release(&watch->watcher, WATCHED_BY_THREAD);
	}
	dmabuf_spin_unlock(&lock);
	return err;
}

int os_watch_fd(struct os_watch *watch)
{
	int fd = -EBUSY;

	dmabuf_spin_lock(&lock);
	if (watch->watcher != WATCHED_BY_THREAD) {
		store_release(&watch->watcher, WATCHED_BY_APPLICATION);
		fd = watch->set;
	}
	dmabuf_spin_unlock(&lock);
	return fd;
}

/*
 * Fork: the child has neither the thread nor the sets, which are its parent's: whoever takes from one here
 * takes it from there.
 */

static void forget_all(void) DMABUF_REQUIRES(lock)
{
	for (struct os_watch *watch = watches; watch; watch = watch->next) {
		if (watch->set >= 0)
			os_file_close(watch->set);
		watch->set = -1;
		watch->watcher = WATCHED_BY_NOBODY;
		if (watch->ops->fork)
			watch->ops->fork(watch);
	}
	if (all >= 0)
		os_file_close(all);
	all = -1;
}

static struct os_fork_hook forget_in_child = { .lock = &lock, .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
