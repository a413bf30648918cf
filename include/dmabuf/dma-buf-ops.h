/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-ops.h - the buffer itself, and what its two sides provide
 *
 * Part of dma-buf.h, which says what a buffer is.
 *
 * The exporter gives struct dma_buf_ops to dma_buf_export(), a dynamic importer gives
 * struct dma_buf_attach_ops to dma_buf_dynamic_attach(). Which op is called with the
 * reservation lock held, and when, is in the table of dma-buf.h.
 */
#ifndef DMABUF_DMA_BUF_OPS_H
#define DMABUF_DMA_BUF_OPS_H

#include <dmabuf/dma-resv.h>
#include <dmabuf/scatterlist.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dma_buf;
struct dma_buf_attachment;

/** struct iosys_map - an address to read and write at (tag: Linux) */
struct iosys_map {
	/** @vaddr: the address */
	void *vaddr;
	/** @is_iomem: always false here */
	bool is_iomem;
};

/** struct dma_buf_ops - what an exporter provides; constant while a buffer uses it */
struct dma_buf_ops {
	/**
	 * @cache_sgt_mapping: keep the first table of an attachment until it is detached
	 *
	 * Later maps get the same table, if they ask for its direction or it is
	 * bidirectional. Not together with @pin or @dynamic_mapping.
	 */
	bool cache_sgt_mapping;

	/** @dynamic_mapping: map and unmap run with the lock held (Extension: series 1) */
	bool dynamic_mapping;

	/**
	 * @attach: optional; may this importer use the memory?
	 *
	 * The place to look at @attach->dev: 0, or a negative errno, for instance -EBUSY:
	 * the memory is where that device cannot reach it. Called without the lock,
	 * which it may take.
	 */
	int (*attach)(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);

	/** @detach: optional; the end of what attach began; called without the lock */
	void (*detach)(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);

	/**
	 * @pin: optional, with @unpin; keep the memory where it is until unpin
	 *
	 * Makes the exporter dynamic. Calls are counted by the exporter. What it has to
	 * move first must be complete, or be in the reservation as a KERNEL fence.
	 * Called with the lock held. 0 or a negative errno.
	 */
	int (*pin)(struct dma_buf_attachment *attach);

	/** @unpin: one pin less; called with the lock held */
	void (*unpin)(struct dma_buf_attachment *attach);

	/**
	 * @map_dma_buf: mandatory; where is the memory, for this importer?
	 *
	 * Returns a fresh table each time, which @unmap_dma_buf will get back; or an
	 * error pointer (NULL counts as -ENOMEM). The memory's content is valid when it
	 * returns. Called with or without the lock, as the table in dma-buf.h says.
	 */
	struct sg_table *(*map_dma_buf)(struct dma_buf_attachment *attach,
					enum dma_data_direction direction);

	/** @unmap_dma_buf: mandatory; free a table; called as @map_dma_buf is */
	void (*unmap_dma_buf)(struct dma_buf_attachment *attach, struct sg_table *table,
			      enum dma_data_direction direction);

	/** @release: mandatory; the last reference is gone; called without the lock */
	void (*release)(struct dma_buf *dmabuf);

	/**
	 * @begin_cpu_access: optional; make the memory ready for the CPU
	 *
	 * Called without the lock, before the fences are waited for. 0 or a negative
	 * errno. May be called by several threads at once.
	 */
	int (*begin_cpu_access)(struct dma_buf *dmabuf, enum dma_data_direction direction);

	/** @end_cpu_access: optional; once for each begin that succeeded; 0 or a negative errno */
	int (*end_cpu_access)(struct dma_buf *dmabuf, enum dma_data_direction direction);

	/**
	 * @mmap_cpu: optional; the address that dma_buf_mmap_cpu() returns
	 *
	 * In the place of Linux's mmap, which fills a range that somebody else chose.
	 * The mapping is the exporter's, as large as the buffer, and ends in @release.
	 * Called without the lock, by several threads at once. 0 or a negative errno.
	 * Extension.
	 */
	int (*mmap_cpu)(struct dma_buf *dmabuf, int prot, void **ret_addr);

	/** @vmap: optional; an address for the CPU; called with the lock held, not nested */
	int (*vmap)(struct dma_buf *dmabuf, struct iosys_map *map);

	/** @vunmap: optional; the end of what vmap began; called with the lock held */
	void (*vunmap)(struct dma_buf *dmabuf, struct iosys_map *map);
};

/** struct dma_buf_attach_ops - what a dynamic importer provides; constant while attached */
struct dma_buf_attach_ops {
	/** @allow_peer2peer: handed to the exporter as attach->peer2peer, before its attach op */
	bool allow_peer2peer;

	/**
	 * @invalidate_mappings: optional; the memory is about to move, or to be revoked
	 *
	 * Called with the lock held, by the exporter's dma_buf_invalidate_mappings(). From then
	 * on tables of @attach are stale: the importer unmaps them, and maps anew before
	 * its next use. Use that it cannot stop is in the reservation as a fence.
	 *
	 * NULL: the importer takes part in the locking only; the library then keeps the
	 * memory pinned while @attach is mapped, if the exporter has pin.
	 */
	union {
		void (*invalidate_mappings)(struct dma_buf_attachment *attach);
		/** @move_notify: the same under its older name */
		void (*move_notify)(struct dma_buf_attachment *attach);
	};
};

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
	/** @dynamic: see dma_buf_is_dynamic(); constant */
	bool dynamic;
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

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_OPS_H */
