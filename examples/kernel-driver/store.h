/* SPDX-License-Identifier: MIT */
/* The exporter: memory that moves. */
#ifndef STORE_H
#define STORE_H

#include <linux/dma-buf.h>

#include "ring.h"

/* A new reference, or an error pointer. The memory is zero. */
struct dma_buf *store_create(size_t size);

/*
 * Give the buffer other memory, and let @ring copy what is in it. Jobs that are under way
 * end on the old memory, those that come wait for the copy. -EBUSY: it is pinned.
 */
int store_move(struct dma_buf *dmabuf, struct ring *ring);

/* Where it is; for the test. */
void *store_where(struct dma_buf *dmabuf);
/* How many buffers there are. */
unsigned int store_count(void);

#endif
