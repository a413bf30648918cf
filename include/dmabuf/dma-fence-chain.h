/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-chain.h - a timeline that grows at its head
 *
 * A link joins a fence with the chain of all that came before it. It signals when its
 * own fence has and all older ones have. So the newest link stands for a whole timeline, and
 * dma_fence_chain_find_seqno() finds the link for a point in it. From Linux 6.12.
 *
 *   head ---prev---> link ---prev---> link ---prev---> NULL, or a fence that is no link
 *    | fence          | fence          | fence
 *    v                v                v
 *   a plain fence, or an array
 *
 * Links whose fence has signalled are taken out by whoever walks by. A walk needs no lock.
 */
#ifndef DMABUF_DMA_FENCE_CHAIN_H
#define DMABUF_DMA_FENCE_CHAIN_H

#include <dmabuf/dma-fence.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct dma_fence_chain - a link; a fence itself */
struct dma_fence_chain {
	/** @base: the link as a fence; its sequence numbers have 64 bits */
	struct dma_fence base;
	/** @prev: the next older link, or a fence that ends the chain; atomic; walks shorten it */
	struct dma_fence *prev;
	/** @prev_seqno: number of the next older link as it was at init; 0: none; constant */
	uint64_t prev_seqno;
	/** @fence: the link's own fence; constant */
	struct dma_fence *fence;
	union {
		/** @cb: registration with the fence that is awaited */
		struct dma_fence_cb cb;
		/** @work: goes on with the next fence, or lets go of the links, later */
		struct dmabuf_work work;
	};
};

/**
 * dma_fence_chain_ops - the ops of every link, to tell one by; see dma_fence_is_chain()
 *
 * Since: 0.1
 */
extern const struct dma_fence_ops dma_fence_chain_ops;

/**
 * to_dma_fence_chain() - the link that a fence is
 * @fence: any fence; NULL is fine
 *
 * Return: the link, borrowed; NULL if @fence is NULL or no link.
 *
 * Since: 0.1
 */
struct dma_fence_chain *to_dma_fence_chain(struct dma_fence *fence);

/**
 * dma_fence_chain_contained() - what a link joins to the chain
 * @fence: any fence, not NULL
 *
 * Return: the link's own fence, borrowed; @fence if it is no link.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_chain_contained(struct dma_fence *fence);

/**
 * dma_fence_chain_alloc() - memory for a link
 *
 * Return: a link for dma_fence_chain_init() or dma_fence_chain_free(); NULL: no memory.
 *
 * Since: 0.1
 */
struct dma_fence_chain *dma_fence_chain_alloc(void);

/**
 * dma_fence_chain_free() - free a link that never became a fence
 * @chain: from dma_fence_chain_alloc(), not initialised; NULL is fine
 *
 * Since: 0.1
 */
void dma_fence_chain_free(struct dma_fence_chain *chain);

/**
 * dma_fence_chain_init() - join a fence to a chain
 * @chain: from dma_fence_chain_alloc()
 * @prev:  head of the chain so far; NULL: none; its reference is consumed
 * @fence: the link's own fence, no link itself (that warns); its reference is consumed
 * @seqno: number of the link
 *
 * If @prev is a link and @seqno is later, the new link is on the timeline of @prev. Otherwise
 * a new timeline begins: a new context, and the greater of the two numbers.
 *
 * Lifetime: the caller holds the one reference, as after dma_fence_init(). Releasing a
 * chain takes no stack, however long it is.
 *
 * Example:
 *
 *	struct dma_fence_chain *link = dma_fence_chain_alloc();
 *
 *	if (!link)
 *		return -ENOMEM;
 *	// Both references are consumed; the new head has one.
 *	dma_fence_chain_init(link, head, dma_fence_get(fence), point);
 *	head = &link->base;
 *
 * Since: 0.1
 */
void dma_fence_chain_init(struct dma_fence_chain *chain, struct dma_fence *prev,
			  struct dma_fence *fence, uint64_t seqno);

/**
 * dma_fence_chain_walk() - one step to the past
 * @fence: where the walk is; its reference is consumed; NULL is fine
 *
 * Takes out of the chain the older links whose own fence has signalled.
 *
 * Context: does not sleep; takes its RCU section itself.
 *
 * Return: a new reference on the next older link, or on what ends the chain, that has not
 * signalled; NULL: there is none, or @fence is no link.
 *
 * Since: 0.1
 */
struct dma_fence *dma_fence_chain_walk(struct dma_fence *fence);

/**
 * dma_fence_chain_for_each() - visit a chain from its head to the past
 * @iter: loop variable, with a reference in the loop; after break it is the caller's to put
 * @head: any fence; one that is no link is visited itself; NULL: nothing is
 *
 * The head is visited in any case, older links only if their own fence has not signalled.
 *
 * Since: 0.1
 */
#define dma_fence_chain_for_each(iter, head)              \
	for ((iter) = dma_fence_get(head); (iter) != NULL; \
	     (iter) = dma_fence_chain_walk(iter))

/**
 * dma_fence_chain_find_seqno() - the link to wait for, for a point of the timeline
 * @pfence: in: the head, whose reference is consumed on success; out: a new reference on
 *	    the oldest link that implies @seqno; NULL: all of it has signalled
 * @seqno:  the point; 0: nothing happens, and *@pfence stays the head
 *
 * The link found may have a smaller number than @seqno: then the link of @seqno was taken
 * out, since its own fence has signalled, and what is left to wait for is older.
 *
 * Return: 0; -EINVAL: *@pfence is NULL, no link, or before @seqno; it is untouched then.
 *
 * Example:
 *
 *	struct dma_fence *needed = dma_fence_get(head);
 *	int64_t left = 1;
 *
 *	err = dma_fence_chain_find_seqno(&needed, point);
 *	if (!err && needed) // NULL: there is nothing to wait for any more
 *		left = dma_fence_wait_timeout(needed, true, 1000000);
 *	dma_fence_put(needed);
 *
 * Since: 0.1
 */
int dma_fence_chain_find_seqno(struct dma_fence **pfence, uint64_t seqno) DMABUF_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_CHAIN_H */
