/* SPDX-License-Identifier: MIT */
#include "buf/trace.h"

void buffer_trace_listened(enum dmabuf_trace_event event, struct dma_buf *dmabuf,
			   struct dma_buf_attachment *attach, int64_t value)
{
	const struct dmabuf_trace trace = {
		.event = event,
		.value = value,
		.dmabuf = dmabuf,
		.size = dmabuf->size,
		.exporter = dmabuf->exp_name,
		.attach = attach,
		.device = attach ? attach->dev->name : NULL,
	};

	trace_emit(&trace);
}
