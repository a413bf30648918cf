/* SPDX-License-Identifier: MIT */
/*
 * This member's timelines, and the local fences that they carry to other processes.
 *
 * A timeline carries the fences of one context for as long as it has points that have not signalled.
 * Its points signal in order: one whose fence has signalled waits for those before it, of the same
 * context, which by that context's own promise have signalled too.
 *
 * Adding a fence to a reservation cannot fail, so what carrying takes is promised before.
 */
#ifndef SHARE_OWN_H
#define SHARE_OWN_H

#include <dmabuf/dma-fence.h>

#include "fence/timeline.h"
#include "share/layout.h"

struct dma_buf_pool;
struct carried;
struct own_stock;

enum { STOCKS = 16 }; /* that a process keeps at most */

struct own_timeline {
	uint64_t context; /* of the fences that it carries; while there are points */
	uint64_t emitted; /* last point given out */
	struct carried *first, **end; /* points that have not signalled, in order */
	struct own_timeline *next; /* idle, or of the same bucket */
	uint32_t number;	   /* constant */
	uint32_t errors;	   /* how many there were */
	uint32_t ringers;	   /* how many threads are about to ring */
	uint64_t ringing;	   /* whom: a bit a place; nobody if there are none */
	struct timeline_backing backing; /* of the local timeline that has it for itself */
	struct dma_buf_pool *pool;	 /* atomic: with a reference, while one has; else NULL */
	uint64_t base;			 /* constant then: the point before that timeline's first */
	uint64_t signaled;		 /* likewise: up to where that has signalled, at least */
};

/* Everything under lock. Callbacks of fences take it, under the locks of those. */
struct own {
	struct dmabuf_spinlock lock;
	struct own_timeline *timeline; /* all of them; constant */
	struct own_timeline **bucket;  /* by context; as many */
	struct own_timeline *idle;
	int64_t available; /* atomic: idle ones that are not promised, nor in a stock */
	bool is_over;	   /* own_fail() was called: nothing is written any more */
	struct own_stock *stock[STOCKS]; /* of reservations, or NULL */
	uint32_t stocks;      /* how many; atomic */
	uint32_t stocks_most; /* constant */
	uint32_t collects; /* stocks that somebody is about to collect */
};

/* 0 or -ENOMEM. */
int own_init(struct own *own, const struct pool_shape *shape);
void own_fini(struct own *own);

/* Timelines for @n fences: 0; -ENOSPC: too many are under way. */
int own_promise(struct dma_buf_pool *pool, uint32_t n);

/* @n of what was promised are not needed. */
void own_release(struct dma_buf_pool *pool, uint32_t n);

/* Memory for fences that are carried. All zero is none. */
struct own_spare {
	struct carried *first;
	uint32_t count;
};

/* For at least @n: 0 or -ENOMEM. */
int own_spare_fill(struct own_spare *spare, uint32_t n);

/* For no more than @n. */
void own_spare_trim(struct own_spare *spare, uint32_t n);

enum carriage {
	CARRIED_BEFORE, /* by that point */
	CARRIED_NOW,	/* by that point, which used up a promise, and a spare */
	CARRIED_NEVER,	/* it has signalled; there is no point */
};

/* The point that carries @fence, in ret_point->id, timeline and seqno. */
enum carriage own_carry(struct dma_buf_pool *pool, struct dma_fence *fence, struct own_spare *spare,
			struct point *ret_point);

/* The point that carries @fence already; false: none does, or not any more. */
bool own_find_point(struct dma_buf_pool *pool, struct dma_fence *fence, struct point *ret_point);

/* A fence that is over as soon as the caller signals it, with @error or 0. NULL: no memory. */
struct dma_fence *own_make_over(int error);

/* A point that is over, with @error, for a fence that has signalled. 0; -ENOSPC, -ENOMEM. */
int own_over(struct dma_buf_pool *pool, int error, struct point *ret_point);

/* The fence that a point of this process carries, with a reference; NULL: it has signalled. */
struct dma_fence *own_fence(struct dma_buf_pool *pool, uint32_t timeline, uint64_t seqno);

/* @tl gets a timeline for itself, which stands behind it; its point 0. 0; -ENOSPC; -EBUSY. */
int own_back(struct dma_buf_pool *pool, struct dma_fence_timeline *tl, struct point *ret_point);

/* All that is left signals, with @error. Afterwards nothing can be carried. */
void own_fail(struct dma_buf_pool *pool, int error);

#endif
