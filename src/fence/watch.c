/* SPDX-License-Identifier: MIT */
/*
 * One set of the process has the descriptors of fences that are signalled outside. A thread
 * of the library's sleeps on it, or the application does: whoever is there first.
 *
 * What becomes readable is looked up by its fence's context, a number that is never given
 * twice, since the fence may have gone since the set spoke.
 *
 * Locking: one short lock guards the tree and who watches. It is held, once, while the thread
 * is started, so that nobody goes on without a watcher. Fences are asked without it. A fork
 * holds it, so that the child finds a whole tree.
 */
#include "fence/watch.h"

#include <errno.h>

#include <dmabuf/sync-file.h>

#include "fence/fence.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/poll.h"
#include "os/thread.h"

#define BATCH 16

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
/* Of struct watched. */
static struct tree_node *root DMABUF_GUARDED_BY(lock);
/* Constant once it is made. */
static int set DMABUF_GUARDED_BY(lock) = -1;
static enum { NOBODY, OUR_THREAD, THE_APPLICATION } watcher DMABUF_GUARDED_BY(lock);

/* Under lock, which a fence that goes waits for in watch_remove(). */
DMABUF_UNCHECKED("needs no read section: the lock keeps the fence where it is")
static bool get_unless_dead(const struct watched *watched)
{
	return dma_fence_get_rcu(watched->fence);
}

/* With a reference on its fence. */
static struct watched *get_watched(uint64_t context) DMABUF_EXCLUDES(lock)
{
	struct watched *watched = NULL;
	struct tree_node *node;

	dmabuf_spin_lock(&lock);
	node = tree_find(&root, (struct tree_key){ 0, context });
	if (node && get_unless_dead(container_of(node, struct watched, node)))
		watched = container_of(node, struct watched, node);
	dmabuf_spin_unlock(&lock);
	return watched;
}

static unsigned int watch(int from, bool wait) DMABUF_EXCLUDES(lock)
{
	struct os_set_event events[BATCH];
	const unsigned int count = os_set_take(from, events, BATCH, wait);

	for (unsigned int i = 0; i < count; i++) {
		struct watched *watched;

		OS_RACE_POINT("watch: before a fence");
		watched = get_watched(events[i].key);
		if (!watched)
			continue;
		/* The set has said it once. */
		if (!dma_fence_is_signaled(watched->fence))
			watch_await(watched);
		dma_fence_put(watched->fence);
	}
	return count;
}

static void watch_for_ever(void)
{
	int own;

	dmabuf_spin_lock(&lock);
	own = set;
	dmabuf_spin_unlock(&lock);
	for (;;) {
		watch(own, true);
		os_thread_flush(); /* it may sleep for long, and what it deferred should not */
	}
}

static int get_set_locked(void) DMABUF_REQUIRES(lock)
{
	if (set < 0) {
		const int made = os_set_create();

		if (made < 0)
			return made;
		set = made;
	}
	return set;
}

static int get_watcher_locked(void) DMABUF_REQUIRES(lock)
{
	int err;

	if (watcher != NOBODY)
		return 0;
	err = os_thread_start(watch_for_ever);
	if (!err)
		watcher = OUR_THREAD;
	return err;
}

int watch_add(struct watched *watched, struct dma_fence *fence, int fd)
{
	int err;

	watched->fence = fence;
	watched->fd = fd;
	dmabuf_spin_lock(&lock);
	err = get_set_locked();
	if (err < 0)
		goto unlock;
	err = get_watcher_locked();
	if (err)
		goto unlock;
	err = os_set_add(set, fd, fence->context, false);
	if (err)
		goto unlock;
	tree_add(&root, &watched->node, (struct tree_key){ 0, fence->context });
unlock:
	dmabuf_spin_unlock(&lock);
	return err;
}

DMABUF_UNCHECKED("the set is constant since the fence was added to it")
void watch_await(const struct watched *watched)
{
	os_set_await(set, watched->fd, watched->fence->context, true);
}

void watch_remove(struct watched *watched)
{
	dmabuf_spin_lock(&lock);
	tree_remove(&root, &watched->node);
	/* The set does not see a close while others have the same open file. */
	os_set_remove(set, watched->fd);
	dmabuf_spin_unlock(&lock);
}

int sync_file_watch_fd(void)
{
	int fd = -EBUSY;

	dmabuf_spin_lock(&lock);
	if (watcher != OUR_THREAD)
		fd = get_set_locked();
	if (fd >= 0)
		watcher = THE_APPLICATION;
	dmabuf_spin_unlock(&lock);
	return fd;
}

void sync_file_watch(void)
{
	int own;

	dmabuf_spin_lock(&lock);
	own = set;
	dmabuf_spin_unlock(&lock);
	while (own >= 0 && watch(own, false) == BATCH)
		;
}

/*
 * Fork: the child has neither the thread, nor the set, which is the parent's still.
 */

static void forget_all(void) DMABUF_REQUIRES(lock)
{
	struct tree_node *node;

	while ((node = tree_take(&root))) {
		struct watched *watched = container_of(node, struct watched, node);

		os_file_close(watched->fd);
		watched->fd = -1;
	}
	if (set >= 0)
		os_file_close(set);
	set = -1;
	watcher = NOBODY;
}

static struct os_fork_hook forget_in_child = { .lock = &lock, .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
