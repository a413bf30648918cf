/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-attach.h - importers: attach, map, pin, and what an exporter tells them
 *
 * Part of dma-buf.h, which says who holds the lock when.
 */
#ifndef DMABUF_DMA_BUF_ATTACH_H
#define DMABUF_DMA_BUF_ATTACH_H

#include <dmabuf/dma-buf-ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * dma_buf_is_dynamic() - does the exporter map under the lock?
 * @dmabuf: buffer
 *
 * Return: true if its ops or its export info set dynamic_mapping, or its ops have pin.
 *
 * Since: 0.1
 */
static inline bool dma_buf_is_dynamic(const struct dma_buf *dmabuf)
{
	return dmabuf->dynamic;
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
						  void *importer_priv)
	DMABUF_EXCLUDES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

/**
 * dma_buf_attach() - attach a static importer to a buffer
 * @dmabuf: as there
 * @dev:    as there
 *
 * dma_buf_dynamic_attach() without importer ops.
 *
 * Return: as there.
 *
 * Since: 0.1
 */
struct dma_buf_attachment *dma_buf_attach(struct dma_buf *dmabuf, struct device *dev)
	DMABUF_EXCLUDES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

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
void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
	DMABUF_EXCLUDES(dmabuf->resv->lock);

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
 * Example:
 *
 *	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, dev);
 *	struct scatterlist *sg;
 *	struct sg_table *table;
 *
 *	if (dmabuf_is_err(attach))
 *		return (int)dmabuf_ptr_err(attach);
 *	table = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
 *	if (!dmabuf_is_err(table)) {
 *		sg_table_for_each(sg, table)
 *			use(sg->address, sg->length);
 *		dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
 *	}
 *	dma_buf_detach(dmabuf, attach);
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
	DMABUF_EXCLUDES(attach->dmabuf->resv->lock) DMABUF_MUST_CHECK;

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
				       enum dma_data_direction direction)
	DMABUF_EXCLUDES(attach->dmabuf->resv->lock);

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
int dma_buf_pin(struct dma_buf_attachment *attach)
	DMABUF_REQUIRES(attach->dmabuf->resv->lock) DMABUF_MUST_CHECK;

/**
 * dma_buf_unpin() - let the memory move again
 * @attach: attachment that was pinned; warns, and does nothing, for NULL or a static importer
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Since: 0.1
 */
void dma_buf_unpin(struct dma_buf_attachment *attach) DMABUF_REQUIRES(attach->dmabuf->resv->lock);

/**
 * dma_buf_invalidate_mappings() - tell importers that their tables are stale
 * @dmabuf: buffer; the caller is its exporter
 *
 * Calls invalidate_mappings of every dynamic importer that has one. Before memory moves; or
 * to revoke it: with the lock held, let map fail from now on, call this, wait for all fences
 * (BOOKKEEP), drop the lock, and wait until every importer has unmapped. Before that, see
 * that each importer can do so: dma_buf_attach_revocable().
 *
 * Locking: the caller holds the lock; aborts otherwise.
 *
 * Since: 0.1 (later Linux)
 */
void dma_buf_invalidate_mappings(struct dma_buf *dmabuf) DMABUF_REQUIRES(dmabuf->resv->lock);

/**
 * dma_buf_move_notify() - dma_buf_invalidate_mappings() under its older name
 * @dmabuf: as there
 *
 * Locking: as there.
 *
 * Since: 0.1
 */
void dma_buf_move_notify(struct dma_buf *dmabuf) DMABUF_REQUIRES(dmabuf->resv->lock);

/**
 * dma_buf_attach_revocable() - can this importer give the memory back when it is told to?
 * @attach: attachment
 *
 * For an exporter's attach op, which may refuse whoever cannot.
 *
 * Return: true if its importer ops have invalidate_mappings.
 *
 * Since: 0.1 (later Linux)
 */
static inline bool dma_buf_attach_revocable(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops && attach->importer_ops->invalidate_mappings;
}

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_ATTACH_H */
