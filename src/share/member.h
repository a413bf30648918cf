/* SPDX-License-Identifier: MIT */
/*
 * Members, as this process knows them: their timelines, how to reach them, and whether they are alive.
 */
#ifndef SHARE_MEMBER_H
#define SHARE_MEMBER_H

#include <dmabuf/dmabuf-types.h>

#include "share/pool.h"

/* Final but for ALIVE. */
enum verdict {
	VERDICT_ALIVE,
	VERDICT_DEAD,	 /* it will write nothing more; or nobody here looks any more */
	VERDICT_EVICTED, /* it may; nobody cares */
};

struct member {
	struct dmabuf_rcu_head rcu;
	uint32_t refs;		   /* atomic: one of the table, one of each fence; not of this process itself */
	uint32_t id;		   /* constant */
	uint32_t flags;		   /* constant: DMA_BUF_POOL_READ_ONLY */
	struct dma_buf_pool *pool; /* constant; with a reference, but of this process itself */
	int channel;		   /* constant; -1: this process itself */
	int process;		   /* constant: pidfd */
	int file;		   /* constant: its timelines' */
	struct shm_timelines *map; /* constant; only the owner's can be written */
	const struct shm_place *place; /* constant: where it says what it is */
	uint64_t live, evicted;	   /* constant: the words of that */
	uint64_t *seen;		   /* atomic: how far each timeline was; only raised */
	uint64_t context;	   /* constant: of the fences of timeline 0; others follow */
	uint32_t verdict;	   /* atomic: enum verdict */
	bool hung_up;		   /* there is no more mail; under mail_lock */
	struct member *next_judged, *next_former; /* of what a reader of mail found; that thread's */
	int64_t checked;	   /* atomic: when the kernel was asked last */
	struct dmabuf_work work; /* of the verdict */
	struct dmabuf_work telling; /* that it was evicted; of who did that */
	uint32_t is_told;	    /* atomic: that is queued, or done: one that comes back is not told of again */
	struct dmabuf_list_head watched; /* of shared fences; under pool->watch_lock */
};

/* What a member is made of. */
struct card {
	uint32_t id;
	uint32_t flags; /* DMA_BUF_POOL_READ_ONLY */
	int channel;
	int process;
	int file;
};

/* One that nobody knows yet; the card's descriptors go to it. 0; -EPROTO: that is no member's; -ENOMEM. */
int member_make(struct dma_buf_pool *pool, const struct card *card, struct member **ret_member);

/* It stays unknown: its descriptors are the caller's again. */
void member_unmake(struct member *member);

/*
 * Make it known. Whoever was in its place before, and is gone, goes to the caller, or NULL does. False: it
 * is no newer than that one; it is the caller's still.
 */
bool member_enter(struct member *member, struct member **ret_old);

/*
 * This process, under @id; once, before any other. It lives as long as the pool: its references are
 * the pool's.
 */
int member_add_self(struct dma_buf_pool *pool, uint32_t id);
void member_free_self(struct dma_buf_pool *pool);

/* The member with @id if it is known, for an RCU section; or NULL. */
struct member *member_peek(const struct dma_buf_pool *pool, uint32_t id);

/* The same, with a reference. */
struct member *member_find(struct dma_buf_pool *pool, uint32_t id);

/* The member with @id, with a reference; NULL: unknown, also after all mail was read. Sleeps. */
struct member *member_get(struct dma_buf_pool *pool, uint32_t id);

/* Whoever is in a place, with a reference, or NULL. */
struct member *member_in_place(struct dma_buf_pool *pool, unsigned int place);

struct member *member_ref(struct member *member);
void member_put(struct member *member);

/* This process does not hear of them any more: they are dead to it. Callbacks may be called. */
void member_forget_all(struct dma_buf_pool *pool);

/* Ask the kernel whether it is alive, and note it if not. If it has broken a lease, it is evicted. */
enum verdict member_check(struct member *member);

/* The same for those who ask all the time: the kernel is asked once a millisecond. */
void member_check_sometimes(struct member *member);

/* Is it time for that? */
bool member_check_is_due(const struct member *member);

/* What is known without asking. */
static inline enum verdict member_verdict(const struct member *member)
{
	return (enum verdict)load_acquire(&member->verdict);
}

/*
 * The same of an id. Unknown counts as dead, but for who has a place: there was no descriptor to know it
 * by, and others know it.
 */
enum verdict member_check_id(struct dma_buf_pool *pool, uint32_t id);

/* By the kernel's word, whomever it has hung up on. */
bool member_process_has_ended(const struct member *member);

/* Will it write nothing more, evicted or not? */
bool member_is_dead(struct dma_buf_pool *pool, uint32_t id);

/* Does its place say so, or the end? Whose place was another's before that, it does not concern. */
static inline bool member_is_evicted(const struct member *member)
{
	const uint64_t word = load_seq_cst(&member->place->word);

	return word == member->evicted ||
	       (pool_is_over(member->pool) && place_id(member_place(member->id), word) == member->id);
}

/* In a forked child: it is no member's, and keeps none of their channels open. */
void member_fork_all(struct dma_buf_pool *pool);

/* It is found to be @verdict; waiters of this process look again, and callbacks are called. */
void member_judge(struct member *member, enum verdict verdict);

/* The first part of that. False: it was found to be something before. */
bool member_mark(struct member *member, enum verdict verdict);

/* Whatever it has signalled, this process has seen then. */
void member_see_all(const struct member *member);

/*
 * Has @seqno of @timeline signalled? 1: yes; 0: not yet; a negative errno: yes, with that error,
 * or it never will.
 */
int member_point_status(const struct member *member, uint32_t timeline, uint64_t seqno);

/* The same of a point whose member may be unknown. */
int point_status(struct dma_buf_pool *pool, const struct point *point);

#endif
