/* SPDX-License-Identifier: MIT */
/* What the owner of a timeline writes there for all to see. Under own.lock, but for what wakes. */
#ifndef SHARE_OWN_WRITE_H
#define SHARE_OWN_WRITE_H

#include "share/own.h"
#include "share/pool.h"

/* The points from @first to @last, in the timeline's own count, fail; before own_write_value(). */
void own_write_error(struct dma_buf_pool *pool, struct own_timeline *timeline, uint64_t first,
		     uint64_t last, int error);

/* All points up to @seqno have signalled. True: somebody may wait, and own_wake() is to be called. */
bool own_write_value(struct dma_buf_pool *pool, struct own_timeline *timeline, uint64_t seqno);

/* Outside of all short locks: it calls the system. */
void own_wake(struct dma_buf_pool *pool, struct own_timeline *timeline);

/*
 * Who watches it shall look, though nothing may have signalled: all have been rung when this returns, also those
 * that another thread is about to ring. Likewise.
 */
void own_ring(struct dma_buf_pool *pool, struct own_timeline *timeline);

/* The same as own_wake(), by who has just said that this process is over, and has not left its place yet. */
void own_wake_last(struct dma_buf_pool *pool, const struct own_timeline *timeline);

#endif
