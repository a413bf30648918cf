/* SPDX-License-Identifier: MIT */
/*
 * What a process has of a pool.
 *
 * References: the caller's handle is one; each member that is known is one, and each buffer, and each
 * reference on this process itself as a member. So the memory stays while any fence or buffer needs it.
 *
 * Locking: mail_lock (sleeping) is held by who takes in what other members sent. lock (short) guards
 * the tables below it. What is read without a lock is atomic, and says so.
 */
#ifndef SHARE_POOL_H
#define SHARE_POOL_H

#include <dmabuf/dma-buf-pool.h>
#include <dmabuf/ww-mutex.h>

#include "fence/words.h"
#include "os/atomic.h"
#include "os/watch.h"
#include "share/layout.h"
#include "share/own.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

#define POOL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define NO_WRITING (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/* Who sleeps on shared memory looks that often. */
#define POOL_SLICE_NS FENCE_SLICE_NS

struct member;

/* The memory of a buffer that somebody told of. */
struct pool_memory {
	uint32_t owner;	 /* who made the buffer */
	uint32_t number; /* of the buffer: as shm_resv.number */
	uint32_t uses;	 /* how many struct dma_buf of this place are here, going or not */
	int fd;		 /* -1: nobody told */
	bool is_first_hand; /* the owner did */
	uint32_t denied; /* the number of one that its owner did not give us */
};

/* Who was invited by this process, into a place. */
struct guest {
	uint32_t id;
	uint32_t flags; /* DMA_BUF_POOL_READ_ONLY */
	int channel; /* our end; or -1: nobody was */
};

struct dma_buf_pool {
	uint32_t refs;	   /* atomic */
	uint32_t verdicts; /* atomic; a futex: changes when somebody is found to be gone */
	int error;	   /* atomic: 0, or why nothing goes: -EAGAIN, -ESTALE, -ECHILD, -ENOTCONN, -EPROTO */
	uint32_t flags;	   /* constant: DMA_BUF_POOL_READ_ONLY */
	uint32_t inviter;  /* constant: the id of who invited; 0: nobody */
	struct pool_shape shape; /* constant */
	uint64_t id[2];		 /* constant */
	int file;		 /* constant */
	void *base;		 /* constant: the pool's file */
	struct member *self;	 /* constant; lives as long */
	struct own own;

	struct ww_mutex mail_lock;
	struct dmabuf_spinlock lock;
	struct member *members[MOST_MEMBERS]; /* atomic; changed under lock, freed after a grace period */
	bool is_left;	/* under mail_lock */
	bool knows_all;	/* under mail_lock: whoever was a member when this process was let in */
	uint64_t strangers; /* atomic: a bit a place, to be rung by who reads mail (mail.c) */
	struct guest guest[MOST_MEMBERS]; /* under lock */
	struct pool_memory *memory;   /* under lock: a buffer each */
	struct dmabuf_spinlock watch_lock;

	int timer;		  /* of leases (alarm.c); -1: none yet; under watch_lock */
	int64_t alarm;		  /* when it rings; INT64_MAX: it does not; likewise */
	struct os_watch watch;	  /* its set: of what has something to say (watcher.c) */
};

static inline int pool_set(const struct dma_buf_pool *pool)
{
	return os_watch_set(&pool->watch);
}

static inline struct shm_head *pool_head(const struct dma_buf_pool *pool)
{
	return pool->base;
}

/* Is the memory of the pool in this process? Not in a forked child. */
static inline bool pool_is_here(const struct dma_buf_pool *pool)
{
	return pool->base;
}

/* Has somebody destroyed it? Then nobody is a member that may go on. */
static inline bool pool_is_over(const struct dma_buf_pool *pool)
{
	return load_seq_cst(&pool_head(pool)->evictions) & POOL_OVER; /* V0, as a place, and V4 of point.c */
}

/* Is this process a member that may go on? 0 or the errno to return. */
int pool_check(struct dma_buf_pool *pool);

struct dma_buf_pool *pool_get(struct dma_buf_pool *pool);
bool pool_get_unless_dead(struct dma_buf_pool *pool);
void pool_put(struct dma_buf_pool *pool);

/* False: nobody has one any more. */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by the swap */
static inline bool ref_unless_dead(uint32_t *refs)
{
	uint32_t n = load_relaxed(refs);

	do {
		if (!n)
			return false;
	} while (!cas_acquire(refs, &n, n + 1));
	return true;
}

/* In a forked child: it is none of its. */
void pool_fork(struct dma_buf_pool *pool);

/* From now on every call gives @error; the first reason counts. */
void pool_fail(struct dma_buf_pool *pool, int error);

/* Nobody whom this process has invited may come any more. */
void guests_forget(struct dma_buf_pool *pool);

/* A pool without members, of the file @fd, which has that size and goes to it. 0 or -errno. */
int pool_open(const struct pool_shape *shape, int fd, struct dma_buf_pool **ret_pool);

#endif
