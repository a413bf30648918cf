/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-info.h - who has which buffer, and what it waits for
 *
 * A report on the live buffers of this process, as bufinfo in Linux's debugfs is, for
 * people (text) and programs (JSON): name, size, exporter, who is attached, and the fences by
 * category. It may be asked for at any time: it waits for no reservation lock and for no
 * fence, asks no fence to signal, and meets no buffer that dies. What it says of one buffer
 * was true while it looked, not all of it at the same moment.
 */
#ifndef DMABUF_DMA_BUF_INFO_H
#define DMABUF_DMA_BUF_INFO_H

#include <dmabuf/dma-buf.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Walking all buffers.
 */

/**
 * dma_buf_iter_begin() - the first live buffer of this process
 *
 * In the order of export. A forked child begins with none. A walk sees each buffer that
 * lives from its begin to its end once; of those that come or go meanwhile, some.
 *
 * Context: callable with and without reservation locks.
 *
 * Return: a new reference, for dma_buf_iter_next() or dma_buf_put(); NULL: there is none.
 *
 * Since: 0.1 (later Linux)
 */
struct dma_buf *dma_buf_iter_begin(void) DMABUF_MUST_CHECK;

/**
 * dma_buf_iter_next() - the live buffer after this one
 * @dmabuf: from dma_buf_iter_begin() or dma_buf_iter_next(); consumed. To end a walk early, put
 *	    it instead
 *
 * Locking: as dma_buf_put(), since the reference may be the last: the caller holds no
 * reservation lock that @dmabuf uses.
 *
 * Context: may sleep, as ops->release may.
 *
 * Return: a new reference; NULL: that was the last one.
 *
 * Since: 0.1 (later Linux)
 */
struct dma_buf *dma_buf_iter_next(struct dma_buf *dmabuf)
	DMABUF_EXCLUDES(dmabuf->resv->lock) DMABUF_MUST_CHECK;

/*
 * Reports.
 */

/** enum dma_buf_info_format - what a report looks like */
enum dma_buf_info_format {
	/**
	 * @DMA_BUF_INFO_TEXT: a line for each buffer, attachment, fence, and one for the sum
	 *
	 * Strings in quotes, as in JSON. It may change from version to version.
	 */
	DMA_BUF_INFO_TEXT,
	/**
	 * @DMA_BUF_INFO_JSON: an object for each buffer, in UTF-8, whatever the names are
	 *
	 * Keys may be added later; those below keep their meaning. dma_buf_describe() writes
	 * one such object, dma_buf_describe_all() {"buffers": [...]}.
	 *
	 *   buffer       its address, as a string
	 *   name         a string, empty without a name; bytes that are no UTF-8 become U+FFFD
	 *   size         bytes
	 *   exporter     a string, or null
	 *   attachments  objects, oldest first:
	 *     device     a string, or null; like all names that follow, at most 63 bytes of it
	 *     dynamic    does it map under the lock? true or false
	 *     mapped     tables that it has and did not give back; a cached one counts
	 *   fences       objects, strongest category first, then newest first:
	 *     category   "kernel", "write", "read", "bookkeep"
	 *     driver     a string
	 *     timeline   a string
	 *     context    a number of up to 64 bits
	 *     seqno      a number of up to 64 bits
	 *     state      "unsignalled", "signalled", "error"
	 *     error      0, or the negative errno
	 *     age_ns     nanoseconds since it signalled, or, before that, since it was made;
	 *                null: not known, see dma_buf_info_ages()
	 */
	DMA_BUF_INFO_JSON,
};

/**
 * dma_buf_describe() - report on one buffer
 * @dmabuf: buffer; the caller holds a reference
 * @seq:    where to; nobody else writes there meanwhile
 * @format: what it looks like
 *
 * A fence whose signaled op was not asked yet shows as unsignalled; who holds the lock
 * sees what it staged.
 *
 * Locking: takes short locks, nothing else: callable with and without reservation locks,
 * not under a short lock.
 *
 * Context: fences that were replaced meanwhile may be put here for the last time, so their
 * release ops may run here. Allocates nothing.
 *
 * Return: 0; -EINVAL: no @dmabuf, no @seq, or no such @format; -EIO: the stream says that
 * something could not be written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_describe(struct dma_buf *dmabuf, struct seq_file *seq,
		     enum dma_buf_info_format format) DMABUF_MUST_CHECK;

/**
 * dma_buf_describe_all() - report on all live buffers of this process
 * @seq:    as there
 * @format: as there
 *
 * Holds a reference on one buffer at a time, as dma_buf_iter_next() does. Leaves out what comes
 * after it began, and so comes to an end, however fast others make buffers and attach.
 *
 * Locking, Context: as dma_buf_iter_next() and dma_buf_describe().
 *
 * Return: 0; -EINVAL: no @seq, or no such @format; -EIO.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_describe_all(struct seq_file *seq, enum dma_buf_info_format format) DMABUF_MUST_CHECK;

/**
 * dma_buf_info_ages() - let reports tell how old fences are that have not signalled
 * @on: from now on; off at first
 *
 * A fence has no room for the time at which it was made, but for a coarse one (it wraps
 * after 49 days), and taking that costs several times what making the fence does. So it is
 * taken only while this is on, or while somebody listens (dmabuf_set_trace_hook(), a
 * probe). Not where long has 32 bits.
 *
 * Since: 0.1. Extension.
 */
void dma_buf_info_ages(bool on);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_INFO_H */
