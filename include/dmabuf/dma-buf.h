/* SPDX-License-Identifier: MIT */
/*
 * dma-buf.h - memory that several users share
 *
 * An exporter has memory and makes a struct dma_buf of it. Importers attach to it,
 * map the attachment to learn where the memory is, and order their work through the
 * buffer's reservation object. Names, arguments and values are those of Linux 6.12.
 *
 * What differs from Linux, to know first:
 *
 *   - References alone keep a buffer alive. A descriptor of its memory does not, since
 *     closing one tells nobody; so dma_buf_fd() does not consume a reference.
 *   - dma_buf_get() knows the buffers of this process only. A forked child knows none.
 *   - Mapping follows the rule of the table below, not "always locked".
 *
 * Locking. Each side says whether mapping runs under the reservation lock ("dynamic")
 * or without it ("static"). An exporter is dynamic if its ops or its export info set
 * dynamic_mapping, or its ops have pin; an importer if it attached with importer ops.
 *
 *   exporter  importer  the exporter's map is called    lock then     at map, the importer
 *   static    static    by dma_buf_map_attachment()     not held      does not hold it
 *   dynamic   dynamic   by dma_buf_map_attachment()     by importer   holds it
 *   dynamic   static    once, by attach, bidirectional  by library    does not hold it
 *   static    dynamic   once, by attach, bidirectional  not held      holds it
 *
 * In the last two rows the one table is cached, and dma_buf_map_attachment() returns
 * it. The ops pin, unpin, vmap and vunmap are called with the lock held; attach, detach,
 * release, begin_cpu_access, end_cpu_access and mmap_cpu without it.
 *
 * Calls on one attachment are for its importer to serialise. Calls on different
 * attachments of one buffer may run at the same time.
 */
#ifndef DMABUF_DMA_BUF_H
#define DMABUF_DMA_BUF_H

#include <dmabuf/dma-buf-attach.h>
#include <dmabuf/dma-buf-cpu.h>
#include <dmabuf/dma-buf-ops.h>

#ifdef __cplusplus
extern "C" {
#endif

struct module; /* Linux's; unused here */

/** struct dma_buf_export_info - what dma_buf_export() makes a buffer of */
struct dma_buf_export_info {
	/** @exp_name: who exports; borrowed for the life of the buffer */
	const char *exp_name;
	/** @owner: unused here */
	struct module *owner;
	/** @ops: what the exporter provides; borrowed for the life of the buffer */
	const struct dma_buf_ops *ops;
	/** @size: bytes */
	size_t size;
	/** @flags: O_RDWR: CPU mappings and descriptors may write; O_RDONLY: they may not */
	int flags;
	/** @resv: reservation object to use, which outlives the buffer; NULL: one of its own */
	struct dma_resv *resv;
	/** @priv: the exporter's, not NULL */
	void *priv;
	/** @dynamic_mapping: the exporter maps under the lock, whatever its ops say (Extension) */
	bool dynamic_mapping;
};

/** DMABUF_MODNAME - who exports, if DEFINE_DMA_BUF_EXPORT_INFO() is not told otherwise */
#ifndef DMABUF_MODNAME
#define DMABUF_MODNAME "unnamed"
#endif

/**
 * DEFINE_DMA_BUF_EXPORT_INFO() - define a struct dma_buf_export_info
 * @info: name of the variable
 *
 * All zero but for exp_name, which is DMABUF_MODNAME: define that before including
 * this header.
 *
 * Since: 0.1
 */
#define DEFINE_DMA_BUF_EXPORT_INFO(info) \
	struct dma_buf_export_info info = { DMABUF_MODNAME, NULL, NULL, 0, 0, NULL, NULL, false }

/*
 * Life of a buffer.
 */

/**
 * dma_buf_export() - make a buffer
 * @exp_info: what of; copied
 *
 * For memory that no descriptor stands for, or that several do: dma_buf_fd() refuses
 * it. Otherwise see dma_buf_export_memory().
 *
 * Lifetime: the caller holds the one reference. When the last one is dropped,
 * ops->release is called once. A failed export calls nothing: what is in @exp_info is
 * still the caller's.
 *
 * Locking: none needed.
 *
 * Return: a new reference; dmabuf_err_ptr() of -EINVAL, with a warning: no @exp_info,
 * priv, ops, map, unmap or release; one of pin and unpin without the other; or
 * cache_sgt_mapping together with pin or dynamic_mapping; -ENOMEM.
 *
 * Example:
 *
 *	static struct sg_table *map(struct dma_buf_attachment *attach,
 *				    enum dma_data_direction direction)
 *	{
 *		const struct scatterlist piece = {
 *			.address = attach->dmabuf->priv, .length = attach->dmabuf->size, .fd = -1
 *		};
 *		struct sg_table *table = malloc(sizeof(*table));
 *		int err = -ENOMEM;
 *
 *		(void)direction;
 *		if (table)
 *			err = sg_alloc_table_from_pieces(table, &piece, 1, attach->dev);
 *		if (!err)
 *			return table;
 *		free(table);
 *		return dmabuf_err_ptr(err);
 *	}
 *
 *	static void unmap(struct dma_buf_attachment *attach, struct sg_table *table,
 *			  enum dma_data_direction direction)
 *	{
 *		(void)attach, (void)direction;
 *		sg_free_table(table);
 *		free(table);
 *	}
 *
 *	static void release(struct dma_buf *dmabuf)
 *	{
 *		free(dmabuf->priv);
 *	}
 *
 *	static struct dma_buf *make_buffer(void *memory, size_t size)
 *	{
 *		static const struct dma_buf_ops ops = {
 *			.map_dma_buf = map, .unmap_dma_buf = unmap, .release = release
 *		};
 *		DEFINE_DMA_BUF_EXPORT_INFO(info);
 *
 *		info.ops = &ops;
 *		info.size = size;
 *		info.flags = O_RDWR;
 *		info.priv = memory;
 *		return dma_buf_export(&info);
 *	}
 *
 * Since: 0.1
 */
struct dma_buf *dma_buf_export(const struct dma_buf_export_info *exp_info) DMABUF_MUST_CHECK;

/**
 * dma_buf_export_memory() - make a buffer of memory that one descriptor stands for
 * @exp_info: what of; copied
 * @fd:       descriptor of all the memory, from its start; borrowed: the buffer keeps a
 *	      duplicate
 *
 * As dma_buf_export(); and dma_buf_fd() and dma_buf_get() work. Access is at most that
 * of @fd, and of exp_info->flags.
 *
 * Return: as dma_buf_export(), and dmabuf_err_ptr() of -EBADF: @fd is not open;
 * -EACCES: @fd cannot be read; -EINVAL: the file is smaller than the buffer; -EEXIST: a
 * live buffer of this process has the same memory: use dma_buf_get(); -EMFILE and what
 * else duplicating a descriptor may give.
 *
 * Since: 0.1. Extension.
 */
struct dma_buf *dma_buf_export_memory(const struct dma_buf_export_info *exp_info, int fd)
	DMABUF_MUST_CHECK;

/**
 * dma_buf_fd() - a descriptor of the memory
 * @dmabuf: buffer
 * @flags:  O_RDONLY or O_RDWR, and O_CLOEXEC or not
 *
 * To send to another process, or for dma_buf_get() in this one. Linux consumes the
 * caller's reference here; this library does not: the descriptor keeps the memory, not
 * the buffer, and the buffer is alive as long as there are references.
 *
 * Without O_RDWR the descriptor can only be read and mapped for reading. That stops
 * mistakes, not malice: who has it can open the file again through /proc/self/fd. Only
 * seals protect (F_SEAL_FUTURE_WRITE).
 *
 * Where access is as the buffer's own, the descriptor is a duplicate, and shares the
 * file position with other duplicates: do not count on where it is.
 *
 * Context: callable with and without the lock.
 *
 * Return: a new descriptor, for the caller to close; -EINVAL: @dmabuf is NULL, or
 * other flags; -EOPNOTSUPP: the memory has no descriptor, or not exactly one; -EACCES:
 * O_RDWR of a buffer that may only be read; -EMFILE, -ENFILE, and without /proc -ENOENT
 * for O_RDONLY of a buffer that may be written.
 *
 * Since: 0.1
 */
int dma_buf_fd(struct dma_buf *dmabuf, int flags) DMABUF_MUST_CHECK;

/**
 * dma_buf_get() - the buffer whose memory a descriptor stands for
 * @fd: descriptor, borrowed: from dma_buf_fd(), or any other of the same memory
 *
 * Knows the live buffers of this process: not those of other processes, and in a forked
 * child not those of the parent. There, dma_buf_memfd_import() makes a buffer of it.
 *
 * Context: callable with and without the lock.
 *
 * Return: a new reference; dmabuf_err_ptr() of -EBADF: @fd is not open, or O_PATH; -EINVAL: no
 * live buffer of this process has this memory.
 *
 * Since: 0.1
 */
struct dma_buf *dma_buf_get(int fd) DMABUF_MUST_CHECK;

/**
 * get_dma_buf() - take another reference
 * @dmabuf: buffer that the caller has a reference on
 *
 * Context: callable anywhere.
 *
 * Since: 0.1
 */
void get_dma_buf(struct dma_buf *dmabuf);

/**
 * dma_buf_put() - drop a reference
 * @dmabuf: buffer to let go of; NULL is fine
 *
 * The last one ends the buffer: ops->release is called, its own reservation object ends
 * and its descriptor is closed. Before that all attachments must be detached (otherwise
 * it warns, and leaves the buffer in memory for ever) and all vmaps undone (otherwise it
 * aborts).
 *
 * Locking: the caller does not hold the lock.
 *
 * Context: the last one may sleep.
 *
 * Since: 0.1
 */
void dma_buf_put(struct dma_buf *dmabuf) DMABUF_EXCLUDES(dmabuf->resv->lock);

/**
 * dma_buf_set_name() - give a buffer a name, for people
 * @dmabuf: buffer
 * @name:   copied; at most DMA_BUF_NAME_LEN - 1 bytes; NULL: no name any more
 *
 * Locking: takes dmabuf->name_lock, nothing else: callable with and without the lock of
 * the reservation, also in a fence callback.
 *
 * Return: 0; -EINVAL: @dmabuf is NULL, or @name is too long, and the old name stays.
 *
 * Since: 0.1. Extension (Linux: DMA_BUF_SET_NAME)
 */
int dma_buf_set_name(struct dma_buf *dmabuf, const char *name) DMABUF_MUST_CHECK;

/**
 * dma_buf_get_name() - read the name of a buffer
 * @dmabuf:   buffer
 * @ret_name: room for DMA_BUF_NAME_LEN bytes; "" if it has no name
 *
 * Never waits for a reservation lock, so that anybody can say which buffer it is about
 * at any time.
 *
 * Locking: as dma_buf_set_name().
 *
 * Since: 0.1. Extension.
 */
void dma_buf_get_name(struct dma_buf *dmabuf, char ret_name[DMA_BUF_NAME_LEN]);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_H */
