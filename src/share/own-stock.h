/* SPDX-License-Identifier: MIT */
/*
 * A promise (own.h) that a reservation keeps for its next holder. It is nobody's: a promise that would
 * fail takes it.
 */
#ifndef SHARE_OWN_STOCK_H
#define SHARE_OWN_STOCK_H

#include <stdbool.h>
#include <stdint.h>

struct dma_buf_pool;

/* All zero is none. */
struct own_stock {
	uintptr_t word; /* atomic: enum stock_word */
	bool is_listed; /* the holder's: it is among pool->own.stock */
};

/* For the holder of the reservation: true if it has one promise more. */
bool own_stock_take(struct own_stock *stock);

/* Likewise: true if it has one less. */
bool own_stock_put(struct dma_buf_pool *pool, struct own_stock *stock);

/* The reservation is no more. */
void own_stock_drop(struct dma_buf_pool *pool, struct own_stock *stock);

/* Take all there are. True: it is worth it to promise again. */
bool own_stock_collect(struct dma_buf_pool *pool);

#endif
