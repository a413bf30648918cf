/* SPDX-License-Identifier: MIT */
/* Chains of fences, as kernel code uses them. */
#include <linux/delay.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "mock-fence.h"
#include "subtests.h"

#define LINKS 4096

/* Link i is number i + 1, has fence i, and ends the timeline so far. */
struct timeline {
	unsigned int length;
	struct dma_fence **fences;
	struct dma_fence **links;
	struct dma_fence *tail;
};

static struct dma_fence *new_link(struct dma_fence *prev, struct dma_fence *fence, u64 seqno)
{
	struct dma_fence_chain *link = dma_fence_chain_alloc();

	if (!link)
		return NULL;
	dma_fence_chain_init(link, dma_fence_get(prev), dma_fence_get(fence), seqno);
	return &link->base;
}

static void timeline_end(struct timeline *timeline)
{
	unsigned int i;

	for (i = 0; i < timeline->length; i++) {
		dma_fence_signal(timeline->fences[i]);
		dma_fence_put(timeline->fences[i]);
	}
	for (i = 0; i < timeline->length; i++)
		dma_fence_put(timeline->links[i]);
	kvfree(timeline->fences);
	kvfree(timeline->links);
}

static int timeline_begin(struct timeline *timeline, unsigned int length)
{
	*timeline = (struct timeline){};
	timeline->fences = kvmalloc_array(length, sizeof(*timeline->fences), GFP_KERNEL | __GFP_ZERO);
	timeline->links = kvmalloc_array(length, sizeof(*timeline->links), GFP_KERNEL | __GFP_ZERO);
	if (!timeline->fences || !timeline->links)
		goto end;
	while (timeline->length < length) {
		const unsigned int i = timeline->length;

		timeline->fences[i] = mock_fence();
		if (!timeline->fences[i])
			goto end;
		timeline->links[i] = new_link(timeline->tail, timeline->fences[i], i + 1);
		timeline->length++;
		if (!timeline->links[i])
			goto end;
		timeline->tail = timeline->links[i];
		dma_fence_enable_sw_signaling(timeline->links[i]);
	}
	return 0;
end:
	timeline_end(timeline);
	return -ENOMEM;
}

static int is_a_chain(void)
{
	struct dma_fence *fence = mock_fence();
	struct dma_fence *link = fence ? new_link(NULL, fence, 1) : NULL;

	EXPECT(link);
	EXPECT(to_dma_fence_chain(link) && !to_dma_fence_chain(fence));
	EXPECT(dma_fence_chain_contained(link) == fence && to_dma_fence_chain(link)->fence == fence);
	dma_fence_enable_sw_signaling(link);
	dma_fence_signal(fence);
	EXPECT(dma_fence_is_signaled(link));
	dma_fence_put(link);
	dma_fence_put(fence);
	return 0;
}

/* The link that point @seqno leads to. */
static struct dma_fence *find(struct dma_fence *head, u64 seqno, int *err)
{
	struct dma_fence *fence = dma_fence_get(head);

	*err = dma_fence_chain_find_seqno(&fence, seqno);
	dma_fence_put(fence);
	return fence; /* the timeline holds it */
}

static int finds_points(void)
{
	struct timeline timeline;
	unsigned int i;
	int err;

	EXPECT(!timeline_begin(&timeline, LINKS));
	EXPECT(find(timeline.tail, 0, &err) == timeline.tail && !err);
	for (i = 0; i < LINKS; i++)
		EXPECT(find(timeline.tail, i + 1, &err) == timeline.links[i] && !err);
	EXPECT(find(timeline.tail, LINKS + 1, &err) == timeline.tail && err == -EINVAL);
	EXPECT(find(NULL, 1, &err) == NULL && err == -EINVAL);
	timeline_end(&timeline);
	return 0;
}

static int finds_nothing_to_wait_for(void)
{
	struct timeline timeline;
	unsigned int i;
	int err;

	EXPECT(!timeline_begin(&timeline, LINKS));
	for (i = 0; i < LINKS - 1; i++) {
		dma_fence_signal(timeline.fences[i]);
		EXPECT(find(timeline.tail, i + 1, &err) == NULL && !err);
		EXPECT(find(timeline.tail, i + 2, &err) == timeline.links[i + 1] && !err);
	}
	timeline_end(&timeline);
	return 0;
}

static int finds_what_is_left(void)
{
	struct timeline timeline;
	int err;

	EXPECT(!timeline_begin(&timeline, 3));
	dma_fence_signal(timeline.fences[1]);
	EXPECT(find(timeline.tail, 2, &err) == timeline.links[0] && !err);
	EXPECT(find(timeline.tail, 3, &err) == timeline.links[2] && !err);
	timeline_end(&timeline);
	return 0;
}

static int numbers_may_have_gaps(void)
{
	struct dma_fence *fences[2] = { mock_fence(), mock_fence() }, *links[2];
	int err;

	EXPECT(fences[0] && fences[1]);
	links[0] = new_link(NULL, fences[0], 1);
	links[1] = new_link(links[0], fences[1], 11);
	EXPECT(links[0] && links[1] && links[0]->context == links[1]->context);
	EXPECT(to_dma_fence_chain(links[1])->prev_seqno == 1);
	EXPECT(find(links[1], 5, &err) == links[1] && !err);
	EXPECT(find(links[1], 1, &err) == links[0] && !err);
	dma_fence_put(links[1]);
	links[1] = new_link(links[0], fences[1], 1);
	EXPECT(links[1] && links[0]->context != links[1]->context && links[1]->seqno == 1);
	dma_fence_put(links[1]);
	dma_fence_put(links[0]);
	dma_fence_put(fences[1]);
	dma_fence_put(fences[0]);
	return 0;
}

static int signals_forward(void)
{
	struct timeline timeline;
	unsigned int i;

	EXPECT(!timeline_begin(&timeline, LINKS));
	for (i = 0; i < LINKS; i++) {
		dma_fence_signal(timeline.fences[i]);
		EXPECT(dma_fence_is_signaled(timeline.links[i]));
		EXPECT(i + 1 == LINKS || !dma_fence_is_signaled(timeline.links[i + 1]));
	}
	timeline_end(&timeline);
	return 0;
}

static int signals_backward(void)
{
	struct timeline timeline;
	unsigned int i;

	EXPECT(!timeline_begin(&timeline, LINKS));
	for (i = LINKS; i--;) {
		dma_fence_signal(timeline.fences[i]);
		EXPECT(!i || !dma_fence_is_signaled(timeline.links[i]));
	}
	for (i = 0; i < LINKS; i++)
		EXPECT(dma_fence_is_signaled(timeline.links[i]));
	timeline_end(&timeline);
	return 0;
}

static int wait_for_tail(void *arg)
{
	struct timeline *timeline = arg;

	return dma_fence_wait(timeline->tail, false) ? -EIO : 0;
}

static int signals_in_any_order_under_waiters(void)
{
	struct task_struct *waiter;
	struct timeline timeline;
	unsigned int i;
	int err;

	EXPECT(!timeline_begin(&timeline, LINKS));
	waiter = kthread_run(wait_for_tail, &timeline, "dma-fence:wait");
	EXPECT(!IS_ERR(waiter));
	get_task_struct(waiter);
	for (i = LINKS; --i;) {
		const u32 other = get_random_u32_below(i + 1);

		swap(timeline.fences[i], timeline.fences[other]);
	}
	for (i = 0; i < LINKS; i++)
		dma_fence_signal(timeline.fences[i]);
	err = kthread_stop(waiter);
	EXPECT(!err || err == -EINTR); /* it never ran */
	put_task_struct(waiter);
	EXPECT(dma_fence_is_signaled(timeline.tail));
	timeline_end(&timeline);
	return 0;
}

static int search(void *arg)
{
	struct timeline *timeline = arg;
	int err = 0;

	while (!kthread_should_stop() && !err) {
		const u64 seqno = get_random_u32_below(timeline->length) + 1;
		struct dma_fence *fence = dma_fence_get(timeline->tail);

		err = dma_fence_chain_find_seqno(&fence, seqno);
		if (!err && fence && fence->seqno > seqno)
			err = -ERANGE;
		dma_fence_put(fence);
		cond_resched();
	}
	return err;
}

static int searches_race_signals(void)
{
	struct task_struct *searchers[3];
	struct timeline timeline;
	unsigned int i;

	EXPECT(!timeline_begin(&timeline, LINKS));
	for (i = 0; i < ARRAY_SIZE(searchers); i++) {
		searchers[i] = kthread_run(search, &timeline, "dma-fence:%u", i);
		EXPECT(!IS_ERR(searchers[i]));
		get_task_struct(searchers[i]);
	}
	for (i = 0; i < LINKS; i++) {
		dma_fence_signal(timeline.fences[i]);
		if (!(i % 256))
			usleep_range(100, 200);
	}
	for (i = 0; i < ARRAY_SIZE(searchers); i++) {
		EXPECT(kthread_stop(searchers[i]) == 0);
		put_task_struct(searchers[i]);
	}
	timeline_end(&timeline);
	return 0;
}

static int walks(void)
{
	struct dma_fence *iter;
	struct timeline timeline;
	unsigned int n = 0;

	EXPECT(!timeline_begin(&timeline, 8));
	dma_fence_signal(timeline.fences[3]);
	dma_fence_chain_for_each(iter, timeline.tail)
		n++;
	EXPECT(n == 7);
	timeline_end(&timeline);
	return 0;
}

int main(void)
{
	static const struct subtest tests[] = {
		SUBTEST(is_a_chain),
		SUBTEST(finds_points),
		SUBTEST(finds_nothing_to_wait_for),
		SUBTEST(finds_what_is_left),
		SUBTEST(numbers_may_have_gaps),
		SUBTEST(signals_forward),
		SUBTEST(signals_backward),
		SUBTEST(signals_in_any_order_under_waiters),
		SUBTEST(searches_race_signals),
		SUBTEST(walks),
	};
	int err = mock_cache_create();

	if (!err)
		err = run_subtests(tests, ARRAY_SIZE(tests));
	mock_cache_destroy();
	return err ? 1 : 0;
}
