/* SPDX-License-Identifier: MIT */
#ifndef SHARE_EVICT_H
#define SHARE_EVICT_H

struct dma_buf_pool;

/* This process cannot go on as a member. */
void evict_self(struct dma_buf_pool *pool);

#endif
