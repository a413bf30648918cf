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
 * or without it ("static"). An exporter is dynamic if its ops set dynamic_mapping or
 * have pin, an importer if it attached with importer ops.
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

#include <dmabuf/dma-buf-ops.h>
#include <dmabuf/dma-resv.h>
#include <dmabuf/scatterlist.h>

#ifdef __cplusplus
extern "C" {
#endif

struct module; /* Linux's; unused here */

/** DMA_BUF_NAME_LEN - longest name of a buffer, with its NUL (value: Linux) */
#ifndef DMA_BUF_NAME_LEN
#define DMA_BUF_NAME_LEN	32
#endif

/**
 * struct dma_buf - a buffer
 *
 * Made by dma_buf_export(). It is larger than this.
 */
struct dma_buf {
	/** @size: bytes; constant */
	size_t size;
	/** @ops: constant */
	const struct dma_buf_ops *ops;
	/** @exp_name: who exported it; constant */
	const char *exp_name;
	/** @priv: the exporter's; constant */
	void *priv;
	/** @resv: reservation object: the exporter's, or the buffer's own; constant */
	struct dma_resv *resv;
	/** @attachments: their nodes; under the lock of @resv */
	struct dmabuf_list_head attachments;
	/** @vmapping_counter: vmaps that have not been vunmapped; under the lock of @resv */
	unsigned int vmapping_counter;
	/** @vmap_ptr: what vmap gave, while there are any; under the lock of @resv */
	struct iosys_map vmap_ptr;
	/** @name_lock: guards @name; taken last, and shortly */
	struct dmabuf_spinlock name_lock;
	/** @name: see dma_buf_set_name(); NULL: none; under @name_lock */
	const char *name;
};

/** struct dma_buf_attachment - one importer's tie to one buffer */
struct dma_buf_attachment {
	/** @dmabuf: the buffer; constant */
	struct dma_buf *dmabuf;
	/** @dev: the importer; constant, borrowed */
	struct device *dev;
	/** @node: on dmabuf->attachments; under the lock of dmabuf->resv */
	struct dmabuf_list_head node;
	/** @sgt: the cached table, or NULL */
	struct sg_table *sgt;
	/** @dir: direction of @sgt */
	enum dma_data_direction dir;
	/** @peer2peer: what the importer allows; the exporter's attach op may clear it */
	bool peer2peer;
	/** @importer_ops: NULL for a static importer; constant */
	const struct dma_buf_attach_ops *importer_ops;
	/** @importer_priv: the importer's; constant */
	void *importer_priv;
	/** @priv: the exporter's */
	void *priv;
};

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
 */
#define DEFINE_DMA_BUF_EXPORT_INFO(info) \
	struct dma_buf_export_info info = { DMABUF_MODNAME, NULL, NULL, 0, 0, NULL, NULL }

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
void dma_buf_put(struct dma_buf *dmabuf);

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

/*
 * Importers.
 */

/**
 * dma_buf_is_dynamic() - does the exporter map under the lock?
 * @dmabuf: buffer
 *
 * Return: true if its ops set dynamic_mapping or have pin.
 *
 * Since: 0.1
 */
static inline bool dma_buf_is_dynamic(const struct dma_buf *dmabuf)
{
	return dmabuf->ops->dynamic_mapping || dmabuf->ops->pin;
}

/**
 * dma_buf_attachment_is_dynamic() - does the importer map under the lock?
 * @attach: attachment
 *
 * Return: true if it attached with importer ops.
 *
 * Since: 0.1
 */
static inline bool dma_buf_attachment_is_dynamic(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops != NULL;
}

/**
 * dma_buf_dynamic_attach() - attach an importer to a buffer
 * @dmabuf:        buffer; the caller holds a reference until it has detached
 * @dev:           who imports, with its limits; borrowed until it has detached
 * @importer_ops:  makes the importer dynamic; borrowed likewise; NULL: static
 * @importer_priv: for the importer, as attach->importer_priv
 *
 * Where exporter and importer disagree about the lock, the memory is mapped here, once
 * and in both directions (and pinned, if the exporter has pin), and stays so until
 * dma_buf_detach(). If that fails, the attachment is undone: the exporter's detach is
 * called.
 *
 * Locking: the caller does not hold the lock of dmabuf->resv; aborts otherwise. It is
 * taken.
 *
 * Context: sleeps.
 *
 * Return: the attachment, for dma_buf_detach(); dmabuf_err_ptr() of -EINVAL: @dmabuf or
 * @dev is NULL (and a warning), or the limits of @dev contradict themselves; -ENOMEM;
 * -EBUSY: the memory is not within the limits of @dev; or what the exporter's attach,
 * pin or map gave; where it is mapped here for a static importer, -EINTR: a signal
 * handler ran while it waited for the memory to be moved (KERNEL fences).
 *
 * Since: 0.1
 */
struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
						  const struct dma_buf_attach_ops *importer_ops,
						  void *importer_priv) DMABUF_MUST_CHECK;

/**
 * dma_buf_attach() - attach a static importer to a buffer
 * @dmabuf: as there
 * @dev:    as there
 *
 * dma_buf_dynamic_attach() without importer ops. Return: as there.
 *
 * Since: 0.1
 */
struct dma_buf_attachment *dma_buf_attach(struct dma_buf *dmabuf, struct device *dev)
	DMABUF_MUST_CHECK;

/**
 * dma_buf_detach() - end an attachment
 * @dmabuf: its buffer
 * @attach: attachment that the importer has unmapped; freed
 *
 * A cached table is unmapped here. Warns, and does nothing, if either is NULL or they do
 * not belong together.
 *
 * Locking: the caller does not hold the lock; aborts otherwise. It is taken.
 *
 * Context: sleeps.
 *
 * Since: 0.1
 */
void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);

/**
 * dma_buf_map_attachment() - learn where the memory is
 * @attach:    attachment
 * @direction: what the device will do: DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL
 *
 * A static importer need not look at KERNEL fences: it is waited for them here (or was,
 * in attach). It still waits for other work as their category says. A dynamic importer
 * waits for KERNEL fences itself.
 *
 * Lifetime: the table belongs to the caller until dma_buf_unmap_attachment(); a cached
 * one to the attachment. Its descriptors are borrowed from the buffer.
 *
 * Locking: a dynamic importer holds the lock of the buffer's reservation, a static one
 * does not; aborts otherwise, also where the table is cached.
 *
 * Context: sleeps.
 *
 * Return: the table; dmabuf_err_ptr() of -EINVAL: @attach is NULL (and a warning), or no
 * such direction; -EBUSY: the cached table has another direction, or the exporter's table
 * is not within the limits of the device; -ENOMEM: the exporter gave NULL; -EINTR: a
 * signal handler ran while it waited; or what the exporter's pin or map gave.
 *
 * Since: 0.1
 */
struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach,
					enum dma_data_direction direction) DMABUF_MUST_CHECK;

/**
 * dma_buf_unmap_attachment() - give a table back
 * @attach:    attachment
 * @sg_table:  what dma_buf_map_attachment() returned; for the cached one nothing happens
 * @direction: the same as then
 *
 * Warns, and does nothing, if @attach or @sg_table is NULL.
 *
 * Locking: as dma_buf_map_attachment().
 *
 * Since: 0.1
 */
void dma_buf_unmap_attachment(struct dma_buf_attachment *attach, struct sg_table *sg_table,
			      enum dma_data_direction direction);

/**
 * dma_buf_map_attachment_unlocked() - dma_buf_map_attachment(), and the lock is not held
 * @attach:    as there
 * @direction: as there
 *
 * Takes the lock where the importer is dynamic, and drops it again: for importers that
 * do not care which they are.
 *
 * Locking: the caller does not hold the lock; aborts otherwise.
 *
 * Return: as dma_buf_map_attachment().
 *
 * Since: 0.1
 */
struct sg_table *dma_buf_map_attachment_unlocked(struct dma_buf_attachment *attach,
						 enum dma_data_direction direction)
	DMABUF_MUST_CHECK;

/**
 * dma_buf_unmap_attachment_unlocked() - dma_buf_unmap_attachment(), and the lock is not held
 * @attach:    as there
 * @sg_table:  as there
 * @direction: as there
 *
 * Locking: as dma_buf_map_attachment_unlocked().
 *
 * Since: 0.1
 */
void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *attach, struct sg_table *sg_table,
				       enum dma_data_direction direction);

/**
 * dma_buf_pin() - keep the memory where it is
 * @attach: attachment of a dynamic importer
 *
 * Until dma_buf_unpin(); the exporter counts. For users that cannot follow a move, such
 * as scan-out. Nothing happens if the exporter has no pin.
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Return: 0; -EINVAL, with a warning: @attach is NULL or static; or what the exporter's
 * pin gave.
 *
 * Since: 0.1
 */
int dma_buf_pin(struct dma_buf_attachment *attach) DMABUF_MUST_CHECK;

/**
 * dma_buf_unpin() - let the memory move again
 * @attach: attachment that was pinned; warns, and does nothing, for NULL or a static importer
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Since: 0.1
 */
void dma_buf_unpin(struct dma_buf_attachment *attach);

/**
 * dma_buf_move_notify() - tell importers that the memory is about to move
 * @dmabuf: buffer; the caller is its exporter
 *
 * Calls move_notify of every dynamic importer that has one.
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Since: 0.1
 */
void dma_buf_move_notify(struct dma_buf *dmabuf);

/*
 * The CPU.
 */

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
 * signal handler ran while it waited; or what the exporter gave. After a failure there is
 * nothing to end: the exporter's end_cpu_access has been called if its begin had succeeded.
 *
 * Since: 0.1
 */
int dma_buf_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
	DMABUF_MUST_CHECK;

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
int dma_buf_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction);

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
int dma_buf_mmap_cpu(struct dma_buf *dmabuf, int prot, void **ret_addr) DMABUF_MUST_CHECK;

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
int dma_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map) DMABUF_MUST_CHECK;

/**
 * dma_buf_vunmap() - undo a dma_buf_vmap()
 * @dmabuf: buffer; NULL warns, and nothing happens
 * @map:    what that gave; aborts for another address, or if there is no vmap left
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Since: 0.1
 */
void dma_buf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map);

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
int dma_buf_vmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map) DMABUF_MUST_CHECK;

/**
 * dma_buf_vunmap_unlocked() - dma_buf_vunmap() that takes the lock itself
 * @dmabuf: as there
 * @map:    as there
 *
 * Locking: the caller does not hold the lock; aborts otherwise.
 *
 * Since: 0.1
 */
void dma_buf_vunmap_unlocked(struct dma_buf *dmabuf, struct iosys_map *map);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_H */
