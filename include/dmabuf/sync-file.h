/* SPDX-License-Identifier: MIT */
/*
 * sync-file.h - fences as descriptors, for event loops
 *
 * A descriptor of a fence becomes readable when the fence signals, and stays so for ever:
 * for poll, select, epoll and io_uring, in every copy of it, also in another process. Nobody
 * can drain it. Wait for POLLIN; other events say nothing. Linux's ioctls on a sync_file are
 * functions here.
 *
 * The direction matters. A sync_file of the kernel can be taken in: its fence signals in
 * finite time. What user space signals cannot promise that, so a fence that has not signalled
 * is not given to the kernel.
 *
 * Costs: a fence costs no descriptor. A descriptor costs two (the user's and the library's
 * end), and the first one of the process one more that stays. All of the library's are
 * close-on-exec.
 *
 * Lifetime: a descriptor holds a reference on its fence. When all copies of it have been
 * closed, in every process, the next call of this header drops that.
 *
 * Another process polls a descriptor that it was sent, and no more: sync_file_get_fence()
 * finds those of its own process. If the process that made it ends first, it is readable, and
 * poll() says POLLHUP beside POLLIN: the work may not have been done. In a forked child it
 * goes on working as that of another process.
 */
#ifndef DMABUF_SYNC_FILE_H
#define DMABUF_SYNC_FILE_H

#include <dmabuf/dma-fence.h>

#ifdef __cplusplus
extern "C" {
#endif

struct file;

/** struct sync_file - a fence on its way to a descriptor */
struct sync_file {
	/**
	 * @file: the sync_file itself, under the type that Linux's fd_install() and fput()
	 * take; constant
	 */
	struct file *file;
	/* private members follow */
};

/**
 * sync_file_create() - wrap a fence
 * @fence: fence, also an array or a chain; a reference is taken
 *
 * Costs no descriptor.
 *
 * Return: a sync_file of the caller's; NULL: no memory, or, with a warning, no @fence.
 *
 * Since: 0.1
 */
struct sync_file *sync_file_create(struct dma_fence *fence);

/**
 * sync_file_put() - give up a sync_file that was not installed
 * @sync_file: from sync_file_create(); NULL is fine
 *
 * What is installed is the descriptor's, and ends with that; here it aborts.
 *
 * Since: 0.1. Extension (Linux: fput() of its file).
 */
void sync_file_put(struct sync_file *sync_file);

/**
 * sync_file_get_name() - what a sync_file is called
 * @sync_file: sync_file that the caller owns
 * @buf:       where to write it
 * @len:       bytes there; what does not fit is left out
 *
 * The name that sync_file_merge() was given, or else what its fence is: driver, "-",
 * timeline, context, "-" and sequence number.
 *
 * Return: @buf.
 *
 * Since: 0.1
 */
char *sync_file_get_name(struct sync_file *sync_file, char *buf, int len);

/**
 * sync_file_reserve_fd() - set aside a descriptor
 * @flags: O_CLOEXEC or 0
 *
 * All that can fail when a descriptor is made fails here. It is not a descriptor of a fence
 * yet: sync_file_install_fd() makes it one, sync_file_cancel_fd() gives it back.
 *
 * Context: allocates.
 *
 * Return: the descriptor; -EINVAL: other flags; -ENOMEM; -EMFILE, -ENFILE: no descriptor;
 * -ENOSPC: the user's limit of watched descriptors (epoll). On failure nothing changed.
 *
 * Since: 0.1. Extension (Linux: get_unused_fd_flags()).
 */
int sync_file_reserve_fd(unsigned int flags) DMABUF_MUST_CHECK;

/**
 * sync_file_install_fd() - make a reserved descriptor that of a fence
 * @fd:        from sync_file_reserve_fd(), neither installed nor cancelled nor closed, or it
 *	       aborts
 * @sync_file: is the descriptor's from now on
 *
 * Enables signalling. Who polls sees the descriptor readable after the fence has signalled,
 * never before.
 *
 * Locking: takes the fence's lock; so not from a callback of the same fence.
 *
 * Ordering: what the signaller wrote before dma_fence_signal() is visible to who then calls
 * sync_file_get_fence() and finds the fence signalled.
 *
 * Since: 0.1. Extension (Linux: fd_install()).
 */
void sync_file_install_fd(int fd, struct sync_file *sync_file);

/**
 * sync_file_cancel_fd() - close a descriptor that was reserved and not used
 * @fd: as for sync_file_install_fd()
 *
 * Since: 0.1. Extension (Linux: put_unused_fd()).
 */
void sync_file_cancel_fd(int fd);

/**
 * sync_file_fd() - reserve and install in one
 * @sync_file: is the descriptor's on success, and stays the caller's on failure
 * @flags:     O_CLOEXEC or 0
 *
 * Return: the descriptor; -EINVAL: other flags, or no @sync_file; -ENOMEM; -EMFILE, -ENFILE:
 * no descriptor; -ENOSPC: as for sync_file_reserve_fd(). On failure nothing changed.
 *
 * Since: 0.1. Extension.
 */
int sync_file_fd(struct sync_file *sync_file, unsigned int flags) DMABUF_MUST_CHECK;

/**
 * sync_file_get_fence() - the fence behind a descriptor
 * @fd: any descriptor
 *
 * Return: a new reference; NULL: @fd is closed, or is not a descriptor of a fence that this
 * process made.
 *
 * Since: 0.1
 */
struct dma_fence *sync_file_get_fence(int fd);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_SYNC_FILE_H */
