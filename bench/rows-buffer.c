/* SPDX-License-Identifier: MIT */
/* Buffers: ours only. Static: exporter and importer; dynamic: both, with the lock held. */
#include <dmabuf/dma-buf.h>
#include <fcntl.h>
#include <stdlib.h>

#include "rows.h"

#define MANY 4096
#define LIVES 100000 /* so many that the last grace period does not count */

/* An exporter that does nothing, so that what is measured is ours. */
static struct sg_table the_table;
static struct device device;

static struct sg_table *map(struct dma_buf_attachment *attach, enum dma_data_direction direction)
{
	(void)attach;
	(void)direction;
	return &the_table;
}

static void unmap(struct dma_buf_attachment *attach, struct sg_table *table,
		  enum dma_data_direction direction)
{
	(void)attach;
	(void)table;
	(void)direction;
}

static int pin(struct dma_buf_attachment *attach)
{
	(void)attach;
	return 0;
}

static void nothing(struct dma_buf_attachment *attach)
{
	(void)attach;
}

static void release(struct dma_buf *dmabuf)
{
	(void)dmabuf;
}

static const struct dma_buf_ops static_ops = {
	.map_dma_buf = map, .unmap_dma_buf = unmap, .release = release,
};

static const struct dma_buf_ops dynamic_ops = {
	.map_dma_buf = map, .unmap_dma_buf = unmap, .release = release,
	.pin = pin, .unpin = nothing,
};

static const struct dma_buf_attach_ops importer_ops = { .invalidate_mappings = nothing };

static struct dma_buf *export(bool is_dynamic)
{
	const struct dma_buf_export_info info = {
		.exp_name = "bench",
		.ops = is_dynamic ? &dynamic_ops : &static_ops,
		.size = 4096,
		.flags = O_RDWR,
		.priv = &the_table,
	};
	struct dma_buf *const dmabuf = dma_buf_export(&info);

	MUST(!dmabuf_is_err(dmabuf));
	return dmabuf;
}

static struct dma_buf_attachment *attach(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attachment;

	if (dma_buf_is_dynamic(dmabuf))
		attachment = dma_buf_dynamic_attach(dmabuf, &device, &importer_ops, dmabuf);
	else
		attachment = dma_buf_attach(dmabuf, &device);
	MUST(!dmabuf_is_err(attachment));
	return attachment;
}

/* Exported, and put. */
static double life(unsigned int n)
{
	(void)n;
	return MEASURED(LIVES, {
		for (unsigned int i = 0; i < LIVES; i++)
			dma_buf_put(export(false));
		dmabuf_rcu_barrier();
	});
}

static double attaching(bool is_dynamic)
{
	struct dma_buf *const dmabuf = export(is_dynamic);
	const double ns = MEASURED(MANY, for (unsigned int i = 0; i < MANY; i++)
				   dma_buf_detach(dmabuf, attach(dmabuf)));

	dma_buf_put(dmabuf);
	return ns;
}

static double attach_static(unsigned int n)
{
	(void)n;
	return attaching(false);
}

static double attach_dynamic(unsigned int n)
{
	(void)n;
	return attaching(true);
}

static double map_static(unsigned int n)
{
	struct dma_buf *const dmabuf = export(false);
	struct dma_buf_attachment *const attachment = attach(dmabuf);
	double ns;

	(void)n;
	ns = MEASURED(MANY, for (unsigned int i = 0; i < MANY; i++) {
		struct sg_table *table = dma_buf_map_attachment(attachment, DMA_TO_DEVICE);

		if (dmabuf_is_err(table))
			abort();
		dma_buf_unmap_attachment(attachment, table, DMA_TO_DEVICE);
	});
	dma_buf_detach(dmabuf, attachment);
	dma_buf_put(dmabuf);
	return ns;
}

static double map_dynamic(unsigned int n)
{
	struct dma_buf *const dmabuf = export(true);
	struct dma_buf_attachment *const attachment = attach(dmabuf);
	double ns;

	(void)n;
	ns = MEASURED(MANY, for (unsigned int i = 0; i < MANY; i++) {
		struct sg_table *table;

		if (dma_resv_lock(dmabuf->resv, NULL))
			abort();
		table = dma_buf_map_attachment(attachment, DMA_TO_DEVICE);
		if (dmabuf_is_err(table))
			abort();
		dma_buf_unmap_attachment(attachment, table, DMA_TO_DEVICE);
		dma_resv_unlock(dmabuf->resv);
	});
	dma_buf_detach(dmabuf, attachment);
	dma_buf_put(dmabuf);
	return ns;
}

static const struct row rows[] = {
	{ "export and put", 1, life, false },
	{ "attach and detach, static", 1, attach_static, true },
	{ "attach and detach, dynamic", 1, attach_dynamic, true },
	{ "map and unmap, static", 1, map_static, true },
	{ "lock, map, unmap, unlock, dynamic", 1, map_dynamic, true },
};

const struct design ours_buffer_rows = { "ours", rows, COUNT(rows) };
