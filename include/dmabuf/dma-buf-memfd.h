/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-memfd.h - two exporters: memory files, and plain memory (Extension)
 *
 * Both are static exporters. Their memory never moves. Every table has one segment, or
 * as many as the importer's longest segment makes of it.
 */
#ifndef DMABUF_DMA_BUF_MEMFD_H
#define DMABUF_DMA_BUF_MEMFD_H

#include <dmabuf/dma-buf.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * dma_buf_memfd_create() - make a buffer in a new memory file
 * @name:    what the buffer is called, see dma_buf_set_name(); NULL: nothing
 * @size:    bytes, rounded up to whole pages; dmabuf->size says how many it became
 * @ret_buf: a new reference
 *
 * The memory is zero. The file can be neither shrunk nor grown, nor be sealed further:
 * whoever gets a descriptor of it may map all of it, and will not meet a SIGBUS.
 *
 * Context: sleeps. Costs one descriptor and one mapping.
 *
 * Return: 0; -EINVAL: @size is 0 or cannot be rounded up, @name is too long, or @ret_buf
 * is NULL; -EFBIG: @size is more than a file can have; -ENOMEM; -EMFILE, -ENFILE: no
 * descriptor; -ENOSPC. On failure @ret_buf is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_memfd_create(const char *name, size_t size, struct dma_buf **ret_buf) DMABUF_MUST_CHECK;

/**
 * dma_buf_memfd_import() - make a buffer of a memory file that somebody else made
 * @fd:      descriptor of it, borrowed: the buffer keeps a duplicate
 * @ret_buf: a new reference
 *
 * For files of another process. It takes nobody's word: the file must be sealed against
 * shrinking (F_SEAL_SHRINK), so that its size, read after that, is true for ever. What is
 * in the memory may be changed by others at any time.
 *
 * Access comes from the descriptor and the seals: if @fd is O_RDONLY, or the file is
 * sealed against writing, the buffer may only be read: its mapping is read-only, and
 * PROT_WRITE, O_RDWR and mapping an attachment DMA_FROM_DEVICE give -EACCES. Mapping it
 * DMA_BIDIRECTIONAL works, since that is how the library maps for others; writing faults.
 *
 * Context: sleeps. Costs one descriptor and one mapping.
 *
 * Return: 0; -EBADF: @fd is not open; -EINVAL: not a memory file that is sealed against
 * shrinking, its size is 0 or not in whole pages or more than there are addresses, or
 * @ret_buf is NULL; -EACCES: @fd cannot be read; -EEXIST: a live buffer of this process
 * has this memory: use dma_buf_get(); -ENOMEM; -EMFILE, -ENFILE: no descriptor; without
 * /proc -ENOENT for an O_RDWR descriptor of a file with F_SEAL_WRITE. On failure @ret_buf is
 * not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_memfd_import(int fd, struct dma_buf **ret_buf) DMABUF_MUST_CHECK;

/**
 * dma_buf_malloc_create() - make a buffer in plain memory
 * @name:    as for dma_buf_memfd_create()
 * @size:    bytes; not rounded
 * @ret_buf: a new reference
 *
 * The memory is zero, and begins at a page. For one process only: dma_buf_fd() gives
 * -EOPNOTSUPP.
 *
 * Context: allocates.
 *
 * Return: 0; -EINVAL: @size is 0, @name is too long, or @ret_buf is NULL; -ENOMEM. On
 * failure @ret_buf is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_malloc_create(const char *name, size_t size, struct dma_buf **ret_buf)
	DMABUF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_MEMFD_H */
