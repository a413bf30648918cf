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
 * Who has a copy can also make it look like that, by shutdown(): SECURITY.md.
 *
 * Example:
 *
 *	struct sync_file *file = sync_file_create(fence);
 *	int fd = file ? sync_file_fd(file, O_CLOEXEC) : -ENOMEM;
 *
 *	if (fd < 0) {
 *		sync_file_put(file); // NULL is fine
 *		return fd;
 *	}
 *	// give fd to the event loop, for EPOLLIN; when it is readable:
 *	err = dma_fence_get_status(fence); // 1, or how the work failed
 *	close(fd);
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
 * @sync_file: is the descriptor's from now on; not yet that of another, or it aborts
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
 * sync_file_fd() - make a descriptor of a fence
 * @sync_file: is the descriptor's on success, and stays the caller's on failure
 * @flags:     O_CLOEXEC or 0
 *
 * sync_file_reserve_fd() and sync_file_install_fd() in one, with all that they say. It ends
 * with close().
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
 * A descriptor that this process made gives its fence, a sync_file of the kernel a fence that
 * stands for it (see sync_file_watch_fd()), a new one for each call.
 *
 * Locking: takes no fence's lock, so that a callback may call it.
 *
 * Context: allocates for a sync_file of the kernel.
 *
 * Return: a new reference; NULL: @fd is closed, or is a descriptor of something else, or, for
 * a sync_file of the kernel, there is no memory, no descriptor or no thread.
 *
 * Since: 0.1
 */
struct dma_fence *sync_file_get_fence(int fd);

/**
 * sync_file_merge() - a descriptor for the fences behind two
 * @name: what it is called; NULL: nothing; at most 31 bytes, as in Linux
 * @fd1:  a descriptor of a fence
 * @fd2:  another, or the same
 *
 * As dma_fence_unwrap_merge() does. Two sync_files of the kernel give one of the kernel. The
 * new descriptor is close-on-exec.
 *
 * Context: allocates.
 *
 * Return: the descriptor; -EBADF: @fd1 or @fd2 is closed; -EINVAL: one is a descriptor of
 * something else, or @name is too long; -ENOMEM; -EMFILE, -ENFILE: no descriptor; -ENOSPC: as
 * for sync_file_reserve_fd(); -EAGAIN: no thread, as for sync_file_watch_fd(). On failure
 * nothing changed.
 *
 * Since: 0.1. Extension (Linux: SYNC_IOC_MERGE).
 */
int sync_file_merge(const char *name, int fd1, int fd2) DMABUF_MUST_CHECK;

struct sync_file_info;

/**
 * sync_file_get_info() - what is behind a descriptor
 * @fd:   a descriptor of a fence
 * @info: see <linux/sync_file.h>, which defines it; num_fences: how many structures
 *	  sync_fence_info points to; 0: only count them
 *
 * Fills in the name, the number of plain fences, each of these, and the status: that of the
 * first which has not signalled, or signalled with an error, or else 1.
 *
 * Return: 0; -EBADF: @fd is closed; -EINVAL: it is a descriptor of something else, num_fences
 * is too small, flags or pad are not 0, or @info, or what structures go to, is NULL; -ENOMEM,
 * from the kernel. On failure @info is not written.
 *
 * Since: 0.1. Extension (Linux: SYNC_IOC_FILE_INFO).
 */
int sync_file_get_info(int fd, struct sync_file_info *info) DMABUF_MUST_CHECK;

/**
 * sync_file_set_deadline() - say until when a descriptor should be readable
 * @fd:       a descriptor of a fence
 * @deadline: nanoseconds, CLOCK_MONOTONIC
 *
 * As dma_fence_set_deadline().
 *
 * Return: 0; -EBADF: @fd is closed; -EINVAL: it is a descriptor of something else;
 * -EOPNOTSUPP: it is a sync_file of a kernel that has no deadlines.
 *
 * Since: 0.1. Extension (Linux: SYNC_IOC_SET_DEADLINE).
 */
int sync_file_set_deadline(int fd, int64_t deadline) DMABUF_MUST_CHECK;

/*
 * Fences of the kernel.
 */

/**
 * sync_file_watch_fd() - watch the kernel's fences yourself
 *
 * A fence of the kernel signals when somebody sees that its sync_file is readable. Whoever
 * asks or waits for it looks. For callbacks somebody must watch: by default a thread that the
 * library starts when the first sync_file of the kernel is taken in, with all signals
 * blocked. Callbacks then run on it.
 *
 * Who calls this before that keeps the thread away, and calls sync_file_watch() whenever the
 * descriptor is readable. Costs one descriptor, which stays; so does that of the thread, where there is one.
 *
 * Each fence of the kernel costs one descriptor.
 *
 * Return: a descriptor to poll, the library's: do not close it; the same each time; -EBUSY:
 * the thread is there already; -EMFILE, -ENFILE: no descriptor.
 *
 * Since: 0.1. Extension.
 */
int sync_file_watch_fd(void) DMABUF_MUST_CHECK;

/**
 * sync_file_watch() - signal the kernel's fences that are done
 *
 * Does not wait. Callbacks run in here.
 *
 * Locking: takes the locks of the fences.
 *
 * Since: 0.1. Extension.
 */
void sync_file_watch(void);

/**
 * dma_fence_is_finite() - does it promise to signal in finite time?
 * @fence: fence; the caller holds a reference
 *
 * Return: true: @fence has signalled, or each plain fence in it has, or comes from the kernel;
 * false: user space must still signal one.
 *
 * Since: 0.1. Extension.
 */
bool dma_fence_is_finite(struct dma_fence *fence);

/**
 * sync_file_kernel_fd() - a fence as a sync_file of the kernel's
 * @fence: fence; the caller holds a reference
 *
 * For drivers and APIs that wait in the kernel. Only the kernel's own fences can go there:
 * the kernel waits for them where it must not wait for a program, under memory pressure for
 * one, and a program that never signals would hang the machine, and not itself alone. So wait
 * for the rest first, here. How those ended that have signalled is not in the descriptor.
 *
 * Return: the descriptor, close-on-exec; -ENOENT: @fence has signalled: there is nothing to
 * wait for, so give the kernel nothing; -EBUSY: a fence of user space in it has not signalled;
 * -EINVAL: no @fence; -ENOMEM; -EMFILE, -ENFILE: no descriptor.
 *
 * Since: 0.1. Extension.
 */
int sync_file_kernel_fd(struct dma_fence *fence) DMABUF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_SYNC_FILE_H */
