/* SPDX-License-Identifier: MIT */
/*
 * dmabuf-trace.h - hear of what happens, as it happens
 *
 * One function of the program's is called at each event; all of it is Extension. The
 * same events are USDT probes of the provider "libdmabuf", for bpftrace, perf and gdb:
 * docs/observing.md. While nobody listens, an event costs one predicted branch.
 */
#ifndef DMABUF_TRACE_H
#define DMABUF_TRACE_H

#include <dmabuf/dmabuf-types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dma_buf;
struct dma_buf_attachment;
struct dma_fence;
struct dma_resv;

/**
 * enum dmabuf_trace_event - what happened
 *
 * Each says which locks the library holds then; whoever called it may hold more. With each
 * goes its rule (docs/locking.md). Later versions may have more events: ignore others.
 */
enum dmabuf_trace_event {
	/**
	 * @DMABUF_TRACE_FENCE_INIT: a fence was made; nobody else knows it yet
	 *
	 * Perhaps under a short lock. Without names: its creator may still be busy.
	 */
	DMABUF_TRACE_FENCE_INIT,
	/**
	 * @DMABUF_TRACE_FENCE_ENABLE: somebody wants to hear of it, for the first time
	 *
	 * Under the fence's lock, before the enable_signaling op, and also without that op.
	 */
	DMABUF_TRACE_FENCE_ENABLE,
	/**
	 * @DMABUF_TRACE_FENCE_SIGNAL: it has signalled; value: its error, or 0
	 *
	 * Once for each fence, when that shows already; before its callbacks run and its
	 * sleepers are woken. Under the fence's lock, unless that is its own and nobody
	 * registered a callback; of a timeline, under its lock as well.
	 */
	DMABUF_TRACE_FENCE_SIGNAL,
	/**
	 * @DMABUF_TRACE_FENCE_WAIT_BEGIN: a wait; value: its timeout in nanoseconds
	 *
	 * Also where nothing is left to wait for. Without a fence: for any of several
	 * (dma_fence_wait_any_timeout()). A reservation or an array is waited for by waits
	 * for its fences.
	 */
	DMABUF_TRACE_FENCE_WAIT_BEGIN,
	/**
	 * @DMABUF_TRACE_FENCE_WAIT_END: that wait is over; value: what it returns
	 *
	 * Of several: the fence that signalled, or none. A wait ends on the thread on which
	 * it began, and a thread's waits do not overlap, except that a wait op may wait.
	 */
	DMABUF_TRACE_FENCE_WAIT_END,
	/** @DMABUF_TRACE_RESV_CONTENDED: a thread is going to wait for a reservation lock */
	DMABUF_TRACE_RESV_CONTENDED,
	/**
	 * @DMABUF_TRACE_RESV_LOCK: it holds the lock; value: 0
	 *
	 * Or, after DMABUF_TRACE_RESV_CONTENDED only, it gave up: value: -EDEADLK, -EINTR.
	 */
	DMABUF_TRACE_RESV_LOCK,
	/**
	 * @DMABUF_TRACE_RESV_COMMIT: fences are about to show; value: how many, above 0
	 *
	 * Under the reservation lock. What others do because they see them comes later.
	 */
	DMABUF_TRACE_RESV_COMMIT,
	/** @DMABUF_TRACE_RESV_UNLOCK: it is about to drop the lock, which it still holds */
	DMABUF_TRACE_RESV_UNLOCK,
	/**
	 * @DMABUF_TRACE_BUF_EXPORT: a buffer was made; its first event
	 *
	 * Under the short lock of the list of all buffers.
	 */
	DMABUF_TRACE_BUF_EXPORT,
	/** @DMABUF_TRACE_BUF_ATTACH: an importer has attached; value: 1: dynamic, 0: static */
	DMABUF_TRACE_BUF_ATTACH,
	/**
	 * @DMABUF_TRACE_BUF_MAP: the exporter was asked to map; value: direction, or -errno
	 *
	 * Not where a cached table is given out again. With or without the reservation lock,
	 * as the exporter wants it.
	 */
	DMABUF_TRACE_BUF_MAP,
	/** @DMABUF_TRACE_BUF_UNMAP: the exporter was asked to unmap; value: direction; locks: as there */
	DMABUF_TRACE_BUF_UNMAP,
	/** @DMABUF_TRACE_BUF_DETACH: an importer has gone; @attach is about to be freed */
	DMABUF_TRACE_BUF_DETACH,
	/** @DMABUF_TRACE_BUF_RELEASE: the last reference is gone; the buffer's last event */
	DMABUF_TRACE_BUF_RELEASE,
};

/**
 * struct dmabuf_trace - an event and whom it is about
 *
 * What does not belong to the kind of event is 0 or NULL. All pointers are borrowed for
 * the call.
 */
struct dmabuf_trace {
	/** @event: what happened */
	enum dmabuf_trace_event event;
	/** @value: see the event */
	int64_t value;
	/** @fence: FENCE events; NULL: any of several */
	struct dma_fence *fence;
	/** @context: of @fence */
	uint64_t context;
	/** @seqno: of @fence */
	uint64_t seqno;
	/** @driver: of @fence; NULL for FENCE_INIT */
	const char *driver;
	/** @timeline: of @fence; NULL for FENCE_INIT */
	const char *timeline;
	/** @resv: RESV events */
	struct dma_resv *resv;
	/** @dmabuf: BUF events */
	struct dma_buf *dmabuf;
	/** @size: of @dmabuf, bytes */
	size_t size;
	/** @exporter: of @dmabuf */
	const char *exporter;
	/** @attach: BUF_ATTACH to BUF_DETACH */
	struct dma_buf_attachment *attach;
	/** @device: who attached; may be NULL */
	const char *device;
};

/**
 * typedef dmabuf_trace_hook - hears of events
 * @trace: what happened; borrowed
 * @data:  as given to dmabuf_set_trace_hook()
 *
 * Called on the thread of the event, from any number of threads at a time, inside a read
 * section and perhaps under locks: everybody behind them waits for it. So it is quick,
 * does not sleep, and takes no lock under which the program calls this library. Of the
 * library it may call dma_buf_get_name(), dma_fence_test_signaled_flag(),
 * dma_resv_held(), and short locks of its own. It is not called for events inside itself.
 */
typedef void (*dmabuf_trace_hook)(const struct dmabuf_trace *trace, void *data);

/**
 * dmabuf_set_trace_hook() - choose who hears of events
 * @hook: function to call at each event; NULL: nobody any more
 * @data: for it
 *
 * There is one hook. It may be set, replaced and removed at any time, while events happen
 * on other threads.
 *
 * Lifetime: when it returns, the hook that was replaced is not running and will not run:
 * its data may go. Events that begin after that are the new hook's; of waits and locks
 * that are under way it hears the end only.
 *
 * Context: where a hook was set, sleeps until it has returned everywhere; so not inside a
 * read section (it aborts), as in a hook, nor under a lock that a hook may want.
 *
 * Return: 0; -ENOMEM: nothing changed; never where @hook is NULL.
 *
 * Since: 0.1. Extension.
 */
int dmabuf_set_trace_hook(dmabuf_trace_hook hook, void *data) DMABUF_MUST_CHECK;

/**
 * dmabuf_trace_name() - what an event is called
 * @event: event
 *
 * Return: a constant string, as "fence_signal": the name of its probe; "unknown".
 *
 * Since: 0.1. Extension.
 */
const char *dmabuf_trace_name(enum dmabuf_trace_event event);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_TRACE_H */
