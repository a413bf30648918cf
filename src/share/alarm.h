/* SPDX-License-Identifier: MIT */
/* Who has callbacks sleeps until its set has something to say: also that a lease has ended. */
#ifndef SHARE_ALARM_H
#define SHARE_ALARM_H

#include "share/pool.h"

/* What the set calls it; members have less. */
#define ALARM_KEY ((uint64_t)2 * MOST_MEMBERS)

void alarm_init(struct dma_buf_pool *pool);
void alarm_close(const struct dma_buf_pool *pool);

/* The set speaks by @deadline, or POOL_SLICE_NS from now. 0; -errno: there is no timer. */
int alarm_set(struct dma_buf_pool *pool, int64_t deadline) DMABUF_REQUIRES(pool->watch_lock);

/* It has spoken, and does not speak again before it is set. */
void alarm_rang(struct dma_buf_pool *pool);

#endif
