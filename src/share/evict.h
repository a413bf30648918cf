/* SPDX-License-Identifier: MIT */
#ifndef SHARE_EVICT_H
#define SHARE_EVICT_H

struct dma_buf_pool;
struct member;

/* This process cannot go on as a member. */
void evict_self(struct dma_buf_pool *pool);

/* @member has broken a lease: it is evicted, if this process is a member itself. Maybe under short locks. */
void evict_broken(struct member *member);

#endif
