/* SPDX-License-Identifier: MIT */
/*
 * dmabuf.h - all of libdmabuf
 *
 * Shared buffers, and fences that say when the work on them is done, as in Linux, for engines
 * that are threads. This header includes all others.
 *
 * An engine has a timeline, which issues its fences (dma-fence-timeline.h). A buffer comes from
 * an exporter (dma-buf-memfd.h) and has a reservation (dma-resv.h): there a job finds the
 * fences that it must wait for, and leaves its own. The CPU asks the buffer (dma-buf-cpu.h), an
 * event loop a descriptor (sync-file.h, dma-buf-sync-file.h).
 *
 * Functions return 0 or a negative errno unless they say otherwise. Time is in nanoseconds,
 * CLOCK_MONOTONIC. Each function says what it takes and gives, which locks it wants, and
 * whether it may sleep.
 *
 * Example:
 *
 *	struct dma_fence *done;
 *
 *	// a job that writes: its fence goes in; dma_resv_get_singleton() has what it waits for
 *	err = dma_resv_lock(dmabuf->resv, NULL);
 *	if (err)
 *		return err;
 *	err = dma_resv_reserve_fences(dmabuf->resv, 1);
 *	done = err ? NULL : dma_fence_timeline_emit(engine);
 *	if (done)
 *		dma_resv_add_fence(dmabuf->resv, done, DMA_RESV_USAGE_WRITE);
 *	dma_resv_unlock(dmabuf->resv); // from here on others see it, and wait
 *	if (!done)
 *		return -ENOMEM;
 *	// the engine works, on any thread, and then:
 *	err = dma_fence_timeline_signal(engine, done->seqno, 0);
 *	dma_fence_put(done);
 */
#ifndef DMABUF_DMABUF_H
#define DMABUF_DMABUF_H

#include <dmabuf/dma-buf-attach.h>
#include <dmabuf/dma-buf-cpu.h>
#include <dmabuf/dma-buf-info.h>
#include <dmabuf/dma-buf-memfd.h>
#include <dmabuf/dma-buf-pool.h>
#include <dmabuf/dma-buf-ops.h>
#include <dmabuf/dma-buf-sync-file.h>
#include <dmabuf/dma-buf.h>
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/dma-fence-unwrap.h>
#include <dmabuf/dma-fence.h>
#include <dmabuf/dma-resv-guard.h>
#include <dmabuf/dma-resv.h>
#include <dmabuf/dmabuf-annotate.h>
#include <dmabuf/dmabuf-trace.h>
#include <dmabuf/dmabuf-types.h>
#include <dmabuf/drm-exec.h>
#include <dmabuf/scatterlist.h>
#include <dmabuf/sync-file.h>
#include <dmabuf/ww-mutex.h>

#endif
