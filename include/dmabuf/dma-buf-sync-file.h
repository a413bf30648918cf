/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-sync-file.h - a buffer's fences as a descriptor, and a descriptor's into a buffer
 *
 * For programs that pass fences explicitly: take along what the work must wait for, submit
 * it, and put its fence in. The two calls are not one step: who needs that no other work
 * comes between keeps others out by a lock of its own. Linux has ioctls for both.
 */
#ifndef DMABUF_DMA_BUF_SYNC_FILE_H
#define DMABUF_DMA_BUF_SYNC_FILE_H

#include <dmabuf/dma-buf.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The same as in <linux/dma-buf.h>. */

/** DMA_BUF_SYNC_READ - for reading */
#define DMA_BUF_SYNC_READ (1 << 0)
/** DMA_BUF_SYNC_WRITE - for writing */
#define DMA_BUF_SYNC_WRITE (2 << 0)
/** DMA_BUF_SYNC_RW - for both, which is as for writing */
#define DMA_BUF_SYNC_RW (DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE)

/**
 * dma_buf_export_sync_file() - a descriptor for what an access must wait for
 * @dmabuf: the buffer
 * @flags:  DMA_BUF_SYNC_READ: that it has been written; DMA_BUF_SYNC_WRITE: that nobody uses
 *	    it; or both
 *
 * The fences of this moment (of those that are committed; the holder of the reservation lock
 * sees what it staged). The descriptor is readable when all of them have signalled, at once
 * if there are none. See sync-file.h for what it costs. It is close-on-exec.
 *
 * Locking: the reservation lock may be held or not.
 *
 * Return: the descriptor; -EINVAL: no @dmabuf, no flag, or others; -ENOMEM; -EMFILE, -ENFILE:
 * no descriptor; -ENOSPC: as for sync_file_reserve_fd().
 *
 * Since: 0.1. Extension (Linux: DMA_BUF_IOCTL_EXPORT_SYNC_FILE).
 */
int dma_buf_export_sync_file(struct dma_buf *dmabuf, unsigned int flags) DMABUF_MUST_CHECK;

/**
 * dma_buf_import_sync_file() - let others wait for a descriptor's fences
 * @dmabuf: the buffer
 * @flags:  DMA_BUF_SYNC_READ: they stand for work that reads; DMA_BUF_SYNC_WRITE, or both:
 *	    for work that writes
 * @fd:     descriptor of a fence, or sync_file of the kernel; not consumed
 *
 * Each plain fence behind @fd is added, as one commit, in category READ or WRITE.
 *
 * Locking: takes the reservation lock; aborts if the caller holds it.
 *
 * Context: sleeps.
 *
 * Return: 0; -EINVAL: no @dmabuf, no flag, or others, or @fd is a descriptor of something
 * else; -EBADF: @fd is closed; -ENOMEM; for a sync_file of the kernel also -EMFILE, -ENFILE,
 * -ENOSPC, -EAGAIN, as for sync_file_merge(). On failure nothing changed.
 *
 * Since: 0.1. Extension (Linux: DMA_BUF_IOCTL_IMPORT_SYNC_FILE).
 */
int dma_buf_import_sync_file(struct dma_buf *dmabuf, unsigned int flags, int fd)
	DMABUF_EXCLUDES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_SYNC_FILE_H */
