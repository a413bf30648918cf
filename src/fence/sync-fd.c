/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of fences: one end of a pair of sockets each.
 *
 * Theirs is the user's, may be copied, and sent to others. The fence's signal finishes ours,
 * which makes theirs readable for ever: nothing is in there that anybody could take out.
 * When the last copy of theirs is closed, ours hangs up. One set of the process (os/poll.h)
 * has all of ours; each call here first takes from it those that have hung up, so there is
 * no thread, and no search.
 *
 * What is written to theirs lies in ours. It is thrown away, since it may be a copy of theirs,
 * which would then be open for as long as ours is.
 *
 * Theirs is found by its inode. Linux counts the inodes of sockets in 32 bits: with one that
 * is still open the next one of the same number is 2^32 sockets away.
 *
 * Locking: one short lock guards the tree and which descriptor has which file. Nothing of the
 * user's is called under it, and no other lock is taken, save those of fences' references.
 * A fork holds it, so that the child finds a whole tree.
 */
#include "debug/lockdep.h"
#include "fence/sync-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fence/fence.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/list.h"
#include "os/poll.h"
#include "os/report.h"
#include "os/socket.h"
#include "os/thread.h"

#define BATCH 16

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
static struct tree_node *root DMABUF_GUARDED_BY(lock); /* of struct sync_fd */
static int hangups = -1;       /* atomic: the set; -1: not made yet */
static uint64_t socket_space;  /* atomic: the device of all sockets, once there is one */

static struct sync_fd *to_sync_fd(struct tree_node *node)
{
	return container_of(node, struct sync_fd, node);
}

/*
 * Reaping.
 */

/* Nobody will look at the descriptor any more. */
static void free_fd(struct sync_fd *fd)
{
	struct fence_file *file = fd->file;

	if (!file) {
		os_file_close(fd->ours);
		os_free(fd);
		return;
	}
	/* With one reference, the callback has run and let go, or was not needed. */
	if (load_acquire(&file->refs) > 1 && dma_fence_remove_callback(file->fence, &file->cb))
		fence_file_put(file); /* the callback's */
	fence_file_put(file);
}

/* Not where it was found: who looks may be in a callback, under the lock of that very fence. */
static void free_later(struct dmabuf_work *work)
{
	free_fd(container_of(work, struct sync_fd, work));
}

/* By number and not by pointer: somebody else may have removed it since it was said. */
static struct sync_fd *remove_by_number(uint64_t number)
{
	const struct tree_key key = { load_relaxed(&socket_space), number };
	struct tree_node *node;

	dmabuf_spin_lock(&lock);
	node = tree_find(&root, key);
	if (node)
		tree_remove(&root, node);
	dmabuf_spin_unlock(&lock);
	return node ? to_sync_fd(node) : NULL;
}

static void let_go_by_number(uint64_t number)
{
	struct sync_fd *fd = remove_by_number(number);

	if (!fd)
		return;
	fd->work.func = free_later;
	os_work_queue(&fd->work);
}

/* Unless it has gone since. */
static void drain_by_number(int set, uint64_t number)
{
	const struct tree_key key = { load_relaxed(&socket_space), number };
	struct tree_node *node;

	dmabuf_spin_lock(&lock);
	node = tree_find(&root, key);
	if (node) {
		const int ours = to_sync_fd(node)->ours;

		os_set_await(set, ours, number, os_socket_drain(ours));
	}
	dmabuf_spin_unlock(&lock);
}

void sync_fd_reap(void)
{
	const int set = load_acquire(&hangups);
	struct os_set_event events[BATCH];
	unsigned int count, hung_up;

	if (set < 0)
		return;
	do {
		count = os_set_take(set, events, BATCH, false);
		hung_up = 0;
		for (unsigned int i = 0; i < count; i++) {
			OS_RACE_POINT("sync_file: before a hang-up");
			hung_up += events[i].hung_up;
			if (events[i].hung_up)
				let_go_by_number(events[i].key);
			else
				drain_by_number(set, events[i].key);
		}
		/* Who only writes, and goes on writing, shall not keep us here. */
	} while (count == BATCH && hung_up);
}

/*
 * Making one.
 */

/* The set of the process, which stays: somebody may be looking at it. */
static int get_set(void)
{
	int set = load_acquire(&hangups), none = -1;

	if (set >= 0)
		return set;
	set = os_set_create();
	if (set < 0)
		return set;
	OS_RACE_POINT("sync_file: before the set");
	if (cas_acq_rel(&hangups, &none, set))
		return set;
	os_file_close(set);
	return none;
}

static void enter(struct sync_fd *fd, struct tree_key key)
{
	bool added;

	store_relaxed(&socket_space, key.space); /* always the same */
	dmabuf_spin_lock(&lock);
	added = tree_add(&root, &fd->node, key);
	OS_RACE_POINT("sync_file: in the tree, locked");
	dmabuf_spin_unlock(&lock);
	dmabuf_check(added); /* an open socket's number is its own */
	(void)added;
}

int sync_file_reserve_fd(unsigned int flags)
{
	struct os_socket_pair pair;
	struct os_file theirs;
	struct sync_fd *fd;
	int set, err;

	lockdep_might_alloc();
	if (flags & ~(unsigned int)O_CLOEXEC)
		return -EINVAL;
	sync_fd_reap();
	set = get_set();
	if (set < 0)
		return set;
	fd = os_alloc(sizeof(*fd));
	if (!fd)
		return -ENOMEM;
	err = os_socket_pair(flags & O_CLOEXEC, &pair);
	if (err)
		goto free_fd;
	err = os_file_inspect(pair.theirs, &theirs);
	if (err)
		goto close_pair;
	fd->ours = pair.ours;
	enter(fd, theirs.key);
	err = os_set_add(set, pair.ours, theirs.key.number, true);
	if (err)
		goto leave;
	return pair.theirs;

leave:
	remove_by_number(theirs.key.number);
close_pair:
	os_file_close(pair.theirs);
	os_file_close(pair.ours);
free_fd:
	os_free(fd);
	return err;
}

/* The descriptor that is reserved; it gets @file, or, without one, is reserved no more. */
static struct sync_fd *take_reserved(int fd, struct fence_file *file, const char *function)
{
	struct sync_fd *found = NULL;
	struct os_file theirs;

	if (!os_file_inspect_own(fd, &theirs)) {
		struct tree_node *node;

		dmabuf_spin_lock(&lock);
		node = tree_find(&root, theirs.key);
		if (node && !to_sync_fd(node)->file) {
			found = to_sync_fd(node);
			found->file = file;
			if (file)
				file->fd = found;
			else
				tree_remove(&root, node);
		}
		dmabuf_spin_unlock(&lock);
	}
	dmabuf_bug_on(!found, "%s(): descriptor %d is not reserved: sync_file_reserve_fd() gives one",
		      function, fd);
	return found;
}

void sync_file_cancel_fd(int fd)
{
	struct sync_fd *reserved = take_reserved(fd, NULL, __func__);

	os_file_close(fd);
	OS_RACE_POINT("sync_file: cancelled");
	free_fd(reserved);
}

/* Not under the fence's lock: a system call, and maybe the fence's last reference. */
static void finish(struct dmabuf_work *work)
{
	struct fence_file *file = container_of(work, struct fence_file, work);

	os_socket_finish(file->fd->ours);
	fence_file_put(file);
}

static void fence_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	os_work_queue(&container_of(cb, struct fence_file, cb)->work);
}

void sync_file_install_fd(int fd, struct sync_file *sync_file)
{
	struct fence_file *file;

	dmabuf_bug_on(!sync_file, "sync_file_install_fd() without a sync_file: sync_file_cancel_fd() gives up %d",
		      fd);
	file = to_fence_file(sync_file);
	dmabuf_bug_on(file->fd,
		      "sync_file_install_fd(): the sync_file is a descriptor's already: dup() that");
	file->refs = 2; /* not shown to anybody yet */
	file->work.func = finish;
	list_init(&file->cb.node);
	take_reserved(fd, file, __func__);
	OS_RACE_POINT("sync_file: before the callback");
	if (dma_fence_add_callback(file->fence, &file->cb, fence_signaled))
		finish(&file->work);
}

int sync_file_fd(struct sync_file *sync_file, unsigned int flags)
{
	int fd;

	lockdep_might_alloc();
	if (!sync_file)
		return -EINVAL;
	fd = sync_file_reserve_fd(flags);
	if (fd >= 0)
		sync_file_install_fd(fd, sync_file);
	return fd;
}

/*
 * Finding it again.
 */

int sync_fd_find(int fd, struct dma_fence **ret_fence, char *ret_name)
{
	struct tree_node *node;
	struct os_file file;
	int err;

	sync_fd_reap();
	err = os_file_inspect(fd, &file);
	if (err)
		return err;
	if (!file.readable && !file.writable) /* O_PATH: a name, and no right to anything */
		return -EBADF;
	err = -EINVAL;
	dmabuf_spin_lock(&lock);
	node = tree_find(&root, file.key);
	if (node && to_sync_fd(node)->file) {
		*ret_fence = dma_fence_get(to_sync_fd(node)->file->fence);
		if (ret_name)
			memcpy(ret_name, to_sync_fd(node)->file->name, SYNC_FILE_NAME_LEN);
		err = 0;
	}
	dmabuf_spin_unlock(&lock);
	return err;
}

/*
 * Fork: the parent's descriptors are not the child's. It only closes its copies of our ends,
 * and takes nothing out of the set, which is the parent's still.
 */

static void forget_all(void) DMABUF_REQUIRES(lock)
{
	struct tree_node *node;

	while ((node = tree_take(&root))) {
		os_file_close(to_sync_fd(node)->ours);
		to_sync_fd(node)->ours = -1; /* the copied callback must not use another's number */
	}
	if (hangups >= 0)
		os_file_close(hangups);
	hangups = -1;
}

static struct os_fork_hook forget_in_child = { .lock = &lock, .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
