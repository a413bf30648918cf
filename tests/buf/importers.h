/* SPDX-License-Identifier: MIT */
/* Importers of a fake exporter's buffers, and what they are told. */
#ifndef IMPORTERS_H
#define IMPORTERS_H

#include "fake-exporter.h"

static struct device any_device = { .name = "any" };

struct importer {
	unsigned int moves, moves_held;
	bool mapped; /* atomic */
};

static inline void count_move(struct dma_buf_attachment *attach)
{
	struct importer *importer = attach->importer_priv;

	importer->moves_held += dma_resv_held(attach->dmabuf->resv);
	fetch_add_release(&importer->moves, 1);
}

static const struct dma_buf_attach_ops notified = { .move_notify = count_move };
static const struct dma_buf_attach_ops locking_only = { .allow_peer2peer = true };

static inline struct dma_buf_attachment *attach_static(struct dma_buf *dmabuf)
{
	return attach_with(dmabuf, &any_device, NULL);
}

static inline struct dma_buf_attachment *attach_dynamic(struct dma_buf *dmabuf,
							const struct dma_buf_attach_ops *ops)
{
	return attach_with(dmabuf, &any_device, ops);
}

#endif
