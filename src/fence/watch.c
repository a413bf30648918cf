/* SPDX-License-Identifier: MIT */
/*
 * One set of the process has the descriptors of fences that are signalled outside. What becomes readable is
 * looked up by its fence's context, a number that is never given twice, since the fence may have gone since
 * the set spoke.
 *
 * Locking: one short lock guards the tree. Fences are asked without it. A fork holds it, so that the child
 * finds a whole tree.
 */
#include "fence/watch.h"

#include <dmabuf/sync-file.h>

#include "fence/fence.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/poll.h"
#include "os/thread.h"
#include "os/watch.h"

#define BATCH 16

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
/* Of struct watched. */
static struct tree_node *root DMABUF_GUARDED_BY(lock);
static struct os_watch fences = { .set = -1 };

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

static unsigned int look_once(void) DMABUF_EXCLUDES(lock)
{
	struct os_set_event events[BATCH];
	const unsigned int count = os_set_take(os_watch_set(&fences), events, BATCH, false);

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

/* By the thread: it is told of the rest again. */
static void look(struct os_watch *watch)
{
	(void)watch;
	look_once();
}

static const struct os_watch_ops ops = { .look = look };

int watch_add(struct watched *watched, struct dma_fence *fence, int fd)
{
	int err;

	watched->fence = fence;
	watched->fd = fd;
	err = os_watch_open(&fences, &ops);
	if (err)
		return err;
	err = os_watch_need(&fences);
	if (err)
		return err;
	dmabuf_spin_lock(&lock);
	err = os_set_add(os_watch_set(&fences), fd, fence->context, false);
	if (!err)
		tree_add(&root, &watched->node, (struct tree_key){ 0, fence->context });
	dmabuf_spin_unlock(&lock);
	return err;
}

void watch_await(const struct watched *watched)
{
	os_set_await(os_watch_set(&fences), watched->fd, watched->fence->context, true);
}

void watch_remove(struct watched *watched)
{
	dmabuf_spin_lock(&lock);
	tree_remove(&root, &watched->node);
	/* The set does not see a close while others have the same open file. */
	os_set_remove(os_watch_set(&fences), watched->fd);
	dmabuf_spin_unlock(&lock);
}

int sync_file_watch_fd(void)
{
	const int err = os_watch_open(&fences, &ops);

	return err ? err : os_watch_fd(&fences);
}

void sync_file_watch(void)
{
	while (os_watch_set(&fences) >= 0 && look_once() == BATCH)
		;
}

/*
 * Fork: the child has not the set, which is its parent's.
 */

static void forget_all(void) DMABUF_REQUIRES(lock)
{
	struct tree_node *node;

	while ((node = tree_take(&root))) {
		struct watched *watched = container_of(node, struct watched, node);

		os_file_close(watched->fd);
		watched->fd = -1;
	}
}

static struct os_fork_hook forget_in_child = { .lock = &lock, .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
