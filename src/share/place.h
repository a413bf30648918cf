/* SPDX-License-Identifier: MIT */
/* Places: who may come in, and who has gone. */
#ifndef SHARE_PLACE_H
#define SHARE_PLACE_H

#include "share/pool.h"

/*
 * The admission lock: who gives out places, of members and of buffers, and who tells all members of
 * something, so that a newcomer hears of it, too. 0; -ETIMEDOUT: the deadline has passed; -EAGAIN: a member
 * keeps it, see dma_buf_pool_evict(); what pool_check() returns.
 */
int places_lock(struct dma_buf_pool *pool, int64_t deadline);
void places_unlock(struct dma_buf_pool *pool);

/* Make free what the dead have left: places, and buffers. Under the lock. */
void places_reclaim(struct dma_buf_pool *pool);

/* A free place, for a new member: its id; 0: there is none. It is PLACE_INVITED now. Under the lock. */
uint32_t place_take(struct dma_buf_pool *pool);

/* Is @id invited, by this process? */
bool place_is_invited(struct dma_buf_pool *pool, uint32_t id);

/* It was, and its place is in @to from now on. False: it was not, or not any more. */
bool place_settle(struct dma_buf_pool *pool, uint32_t id, enum place_state to);

/* The place of @id was in @from, which is not PLACE_INVITED, and is in @to from now on. False: it was not. */
bool place_change(struct dma_buf_pool *pool, uint32_t id, enum place_state from,
		  enum place_state to);

bool place_is(struct dma_buf_pool *pool, uint32_t id, enum place_state state);

/* Is @id a member, or was it evicted and has its place still? */
bool place_has(struct dma_buf_pool *pool, uint32_t id);

/* Who lives in a place: its id, or 0. */
uint32_t place_live(struct dma_buf_pool *pool, unsigned int place);

/* The same, or who was evicted from it, and has it still. */
uint32_t place_taken(struct dma_buf_pool *pool, unsigned int place);

/* Nobody whom @inviter has invited may come any more. */
void places_uninvite(struct dma_buf_pool *pool, uint32_t inviter);

/* This process leaves: its place is free, and what it had of buffers. */
void place_vacate(struct dma_buf_pool *pool);

/* Whoever is in a place has a buffer no more. */
void users_drop(struct dma_buf_pool *pool, uint32_t buffer, unsigned int place);

#endif
