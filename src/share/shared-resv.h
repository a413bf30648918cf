/* SPDX-License-Identifier: MIT */
/* The reservation of a shared buffer, as this process has it. */
#ifndef SHARE_SHARED_RESV_H
#define SHARE_SHARED_RESV_H

#include "buf/memory.h"
#include "resv/backing.h"
#include "share/own-stock.h"
#include "share/pool.h"

struct shared_resv {
	struct resv_backing base;
	struct dma_buf_pool *pool; /* constant; with a reference */
	struct shm_resv *shm;	   /* constant */
	struct dma_buf_pool_handle handle; /* constant */
	struct memory_owner owner; /* constant: the buffer's memory knows it by that */

	uint32_t is_kept;  /* atomic: a thread may change the container, and nobody else */
	bool awaits;	   /* atomic, by the holder of the local lock: others may be keepers until it is */
	bool keeps;	   /* the holder's: it is keeper by is_kept */
	bool lost;	   /* atomic, by the holder: the lock is somebody else's, who took it over */
	uint64_t mirrored; /* atomic, by the keeper: the commit word that the container shows */

	/* The holder's. */
	uint64_t word;	      /* what is committed, as the commit word has it */
	uint32_t half, length; /* of that */
	uint32_t evictions;   /* when the lock was taken */
	uint32_t staged;      /* entries behind the committed ones */
	uint32_t promised;    /* fences that can be carried */
	uint32_t owed;	      /* of these, for what came by edits: the commit carries it */
	bool rewrites;	      /* the commit writes all of the container */
	bool commits;	      /* begin_commit() has changed the commit word */
	struct own_spare spare;
	struct own_stock stock;
};

/* Of the buffer in a place. NULL: no memory. */
struct shared_resv *shared_resv_create(struct dma_buf_pool *pool,
				       const struct dma_buf_pool_handle *handle);
void shared_resv_destroy(struct shared_resv *shared);

/* Of a buffer's reservation; NULL: it is none of a pool. */
struct shared_resv *shared_resv_of(struct dma_resv *resv);

#endif
