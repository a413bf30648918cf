/* SPDX-License-Identifier: MIT */
/*
 * D011: a wait for what the waiting thread itself has yet to do, and fences that wait for each
 * other; D001 for timelines that do so. Each way to break a rule is reported, and its corrected
 * twin is not.
 *
 * Waits have a time limit that passes at once, so that a test goes on where a program would hang.
 */
#include "rules.h"

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"

#define MOMENT 1

STEP void begin_work(struct dma_fence *fence)
{
	dma_fence_begin_work(fence);
	STAYS;
}

STEP void wait_for(struct dma_fence *fence)
{
	ASSERT_INT(dma_fence_wait_timeout(fence, false, MOMENT), >=, 0);
	STAYS;
}

static void end_work(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	dma_fence_end_work(fence);
}

static void put_all(struct dma_fence **fences, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		dma_fence_signal(fences[i]);
		dma_fence_put(fences[i]);
	}
}

/* @own is worked for, @waited is waited for. Both are consumed. */
static void check_reported(struct dma_fence *own, struct dma_fence *waited)
{
	begin_work(own);
	ASSERT_REPORTED(wait_for(waited), "D011", "what this thread itself has yet to do", "here:",
			"wait_for", "which this thread has, from here:", "begin_work",
			"What to do: do that work first");
	end_work(own);
	dma_fence_signal(waited);
	dma_fence_put(own);
	dma_fence_put(waited);
}

static void check_is_not(struct dma_fence *own, struct dma_fence *waited)
{
	begin_work(own);
	wait_for(waited);
	end_work(own);
	dma_fence_signal(waited);
	dma_fence_put(own);
	dma_fence_put(waited);
}

static struct dma_fence *make_point(uint64_t context, uint64_t seqno)
{
	return make_fence_with(&plain_ops, NULL, context, seqno);
}

static struct dma_fence *make_point64(uint64_t context, uint64_t seqno)
{
	struct dma_fence *fence = malloc(sizeof(*fence));

	dma_fence_init64(fence, &plain_ops, NULL, context, seqno);
	return fence;
}

TEST(wait_for_the_fence_itself_is_reported)
{
	struct dma_fence *fence = make_fence();

	IN_CHILD(check_reported(dma_fence_get(fence), dma_fence_get(fence)));
	put_all(&fence, 1);
}

TEST(wait_for_a_later_fence_of_the_context_is_reported)
{
	static const struct {
		uint64_t own, waited;
		bool is_64;
	} cases[] = {
		{ 1, 2, false },
		{ 7, 1000, false },
		{ 0xffffffff, 0, false }, /* behind the wrap */
		{ 0xfffffff0, 0x10, false },
		{ 1, 2, true },
		{ 1, 0x90000000, true },
		{ 0xffffffff, 0x100000000, true },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dma_fence *(*make)(uint64_t context, uint64_t seqno) =
			cases[i].is_64 ? make_point64 : make_point;
		const uint64_t context = dma_fence_context_alloc(1);

		IN_CHILD(check_reported(make(context, cases[i].own), make(context, cases[i].waited)));
		IN_CHILD(check_is_not(make(context, cases[i].waited), make(context, cases[i].own)));
	}
}

TEST(wait_for_a_fence_of_another_context_is_not)
{
	check_is_not(make_fence(), make_fence());
	check_is_not(make_point(dma_fence_context_alloc(1), 1),
		     make_point(dma_fence_context_alloc(1), 2));
}

/* The work is over with the signal, whoever gave it, also if that is not said yet. */
TEST(wait_after_the_signal_is_not)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *fences[] = { make_point(context, 1), make_point(context, 2) };

	begin_work(fences[0]);
	dma_fence_signal(fences[0]);
	wait_for(fences[0]);
	wait_for(fences[1]);
	dma_fence_end_work(fences[0]);
	put_all(fences, 2);
}

/* An array of these, which own their reference. */
static struct dma_fence *make_array(struct dma_fence *one, struct dma_fence *two, bool any)
{
	struct dma_fence **members = malloc(2 * sizeof(*members));
	struct dma_fence_array *array;

	members[0] = one;
	members[1] = two;
	array = dma_fence_array_create(two ? 2 : 1, members, dma_fence_context_alloc(1), 1, any);
	ASSERT_TRUE(array);
	return &array->base;
}

/* A chain of these, which own their reference. */
static struct dma_fence *make_chain(struct dma_fence *one, struct dma_fence *two)
{
	struct dma_fence_chain *first = dma_fence_chain_alloc(), *second = dma_fence_chain_alloc();

	ASSERT_TRUE(first && second);
	dma_fence_chain_init(first, NULL, one, 1);
	dma_fence_chain_init(second, &first->base, two, 2);
	return &second->base;
}

/* @waited needs @own, which is lent, and is consumed. */
static void check_container(struct dma_fence *own, struct dma_fence *waited)
{
	begin_work(own);
	ASSERT_REPORTED(wait_for(waited), "D011", "here:", "wait_for", "from here:", "begin_work");
	end_work(own);
	dma_fence_put(waited);
}

TEST(wait_for_what_contains_the_fence_is_reported)
{
	struct dma_fence *own = make_fence(), *other = make_fence();

	IN_CHILD(check_container(own, make_array(dma_fence_get(other), dma_fence_get(own), false)));
	IN_CHILD(check_container(own, make_array(dma_fence_get(own), NULL, true)));
	IN_CHILD(check_container(own, make_chain(dma_fence_get(own), dma_fence_get(other))));
	IN_CHILD(check_container(own, make_chain(dma_fence_get(other), dma_fence_get(own))));
	IN_CHILD(check_container(own, make_chain(dma_fence_get(other),
						 make_array(dma_fence_get(other),
							    dma_fence_get(own), false))));
	put_all(&own, 1);
	put_all(&other, 1);
}

TEST(wait_for_any_of_which_one_is_the_fence_is_not)
{
	struct dma_fence *own = make_fence(), *other = make_fence(), *any;

	any = make_array(dma_fence_get(other), dma_fence_get(own), true);
	begin_work(own);
	wait_for(any);
	ASSERT_INT(dma_fence_wait_any_timeout((struct dma_fence *[]){ own, other }, 2, false, MOMENT,
					      NULL), ==, 0);
	end_work(own);
	dma_fence_put(any);
	put_all(&own, 1);
	put_all(&other, 1);
}

STEP void wait_any(struct dma_fence *fence)
{
	ASSERT_INT(dma_fence_wait_any_timeout(&fence, 1, false, MOMENT, NULL), ==, 0);
	STAYS;
}

STEP void wait_resv(struct dma_resv *resv)
{
	ASSERT_INT(dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false, MOMENT), ==, 0);
	STAYS;
}

TEST(every_wait_for_the_fence_is_reported)
{
	struct dma_fence *own = make_fence();
	struct dma_resv resv;

	dma_resv_init(&resv);
	ASSERT_INT(dma_resv_lock(&resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(&resv, 1), ==, 0);
	dma_resv_add_fence(&resv, own, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(&resv);

	begin_work(own);
	ASSERT_REPORTED(wait_any(own), "D011", "here:", "wait_any", "from here:", "begin_work");
	ASSERT_REPORTED(wait_resv(&resv), "D011", "here:", "wait_resv", "from here:", "begin_work");
	ASSERT_INT(dma_fence_wait_timeout(own, false, 0), ==, 0);
	end_work(own);
	put_all(&own, 1);
	dma_resv_fini(&resv);
}

/* Another thread's work is waited for by whom it pleases. */
STEP void wait_elsewhere(void *arg)
{
	wait_for(arg);
	STAYS;
}

TEST(wait_for_the_work_of_another_thread_is_not)
{
	struct dma_fence *fence = make_fence();

	begin_work(fence);
	in_thread(wait_elsewhere, fence);
	end_work(fence);
	put_all(&fence, 1);
}

TEST(wait_after_the_work_has_ended_is_not)
{
	struct dma_fence *fence = make_fence();

	begin_work(fence);
	dma_fence_end_work(fence);
	dma_fence_end_work(fence); /* it has: nothing happens */
	wait_for(fence);
	put_all(&fence, 1);
}

/*
 * Fences that wait for each other.
 */

STEP void work_and_wait(void *arg)
{
	struct dma_fence **fences = arg;

	dma_fence_begin_work(fences[0]);
	wait_for(fences[1]);
	dma_fence_end_work(fences[0]);
	STAYS;
}

TEST(two_threads_that_wait_for_each_others_work_is_reported)
{
	struct dma_fence *fences[] = { make_fence(), make_fence() };

	in_thread(work_and_wait, fences);
	ASSERT_REPORTED(work_and_wait((struct dma_fence *[]){ fences[1], fences[0] }), "D011",
			"fences wait for each other: a cycle of 2", "now: a fence's signal",
			"wait_for", "work_and_wait", "before: a fence's signal", "work_and_wait",
			"run_thread", "What to do: do that work first");
	put_all(fences, 2);
}

TEST(three_threads_that_wait_for_each_others_work_is_reported)
{
	struct dma_fence *fences[] = { make_fence(), make_fence(), make_fence() };

	in_thread(work_and_wait, &fences[0]);
	in_thread(work_and_wait, &fences[1]);
	ASSERT_REPORTED(work_and_wait((struct dma_fence *[]){ fences[2], fences[0] }), "D011",
			"a cycle of 3");
	put_all(fences, 3);
}

TEST(threads_that_wait_for_each_others_work_in_a_row_is_not)
{
	struct dma_fence *fences[] = { make_fence(), make_fence(), make_fence() };

	in_thread(work_and_wait, &fences[1]);
	in_thread(work_and_wait, &fences[0]);
	work_and_wait((struct dma_fence *[]){ fences[0], fences[2] });
	put_all(fences, 3);
}

/* One and the same thread does one after the other. */
TEST(works_of_one_thread_that_wait_in_turn_is_not)
{
	struct dma_fence *fences[] = { make_fence(), make_fence() };

	work_and_wait(fences);
	work_and_wait((struct dma_fence *[]){ fences[1], fences[0] });
	put_all(fences, 2);
}

STEP void work_and_wait_twice(void *arg)
{
	struct dma_fence **fences = arg;

	work_and_wait(&fences[1]);
	work_and_wait(&fences[0]);
	STAYS;
}

STEP void work_and_wait_in_order(void *arg)
{
	struct dma_fence **fences = arg;

	work_and_wait(&fences[0]);
	work_and_wait(&fences[1]);
	STAYS;
}

/* Two did the first work, and one can hang in it, but then each has another to hang in. */
TEST(three_works_of_two_threads_is_not)
{
	static void (*const work[])(void *fences) = { work_and_wait_twice, work_and_wait_in_order };

	for (unsigned int i = 0; i < 2; i++) {
		struct dma_fence *fences[] = { make_fence(), make_fence(), make_fence() };

		work_and_wait(&fences[0]);
		work_and_wait((struct dma_fence *[]){ fences[2], fences[0] });
		in_thread(work[i], fences);
		put_all(fences, 3);
	}
}

TEST(three_works_of_two_threads_in_another_order_is_not)
{
	struct dma_fence *fences[] = { make_fence(), make_fence(), make_fence() };

	work_and_wait(&fences[1]);
	in_thread(work_and_wait_twice, fences);
	work_and_wait((struct dma_fence *[]){ fences[2], fences[0] });
	put_all(fences, 3);
}

/* More than are told apart: then it is taken for possible. */
TEST(seventy_threads_that_wait_for_each_others_work_is_reported)
{
	enum { MANY = 70 };
	struct dma_fence *fences[MANY];

	for (unsigned int i = 0; i < MANY; i++)
		fences[i] = make_fence();
	for (unsigned int i = 0; i < MANY - 1; i++)
		in_thread(work_and_wait, &fences[i]);
	ASSERT_REPORTED(work_and_wait((struct dma_fence *[]){ fences[MANY - 1], fences[0] }), "D011",
			"a cycle of 70");
	put_all(fences, MANY);
}

TEST(three_works_of_three_threads_is_reported)
{
	struct dma_fence *fences[] = { make_fence(), make_fence(), make_fence() };

	work_and_wait(&fences[0]);
	in_thread(work_and_wait, (struct dma_fence *[]){ fences[2], fences[0] });
	ASSERT_REPORTS(in_thread(work_and_wait_twice, fences), 2);
	put_all(fences, 3);
}

/*
 * Timelines whose callbacks signal each other: two threads would hang in that.
 */

struct signalling_cb {
	struct dma_fence_cb cb;
	struct dma_fence_timeline *tl;
	uint64_t seqno;
};

STEP void signal_other(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct signalling_cb *it = container_of(cb, struct signalling_cb, cb);

	(void)fence;
	dma_fence_timeline_signal(it->tl, it->seqno, 0);
	STAYS;
}

/* When @from reaches its next point, @to does. */
STEP void signal_along(struct dma_fence_timeline *from, struct dma_fence_timeline *to)
{
	struct dma_fence *first = dma_fence_timeline_emit(from);
	struct dma_fence *second = dma_fence_timeline_emit(to);
	struct signalling_cb cb = { .tl = to, .seqno = second->seqno };

	ASSERT_INT(dma_fence_add_callback(first, &cb.cb, signal_other), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(from, first->seqno, 0), ==, 0);
	ASSERT_TRUE(dma_fence_is_signaled(second));
	dma_fence_put(first);
	dma_fence_put(second);
	STAYS;
}

TEST(timelines_that_signal_each_other_is_reported)
{
	struct dma_fence_timeline *one = dma_fence_timeline_create("one");
	struct dma_fence_timeline *two = dma_fence_timeline_create("two");

	signal_along(one, two);
	ASSERT_REPORTED(signal_along(two, one), "D001", "now: a timeline's signaller",
			"signal_other", "signal_along", "before: ", "signal_other");
	dma_fence_timeline_destroy(one);
	dma_fence_timeline_destroy(two);
}

TEST(timelines_that_signal_along_a_row_is_not)
{
	struct dma_fence_timeline *tls[] = { dma_fence_timeline_create("one"),
					     dma_fence_timeline_create("two"),
					     dma_fence_timeline_create("three") };

	for (unsigned int rounds = 0; rounds < 2; rounds++) {
		signal_along(tls[0], tls[1]);
		signal_along(tls[1], tls[2]);
		signal_along(tls[0], tls[2]);
	}
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_timeline_destroy(tls[i]);
}

/* Another one now, at the same place: free() is called by the reclaimer, which keeps some back. */
TEST(timelines_that_signal_those_of_before_is_not)
{
	for (unsigned int rounds = 0; rounds < 60; rounds++) {
		struct dma_fence_timeline *one = dma_fence_timeline_create("one");
		struct dma_fence_timeline *two = dma_fence_timeline_create("two");

		if (rounds % 2)
			signal_along(one, two);
		else
			signal_along(two, one);
		dma_fence_timeline_destroy(one);
		dma_fence_timeline_destroy(two);
		dmabuf_rcu_barrier();
	}
}
