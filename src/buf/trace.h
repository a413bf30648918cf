/* SPDX-License-Identifier: MIT */
/* Trace events of buffers. */
#ifndef BUF_TRACE_H
#define BUF_TRACE_H

#include <dmabuf/dma-buf.h>

#include "debug/trace.h"

void buffer_trace_listened(enum dmabuf_trace_event event, struct dma_buf *dmabuf,
			   struct dma_buf_attachment *attach, int64_t value) __attribute__((cold));

static inline void buffer_trace(enum dmabuf_trace_event event, struct dma_buf *dmabuf)
{
	if (trace_is_on())
		buffer_trace_listened(event, dmabuf, NULL, 0);
}

static inline void attachment_trace(enum dmabuf_trace_event event,
				    struct dma_buf_attachment *attach, int64_t value)
{
	if (trace_is_on())
		buffer_trace_listened(event, attach->dmabuf, attach, value);
}

#endif
