/* SPDX-License-Identifier: MIT */
/* What the sources of a member's own timelines share. Everything here under own.lock. */
#ifndef SHARE_OWN_INSIDE_H
#define SHARE_OWN_INSIDE_H

#include "share/member.h"
#include "share/own-write.h"
#include "share/pool.h"

/* The timeline that has @context, or NULL. */
struct own_timeline *own_find_carrier(struct dma_buf_pool *pool, uint64_t context)
	DMABUF_REQUIRES(pool->own.lock);

/* An idle one gets @context. There is one. */
struct own_timeline *own_take_idle(struct dma_buf_pool *pool, uint64_t context)
	DMABUF_REQUIRES(pool->own.lock);
void own_give_back_idle(struct dma_buf_pool *pool, struct own_timeline *timeline)
	DMABUF_REQUIRES(pool->own.lock);

/* If @fence is of a timeline that has one of the pool's for itself: its point, and what own_carry() says. */
bool own_carry_backed(const struct dma_buf_pool *pool, const struct dma_fence *fence,
		      enum carriage *ret_carriage, struct point *ret_point);

/*
 * If a local timeline has @timeline: nobody else will say what becomes of what it has not
 * signalled, and may ever have. Those who wait are to be woken.
 */
void own_fail_backed(struct dma_buf_pool *pool, struct own_timeline *timeline, int error)
	DMABUF_REQUIRES(pool->own.lock);

#endif
