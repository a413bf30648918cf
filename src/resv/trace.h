/* SPDX-License-Identifier: MIT */
/* Trace events of reservations. */
#ifndef RESV_TRACE_H
#define RESV_TRACE_H

#include <dmabuf/dma-resv.h>

#include "debug/trace.h"

void lock_trace_listened(enum dmabuf_trace_event event, struct ww_mutex *lock, int64_t value)
	__attribute__((cold));
void commit_trace_listened(const struct dma_resv_fences *fences) __attribute__((cold));

/* Silent for a mutex that is not the lock of a reservation, going by its class. */
static inline void lock_trace(enum dmabuf_trace_event event, struct ww_mutex *lock, int64_t value)
{
	if (trace_is_on())
		lock_trace_listened(event, lock, value);
}

/* Before anything of the commit shows. Silent if nothing will. */
static inline void commit_trace(const struct dma_resv_fences *fences)
{
	if (trace_is_on())
		commit_trace_listened(fences);
}

#endif
