/* SPDX-License-Identifier: MIT */
/* Places: who may come in, and who has gone. All but place_is() and place_live() under places_lock(). */
#ifndef SHARE_PLACE_H
#define SHARE_PLACE_H

#include "share/pool.h"

#define PLACES_PATIENCE_NS INT64_C(10000000000) /* an enemy may hold the lock for ever */

/* 0 or -errno. */
int places_lock(struct dma_buf_pool *pool);
void places_unlock(struct dma_buf_pool *pool);

/* Make free what the dead have left: places, and buffers. */
void places_reclaim(struct dma_buf_pool *pool);

/* A free place, for a new member: its id; 0: there is none. It is PLACE_INVITED now. */
uint32_t place_take(struct dma_buf_pool *pool, uint32_t flags);

/* What others wait for of a place is void: a new member comes. */
void place_reset(struct dma_buf_pool *pool, uint32_t id, uint32_t flags);

/* The place of @id is in @state from now on. */
void place_settle(struct dma_buf_pool *pool, uint32_t id, enum place_state state);

bool place_is(struct dma_buf_pool *pool, uint32_t id, enum place_state state);

/* Who lives in a place: its id, or 0. */
uint32_t place_live(struct dma_buf_pool *pool, unsigned int place);

/* This process leaves: its place is free, and what it had of buffers. Takes the lock itself. */
void place_vacate(struct dma_buf_pool *pool);

/* Whoever is in a place has a buffer no more. Without the lock, for oneself. */
void users_drop(struct dma_buf_pool *pool, uint32_t buffer, unsigned int place);

#endif
