/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-ops.h - what the two sides of a buffer provide
 *
 * The exporter gives struct dma_buf_ops to dma_buf_export(), a dynamic importer gives
 * struct dma_buf_attach_ops to dma_buf_dynamic_attach(). Which op is called with the
 * reservation lock held, and when, is in the table of dma-buf.h.
 */
#ifndef DMABUF_DMA_BUF_OPS_H
#define DMABUF_DMA_BUF_OPS_H

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
	 * @move_notify: optional; the memory is about to move
	 *
	 * Called with the lock held, by the exporter's dma_buf_move_notify(). From then
	 * on tables of @attach are stale: the importer unmaps them, and maps anew before
	 * its next use. Use that it cannot stop is in the reservation as a fence.
	 *
	 * NULL: the importer takes part in the locking only; the library then keeps the
	 * memory pinned while @attach is mapped, if the exporter has pin.
	 */
	void (*move_notify)(struct dma_buf_attachment *attach);
};

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_OPS_H */
