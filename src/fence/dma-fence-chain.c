/* SPDX-License-Identifier: MIT */
/*
 * A chain: links, each with a fence and what came before.
 *
 * Locking: none for the links. A walker holds a reference on the link it stands on, and
 * shortens the way from there over links whose fence has signalled:
 *
 *   W1  prev = chain->prev, with a reference of its own   acquire
 *   W2  prev's fence has signalled: next = prev->prev, with a reference
 *   W3  chain->prev: prev becomes next, if it still is prev   acq_rel
 *
 *   Who wins W3 hands its reference on next to the link, and puts the link's on prev. Who
 *   loses puts its own. Since W1 holds prev, its memory is not another link's at W3.
 *
 * One callback is registered at a time, with the newest fence that has not signalled. It
 * runs under that fence's lock, so it only queues chain->work, as an array's does, which
 * looks for the next one. cb and work share their room: whoever has called
 * dma_fence_add_callback() does not touch it again.
 *
 * Release: letting go of prev may be the end of that one too, and so on for a million
 * links. Work does not nest, so each link lets go in a turn of its own.
 */
#include <dmabuf/dma-fence-chain.h>

#include <errno.h>

#include "debug/lockdep.h"
#include "fence/fence.h"
#include "fence/rules.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/report.h"
#include "os/thread.h"

bool dma_fence_is_chain(const struct dma_fence *fence)
{
	return fence->ops == &dma_fence_chain_ops;
}

bool dma_fence_is_container(const struct dma_fence *fence)
{
	return dma_fence_is_array(fence) || dma_fence_is_chain(fence);
}

struct dma_fence_chain *to_dma_fence_chain(struct dma_fence *fence)
{
	return fence && dma_fence_is_chain(fence) ? container_of(fence, struct dma_fence_chain, base)
						  : NULL;
}

struct dma_fence *dma_fence_chain_contained(struct dma_fence *fence)
{
	struct dma_fence_chain *chain = to_dma_fence_chain(fence);

	return chain ? chain->fence : fence;
}

/* In our ops, where it can be nothing else. */
static struct dma_fence_chain *own_chain(struct dma_fence *fence)
{
	return container_of(fence, struct dma_fence_chain, base);
}

/*
 * Walking.
 */

static struct dma_fence *get_prev(struct dma_fence_chain *chain)
{
	struct dma_fence *prev;

	dmabuf_rcu_read_lock();
	prev = dma_fence_get_rcu_safe(&chain->prev); /* W1 */
	dmabuf_rcu_read_unlock();
	return prev;
}

/* @prev is done with: the way goes on behind it. */
static void take_out(struct dma_fence_chain *chain, struct dma_fence *prev)
{
	struct dma_fence_chain *link = to_dma_fence_chain(prev);
	struct dma_fence *next = link ? get_prev(link) : NULL;
	struct dma_fence *expected = prev;

	OS_RACE_POINT("chain: before a link is taken out");
	if (cas_acq_rel(&chain->prev, &expected, next)) /* W3 */
		dma_fence_put(prev);
	else
		dma_fence_put(next);
}

struct dma_fence *dma_fence_chain_walk(struct dma_fence *fence)
{
	struct dma_fence_chain *chain = to_dma_fence_chain(fence);
	struct dma_fence *prev = NULL;

	while (chain && (prev = get_prev(chain))) {
		if (!dma_fence_is_signaled(dma_fence_chain_contained(prev))) /* W2 */
			break;
		take_out(chain, prev);
		dma_fence_put(prev);
	}
	dma_fence_put(fence);
	return prev;
}

int dma_fence_chain_find_seqno(struct dma_fence **pfence, uint64_t seqno)
{
	struct dma_fence *const head = *pfence;
	struct dma_fence *fence;

	if (!seqno)
		return 0;
	if (!to_dma_fence_chain(head) || head->seqno < seqno)
		return -EINVAL;
	dma_fence_chain_for_each(fence, head) {
		const struct dma_fence_chain *link = to_dma_fence_chain(fence);

		/* Another timeline ends ours; what it was before is all that is left of it. */
		if (!link || fence->context != head->context || link->prev_seqno < seqno)
			break;
	}
	dma_fence_put(head);
	*pfence = fence;
	return 0;
}

/*
 * Signalling.
 */

static bool chain_signaled(struct dma_fence *head)
{
	struct dma_fence *fence;

	dma_fence_chain_for_each(fence, head) {
		if (!dma_fence_is_signaled(dma_fence_chain_contained(fence))) {
			dma_fence_put(fence);
			return false;
		}
	}
	return true;
}

static void contained_signaled(struct dma_fence *fence, struct dma_fence_cb *cb);
static void advance(struct dmabuf_work *work);

/* False: all of it has signalled. */
static bool await_newest(struct dma_fence_chain *head)
{
	struct dma_fence *fence;

	dma_fence_chain_for_each(fence, &head->base) {
		/* While it has not signalled, its link is not taken out, and holds it. */
		if (!dma_fence_add_callback(dma_fence_chain_contained(fence), &head->cb,
					    contained_signaled)) {
			dma_fence_put(fence);
			return true;
		}
	}
	return false;
}

static void contained_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct dma_fence_chain *head = container_of(cb, struct dma_fence_chain, cb);

	(void)fence;
	head->work.func = advance;
	os_work_queue(&head->work);
}

static void advance(struct dmabuf_work *work)
{
	struct dma_fence_chain *head = container_of(work, struct dma_fence_chain, work);

	if (!dma_fence_test_signaled_flag(&head->base)) {
		if (await_newest(head))
			return;
		dma_fence_signal(&head->base);
	}
	dma_fence_put(&head->base);
}

static bool chain_enable_signaling(struct dma_fence *fence)
{
	dma_fence_get(fence); /* for the registration */
	if (await_newest(own_chain(fence)))
		return true;
	dma_fence_put(fence);
	return false;
}

static void chain_set_deadline(struct dma_fence *head, int64_t deadline)
{
	struct dma_fence *fence;

	dma_fence_chain_for_each(fence, head)
		dma_fence_set_deadline(dma_fence_chain_contained(fence), deadline);
}

static const char *chain_driver_name(struct dma_fence *fence)
{
	(void)fence;
	return "dma_fence_chain";
}

static const char *chain_timeline_name(struct dma_fence *fence)
{
	(void)fence;
	return "unbound";
}

/*
 * Memory.
 */

static void let_go(struct dmabuf_work *work)
{
	struct dma_fence_chain *chain = container_of(work, struct dma_fence_chain, work);

	dma_fence_put(load_relaxed(&chain->prev)); /* nobody walks here any more */
	dma_fence_put(chain->fence);
	dma_fence_free(&chain->base);
}

static void chain_release(struct dma_fence *fence)
{
	struct dma_fence_chain *chain = own_chain(fence);

	chain->work.func = let_go;
	os_work_queue(&chain->work);
}

const struct dma_fence_ops dma_fence_chain_ops = {
	.use_64bit_seqno = true,
	.get_driver_name = chain_driver_name,
	.get_timeline_name = chain_timeline_name,
	.enable_signaling = chain_enable_signaling,
	.signaled = chain_signaled,
	.release = chain_release,
	.set_deadline = chain_set_deadline,
};

struct dma_fence_chain *dma_fence_chain_alloc(void)
{
	lockdep_might_alloc();
	return os_alloc(sizeof(struct dma_fence_chain));
}

void dma_fence_chain_free(struct dma_fence_chain *chain)
{
	os_free(chain);
}

void dma_fence_chain_init(struct dma_fence_chain *chain, struct dma_fence *prev,
			  struct dma_fence *fence, uint64_t seqno)
{
	bool follows;
	uint64_t context;

	fence_check_alive(prev, __func__);
	fence_check_alive(fence, __func__);
	follows = to_dma_fence_chain(prev) != NULL;
	dmabuf_bug_on(!fence, "dma_fence_chain_init() without a fence: give the stub for nothing");
	dmabuf_warn_on(dma_fence_is_chain(fence),
		       "a fence chain as the fence of a link: link its fences instead");
	chain->prev = prev;
	chain->fence = fence;
	chain->prev_seqno = 0;
	if (follows && seqno > prev->seqno) {
		context = prev->context;
		chain->prev_seqno = prev->seqno;
	} else {
		context = dma_fence_context_alloc(1);
		if (follows)
			seqno = prev->seqno;
	}
	dma_fence_init(&chain->base, &dma_fence_chain_ops, NULL, context, seqno);
}
