/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-cpu.h - the memory of a buffer for the CPU: access, and addresses
 *
 * Part of dma-buf.h.
 */
#ifndef DMABUF_DMA_BUF_CPU_H
#define DMABUF_DMA_BUF_CPU_H

#include <dmabuf/dma-buf-ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * dma_buf_begin_cpu_access() - the CPU is about to use the memory
 * @dmabuf:    buffer
 * @direction: DMA_FROM_DEVICE to read, DMA_TO_DEVICE to write, DMA_BIDIRECTIONAL for both
 *
 * Calls the exporter, then waits for the fences that are there: to read, for writers; to
 * write, for readers and writers. Touch the memory through dma_buf_mmap_cpu() or
 * dma_buf_vmap() only between this and dma_buf_end_cpu_access(). Calls nest, and threads
 * need not take turns.
 *
 * Nobody is kept from adding a fence meanwhile: hold the lock for that, or add a fence of
 * your own, after this call; a job that is in already would wait for itself, and attaches.
 *
 * Locking: the caller does not hold the lock; aborts otherwise.
 *
 * Context: sleeps.
 *
 * Return: 0; -EINVAL: @dmabuf is NULL (and a warning), or no such direction; -EINTR: a
 * signal handler ran while it waited; or what the exporter, or the wait op of a fence, gave.
 * After a failure there is nothing to end: the exporter's end_cpu_access has been called if
 * its begin had succeeded.
 *
 * Example:
 *
 *	void *address;
 *
 *	err = dma_buf_mmap_cpu(dmabuf, PROT_READ, &address);
 *	if (!err)
 *		err = dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE); // waits for writers
 *	if (err)
 *		return err;
 *	use(address, dmabuf->size);
 *	err = dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE);
 *
 * Since: 0.1
 */
int dma_buf_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
	DMABUF_EXCLUDES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

/**
 * dma_buf_end_cpu_access() - the CPU has used the memory
 * @dmabuf:    buffer
 * @direction: the same as for dma_buf_begin_cpu_access()
 *
 * Whatever it returns, the access has ended.
 *
 * Locking: the caller does not hold the lock; aborts otherwise.
 *
 * Return: 0; -EINVAL: @dmabuf is NULL (and a warning), or no such direction; or what the
 * exporter gave.
 *
 * Since: 0.1
 */
int dma_buf_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
	DMABUF_EXCLUDES(dmabuf->resv->lock);

/**
 * dma_buf_mmap_cpu() - the buffer's address for the CPU
 * @dmabuf:   buffer
 * @prot:     PROT_READ, or PROT_READ | PROT_WRITE
 * @ret_addr: address of dmabuf->size bytes
 *
 * There is one mapping, made with the buffer and gone with it: nothing to undo, and every
 * call returns the same address. Touch it only between dma_buf_begin_cpu_access() and
 * dma_buf_end_cpu_access(). A build of the library with DMABUF_CHECKS makes the pages of
 * its memfd exporter unreadable, or read-only after a begin to read, in all other times.
 *
 * Lifetime: the address is valid while the caller holds a reference on @dmabuf.
 *
 * Locking: the caller does not hold the lock; aborts otherwise.
 *
 * Return: 0; -EINVAL: an argument is NULL, or another @prot; -EACCES: PROT_WRITE of a
 * buffer that may only be read; -EOPNOTSUPP: the exporter cannot; or what the exporter
 * gave. @ret_addr is written on success only.
 *
 * Since: 0.1. Extension (Linux's dma_buf_mmap() needs a range to fill)
 */
int dma_buf_mmap_cpu(struct dma_buf *dmabuf, int prot, void **ret_addr)
	DMABUF_EXCLUDES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

/**
 * dma_buf_vmap() - an address for the CPU, counted
 * @dmabuf: buffer
 * @map:    the address; cleared on failure
 *
 * Only the first calls the exporter; others get the same address.
 *
 * Lifetime: until as many dma_buf_vunmap().
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Return: 0; -EINVAL: @dmabuf or @map is NULL (and a warning), or the exporter cannot; or
 * what the exporter gave.
 *
 * Since: 0.1
 */
int dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
	DMABUF_REQUIRES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

/**
 * dma_buf_vunmap() - undo a dma_buf_vmap()
 * @dmabuf: buffer; NULL warns, and nothing happens
 * @map:    what that gave; aborts for another address, or if there is no vmap left
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Since: 0.1
 */
void dma_buf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
	DMABUF_REQUIRES(dmabuf->resv->lock);

/**
 * dma_buf_vmap_unlocked() - dma_buf_vmap() that takes the lock itself
 * @dmabuf: as there
 * @map:    as there
 *
 * Locking: the caller does not hold the lock; aborts otherwise.
 *
 * Return: as dma_buf_vmap().
 *
 * Since: 0.1
 */
int dma_buf_vmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
	DMABUF_EXCLUDES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

/**
 * dma_buf_vunmap_unlocked() - dma_buf_vunmap() that takes the lock itself
 * @dmabuf: as there
 * @map:    as there
 *
 * Locking: the caller does not hold the lock; aborts otherwise.
 *
 * Since: 0.1
 */
void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map)
	DMABUF_EXCLUDES(dmabuf->resv->lock);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_CPU_H */
