/* SPDX-License-Identifier: MIT */
/*
 * Importers: attach, map, pin, and the reverse.
 *
 * Locking: the table in dma-buf.h. Where the two sides agree, the exporter's map runs in
 * dma_buf_map_attachment(), under whatever lock state both are used to. Where they
 * disagree, no lock state at map time would suit both: so the memory is mapped once, in
 * attach, as the exporter likes it, and the importer gets that table however it likes.
 *
 * attach->sgt belongs to the importer's calls, which it serialises. The list changes under
 * the reservation lock and list_lock, and is read under either: whoever reports on buffers
 * waits for nobody's reservation.
 */
#include <dmabuf/dma-buf.h>

#include <errno.h>

#include "buf/buffer.h"
#include "buf/trace.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/list.h"

/* Does a table exist from attach to detach? */
static bool is_mapped_at_attach(const struct dma_buf_attachment *attach)
{
	return dma_buf_is_dynamic(attach->dmabuf) != dma_buf_attachment_is_dynamic(attach);
}

/* An importer that cannot be told of a move needs the memory to stay while it is mapped. */
static bool is_pinned_while_mapped(const struct dma_buf_attachment *attach)
{
	const struct dma_buf_attach_ops *importer_ops = attach->importer_ops;

	return attach->dmabuf->ops->pin && !(importer_ops && importer_ops->invalidate_mappings);
}

/* The lock state of the importer's side. */
static void assert_importer_locking(const struct dma_buf_attachment *attach, const char *function)
{
	attachment_check_alive(attach, function);
	if (!dma_buf_attachment_is_dynamic(attach))
		buffer_assert_not_held(attach->dmabuf, function);
	else
		rule_bug_on(!dma_resv_held(attach->dmabuf->resv), DMABUF_RULE_MAPPING,
			    attach->dmabuf->resv,
			    "%s(): attachment %p is dynamic, lock the reservation of its buffer first",
			    function, (const void *)attach);
}

/* The exporter's table, once it is known to be one that the importer can use. */
static struct sg_table *map_usable(struct dma_buf_attachment *attach,
				   enum dma_data_direction direction)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	struct sg_table *table;
	int err;

	table = dmabuf->ops->map_dma_buf(attach, direction);
	if (!table)
		return dmabuf_err_ptr(-ENOMEM);
	if (dmabuf_is_err(table))
		return table;
	err = sg_check_table(table, attach->dev);
	/* Static importers know nothing of moves. */
	if (!err && !dma_buf_attachment_is_dynamic(attach))
		err = buffer_wait(dmabuf, DMA_RESV_USAGE_KERNEL);
	if (!err)
		return table;
	dmabuf->ops->unmap_dma_buf(attach, table, direction);
	return dmabuf_err_ptr(err);
}

static struct sg_table *pin_and_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction direction)
{
	const bool pins = is_pinned_while_mapped(attach);
	struct sg_table *table;
	int err = pins ? attach->dmabuf->ops->pin(attach) : 0;

	if (err)
		return dmabuf_err_ptr(err);
	table = map_usable(attach, direction);
	if (dmabuf_is_err(table) && pins)
		attach->dmabuf->ops->unpin(attach);
	return table;
}

/* The lock is as the exporter wants it. */
static struct sg_table *map_for_exporter(struct dma_buf_attachment *attach,
					 enum dma_data_direction direction)
{
	struct sg_table *table = pin_and_map(attach, direction);
	const bool failed = dmabuf_is_err(table);

	if (!failed)
		fetch_add_relaxed(&to_attachment(attach)->tables, 1); /* a number, for reports */
	attachment_trace(DMABUF_TRACE_BUF_MAP, attach,
			 failed ? dmabuf_ptr_err(table) : (int64_t)direction);
	return table;
}

static void unmap_for_exporter(struct dma_buf_attachment *attach, struct sg_table *table,
			       enum dma_data_direction direction)
{
	if (lockdep_is_on())
		rule_bug_on(!load_relaxed(&to_attachment(attach)->tables), DMABUF_RULE_MAPPING, NULL,
			    "attachment %p: table %p is unmapped, and none is mapped; "
			    "unmap each table once",
			    (void *)attach, (void *)table);
	attach->dmabuf->ops->unmap_dma_buf(attach, table, direction);
	if (is_pinned_while_mapped(attach))
		attach->dmabuf->ops->unpin(attach);
	fetch_sub_relaxed(&to_attachment(attach)->tables, 1);
	attachment_trace(DMABUF_TRACE_BUF_UNMAP, attach, direction);
}

/* The one table of two that disagree; both directions, so that it suits every request. */
DMABUF_UNCHECKED("locks where the exporter is used to it")
static int map_at_attach(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	struct sg_table *table;

	if (dma_buf_is_dynamic(dmabuf))
		buffer_lock(dmabuf);
	table = map_for_exporter(attach, DMA_BIDIRECTIONAL);
	if (dma_buf_is_dynamic(dmabuf))
		buffer_unlock(dmabuf);
	if (dmabuf_is_err(table))
		return (int)dmabuf_ptr_err(table);
	attach->sgt = table;
	attach->dir = DMA_BIDIRECTIONAL;
	return 0;
}

DMABUF_UNCHECKED("locks where the exporter is used to it")
static void unmap_cached(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;

	if (dma_buf_is_dynamic(dmabuf))
		buffer_lock(dmabuf);
	unmap_for_exporter(attach, attach->sgt, attach->dir);
	if (dma_buf_is_dynamic(dmabuf))
		buffer_unlock(dmabuf);
	attach->sgt = NULL;
}

static struct dma_buf_attachment *new_attachment(struct dma_buf *dmabuf, struct device *dev,
						 const struct dma_buf_attach_ops *importer_ops,
						 void *importer_priv)
{
	struct attachment *attachment = os_alloc(sizeof(*attachment));
	struct dma_buf_attachment *attach;

	if (!attachment)
		return NULL;
	attach = &attachment->base;
	if (lockdep_is_on())
		lockdep_born(attach);
	attach->dmabuf = dmabuf;
	attach->dev = dev;
	attach->importer_ops = importer_ops;
	attach->importer_priv = importer_priv;
	attach->peer2peer = importer_ops && importer_ops->allow_peer2peer;
	list_init(&attach->node);
	return attach;
}

static void enlist(struct dma_buf_attachment *attach)
{
	struct buffer *buffer = to_buffer(attach->dmabuf);

	buffer_lock(attach->dmabuf);
	dmabuf_spin_lock(&buffer->list_lock);
	to_attachment(attach)->number = ++buffer->attached;
	list_add_before(&attach->node, &attach->dmabuf->attachments);
	dmabuf_spin_unlock(&buffer->list_lock);
	buffer_unlock(attach->dmabuf);
}

static void delist(struct dma_buf_attachment *attach)
{
	struct buffer *buffer = to_buffer(attach->dmabuf);

	buffer_lock(attach->dmabuf);
	dmabuf_spin_lock(&buffer->list_lock);
	list_remove(&attach->node);
	dmabuf_spin_unlock(&buffer->list_lock);
	buffer_unlock(attach->dmabuf);
}

/*
 * Attaching and detaching may map and unmap, which may lock, wait and allocate; said also
 * where this exporter and this importer agree, and nothing is mapped.
 */
static void might_map(struct dma_buf *dmabuf)
{
	buffer_might_lock(dmabuf);
	__dma_fence_might_wait();
	lockdep_might_alloc();
}

struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
						  const struct dma_buf_attach_ops *importer_ops,
						  void *importer_priv)
{
	const struct sg_table nothing = { .sgl = NULL };
	struct dma_buf_attachment *attach;
	int err;

	if (dmabuf_warn_on(!dmabuf || !dev, "dma_buf_attach() needs a buffer and a device"))
		return dmabuf_err_ptr(-EINVAL);
	buffer_assert_not_held(dmabuf, __func__);
	might_map(dmabuf);
	/* Nothing is within limits that contradict themselves. */
	err = sg_check_table(&nothing, dev);
	if (err)
		return dmabuf_err_ptr(err);

	attach = new_attachment(dmabuf, dev, importer_ops, importer_priv);
	if (!attach)
		return dmabuf_err_ptr(-ENOMEM);
	err = dmabuf->ops->attach ? dmabuf->ops->attach(dmabuf, attach) : 0;
	if (err)
		goto free_attachment;

	OS_RACE_POINT("attach: before the list");
	enlist(attach);
	attachment_trace(DMABUF_TRACE_BUF_ATTACH, attach, dma_buf_attachment_is_dynamic(attach));
	OS_RACE_POINT("attach: on the list, not mapped");

	err = is_mapped_at_attach(attach) ? map_at_attach(attach) : 0;
	if (err)
		goto detach;
	return attach;

detach:
	dma_buf_detach(dmabuf, attach);
	return dmabuf_err_ptr(err);
free_attachment:
	os_free(to_attachment(attach));
	return dmabuf_err_ptr(err);
}

struct dma_buf_attachment *dma_buf_attach(struct dma_buf *dmabuf, struct device *dev)
{
	return dma_buf_dynamic_attach(dmabuf, dev, NULL, NULL);
}

void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	if (attach)
		attachment_check_alive(attach, __func__);
	if (dmabuf_warn_on(!dmabuf || !attach || attach->dmabuf != dmabuf,
			   "dma_buf_detach() needs a buffer and an attachment of it"))
		return;
	buffer_assert_not_held(dmabuf, __func__);
	buffer_might_lock(dmabuf);
	if (attach->sgt)
		unmap_cached(attach);
	OS_RACE_POINT("detach: unmapped, on the list");
	delist(attach);
	OS_RACE_POINT("detach: off the list");
	if (dmabuf->ops->detach)
		dmabuf->ops->detach(dmabuf, attach);
	attachment_trace(DMABUF_TRACE_BUF_DETACH, attach, 0);
	if (lockdep_is_on())
		lockdep_freed(attach);
	os_free(to_attachment(attach));
}

struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach,
					enum dma_data_direction direction)
{
	struct sg_table *table;

	if (dmabuf_warn_on(!attach, "dma_buf_map_attachment() needs an attachment"))
		return dmabuf_err_ptr(-EINVAL);
	assert_importer_locking(attach, __func__);
	__dma_fence_might_wait();
	if (!direction_is_valid(direction))
		return dmabuf_err_ptr(-EINVAL);
	if (attach->sgt) {
		if (attach->dir != direction && attach->dir != DMA_BIDIRECTIONAL)
			return dmabuf_err_ptr(-EBUSY);
		return attach->sgt;
	}

	dmabuf_check(!is_mapped_at_attach(attach));
	table = map_for_exporter(attach, direction);
	if (!dmabuf_is_err(table) && attach->dmabuf->ops->cache_sgt_mapping) {
		attach->sgt = table;
		attach->dir = direction;
	}
	return table;
}

void dma_buf_unmap_attachment(struct dma_buf_attachment *attach, struct sg_table *sg_table,
			      enum dma_data_direction direction)
{
	if (dmabuf_warn_on(!attach || !sg_table,
			   "dma_buf_unmap_attachment() needs an attachment and a table"))
		return;
	assert_importer_locking(attach, __func__);
	lockdep_might_sleep();
	if (attach->sgt != sg_table)
		unmap_for_exporter(attach, sg_table, direction);
}

/* The caller of @function leaves the lock to that, which takes it where the importer needs it. */
static void assert_unlocked(struct dma_buf_attachment *attach, const char *function)
{
	attachment_check_alive(attach, function);
	buffer_assert_not_held(attach->dmabuf, function);
	buffer_might_lock(attach->dmabuf);
}

struct sg_table *dma_buf_map_attachment_unlocked(struct dma_buf_attachment *attach,
						 enum dma_data_direction direction)
{
	struct sg_table *table;

	if (attach)
		assert_unlocked(attach, __func__);
	if (!attach || !dma_buf_attachment_is_dynamic(attach))
		return dma_buf_map_attachment(attach, direction);
	buffer_lock(attach->dmabuf);
	table = dma_buf_map_attachment(attach, direction);
	buffer_unlock(attach->dmabuf);
	return table;
}

void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *attach, struct sg_table *sg_table,
				       enum dma_data_direction direction)
{
	if (attach)
		assert_unlocked(attach, __func__);
	if (!attach || !dma_buf_attachment_is_dynamic(attach)) {
		dma_buf_unmap_attachment(attach, sg_table, direction);
		return;
	}
	buffer_lock(attach->dmabuf);
	dma_buf_unmap_attachment(attach, sg_table, direction);
	buffer_unlock(attach->dmabuf);
}

int dma_buf_pin(struct dma_buf_attachment *attach)
{
	if (dmabuf_warn_on(!attach, "dma_buf_pin() needs an attachment"))
		return -EINVAL;
	attachment_check_alive(attach, __func__);
	dma_resv_assert_held(attach->dmabuf->resv);
	if (dmabuf_warn_on(!dma_buf_attachment_is_dynamic(attach),
			   "dma_buf_pin(): attachment %p is static, and pinned while mapped",
			   (void *)attach))
		return -EINVAL;
	return attach->dmabuf->ops->pin ? attach->dmabuf->ops->pin(attach) : 0;
}

void dma_buf_unpin(struct dma_buf_attachment *attach)
{
	if (dmabuf_warn_on(!attach, "dma_buf_unpin() needs an attachment"))
		return;
	attachment_check_alive(attach, __func__);
	dma_resv_assert_held(attach->dmabuf->resv);
	if (dmabuf_warn_on(!dma_buf_attachment_is_dynamic(attach),
			   "dma_buf_unpin(): attachment %p is static, and was never pinned by hand",
			   (void *)attach))
		return;
	if (attach->dmabuf->ops->unpin)
		attach->dmabuf->ops->unpin(attach);
}

void dma_buf_invalidate_mappings(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	buffer_check_alive(dmabuf, __func__);
	dma_resv_assert_held(dmabuf->resv);
	list_for_each_entry(attach, &dmabuf->attachments, node) {
		if (dma_buf_attach_revocable(attach))
			attach->importer_ops->invalidate_mappings(attach);
	}
}

void dma_buf_move_notify(struct dma_buf *dmabuf)
{
	dma_buf_invalidate_mappings(dmabuf);
}
