/* SPDX-License-Identifier: MIT */
/* Waiting for any of several fences. */
#include "waiters.h"

#define MANY 3

static void make_many(struct dma_fence **fences)
{
	for (unsigned int i = 0; i < MANY; i++)
		fences[i] = make_fence();
}

static void put_many(struct dma_fence **fences)
{
	for (unsigned int i = 0; i < MANY; i++)
		dma_fence_put(fences[i]);
}

TEST(wait_any_refuses_what_makes_no_sense)
{
	struct dma_fence *fences[MANY];
	uint32_t idx = 99;

	make_many(fences);
	ASSERT_WARNS(ASSERT_INT(dma_fence_wait_any_timeout(fences, 0, true, 1, &idx), ==, -EINVAL),
		     "no fences");
	ASSERT_WARNS(ASSERT_INT(dma_fence_wait_any_timeout(NULL, 1, true, 1, &idx), ==, -EINVAL),
		     "no fences");
	ASSERT_WARNS(ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, true, -1, &idx), ==, -EINVAL),
		     "negative timeout");
	ASSERT_INT(idx, ==, 99);
	put_many(fences);
}

TEST(wait_any_looks_before_it_sleeps)
{
	struct dma_fence *fences[MANY];
	uint32_t idx = 99;

	make_many(fences);
	count_syscalls();
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, true, 0, &idx), ==, 0);
	ASSERT_INT(idx, ==, 99);
	dma_fence_signal(fences[1]);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, true, 0, &idx), ==, 1);
	ASSERT_INT(idx, ==, 1);
	idx = 99;
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, false, 55, &idx), ==, 55);
	ASSERT_INT(idx, ==, 1);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, false, MAX_SCHEDULE_TIMEOUT, NULL), ==,
		   MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(syscall_sleeps, ==, 0);
	put_many(fences);
}

TEST(wait_any_runs_out_of_time_and_leaves_nothing_registered)
{
	struct dma_fence *fences[MANY];
	uint32_t idx = 99;

	make_many(fences);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, true, 1, &idx), ==, 0);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, false, 100000, NULL), ==, 0);
	ASSERT_INT(idx, ==, 99);
	for (unsigned int i = 0; i < MANY; i++) {
		ASSERT_PTR(fences[i]->cb_list.next, ==, &fences[i]->cb_list);
		dma_fence_signal(fences[i]);
	}
	put_many(fences);
}

TEST(wait_any_survives_a_lack_of_memory)
{
	struct dma_fence *fences[MANY];
	uint32_t idx = 99;
	int64_t ret;

	make_many(fences);
	os_fault_arm(1);
	ret = dma_fence_wait_any_timeout(fences, MANY, true, 1, &idx);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_INT(ret, ==, -ENOMEM);
	ASSERT_INT(idx, ==, 99);
	put_many(fences);
}

TEST(wait_any_enables_and_finds_what_is_done_then)
{
	struct asked_fence *lazy = make_asked(), *done = make_asked();
	struct dma_fence *fences[] = { &lazy->base, &done->base };
	uint32_t idx = 99;

	done->refuse = true;
	ASSERT_INT(dma_fence_wait_any_timeout(fences, 2, true, LONG_TIME, &idx), >, 0);
	ASSERT_INT(idx, ==, 1);
	ASSERT_INT(lazy->enables, ==, 1);
	ASSERT_PTR(lazy->base.cb_list.next, ==, &lazy->base.cb_list);
	dma_fence_put(&lazy->base);
	dma_fence_put(&done->base);
}

struct any {
	struct dma_fence **fences;
	struct waiter waiter;
	uint32_t idx;
};

static void wait_any_in_thread(void *arg)
{
	struct any *any = arg;

	any->waiter.thread = pthread_self();
	store_release(&any->waiter.started, true);
	any->waiter.ret = dma_fence_wait_any_timeout(any->fences, MANY, any->waiter.intr,
						     any->waiter.timeout, &any->idx);
	store_release(&any->waiter.returned, true);
}

static struct test_thread *start_any(struct any *any)
{
	struct test_thread *thread;

	count_syscalls();
	thread = test_thread_start(wait_any_in_thread, any);
	WAIT_UNTIL(load_acquire(&any->waiter.started) && load_acquire(&syscall_sleeps));
	return thread;
}

TEST(wait_any_is_woken_by_each_of_them)
{
	for (unsigned int i = 0; i < MANY; i++) {
		struct dma_fence *fences[MANY];
		struct any any = { fences, { .timeout = LONG_TIME }, 99 };
		struct test_thread *thread;

		make_many(fences);
		thread = start_any(&any);
		dma_fence_signal(fences[i]);
		test_thread_join(thread);
		ASSERT_INT(any.waiter.ret, >, 0);
		ASSERT_INT(any.waiter.ret, <=, LONG_TIME);
		ASSERT_INT(any.idx, ==, i);
		ASSERT_INT(syscall_wakes, >=, 1); /* a contended lock may add its own */
		put_many(fences);
	}
}

TEST(wait_any_is_ended_by_a_handler)
{
	const int flags[] = { 0, SA_RESTART };

	for (unsigned int i = 0; i < 2; i++) {
		struct dma_fence *fences[MANY];
		struct any any = { fences, { .intr = true, .timeout = MAX_SCHEDULE_TIMEOUT }, 99 };
		struct test_thread *thread;

		make_many(fences);
		catch_signals(flags[i]);
		thread = start_any(&any);
		DISTURB_UNTIL(&any.waiter, load_acquire(&any.waiter.returned));
		test_thread_join(thread);
		ASSERT_INT(any.waiter.ret, ==, -ERESTARTSYS);
		ASSERT_INT(any.idx, ==, 99);
		ASSERT_PTR(fences[0]->cb_list.next, ==, &fences[0]->cb_list);
		put_many(fences);
	}
}

TEST(wait_any_would_rather_tell_of_a_signal_than_of_a_handler)
{
	struct dma_fence *fences[MANY];
	struct any any = { fences, { .intr = true, .timeout = MAX_SCHEDULE_TIMEOUT }, 99 };
	struct test_thread *thread;

	make_many(fences);
	catch_signals(0);
	thread = start_any(&any);
	hook(fences[1], signal_when_interrupted);
	DISTURB_UNTIL(&any.waiter, load_acquire(&any.waiter.returned));
	test_thread_join(thread);
	ASSERT_INT(hooked, ==, 1);
	ASSERT_INT(any.waiter.ret, ==, MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(any.idx, ==, 1);
	put_many(fences);
}

TEST(wait_any_goes_on_after_a_handler_if_told_so)
{
	struct dma_fence *fences[MANY];
	struct any any = { fences, { .timeout = MAX_SCHEDULE_TIMEOUT }, 99 };
	struct test_thread *thread;

	make_many(fences);
	catch_signals(0);
	thread = start_any(&any);
	DISTURB_UNTIL(&any.waiter, load_acquire(&syscall_sleeps) >= 5);
	ASSERT_FALSE(load_acquire(&any.waiter.returned));
	dma_fence_signal(fences[2]);
	test_thread_join(thread);
	ASSERT_INT(any.waiter.ret, ==, MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(any.idx, ==, 2);
	put_many(fences);
}

TEST(a_signal_just_before_wait_any_sleeps_is_not_missed)
{
	struct dma_fence *fences[MANY];
	uint32_t idx = 99;

	make_many(fences);
	hook(fences[2], signal_before_sleep);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, true, LONG_TIME, &idx), >, 0);
	ASSERT_INT(idx, ==, 2);
	put_many(fences);
}

static void signal_at_second_registration(const char *label)
{
	count_syscall(label);
	if (!strcmp(label, "add_callback: before HAS_CALLBACKS") && ++hooked == 2)
		dma_fence_signal(hooked_fence);
}

TEST(wait_any_that_is_still_awake_needs_no_wake)
{
	struct dma_fence *fences[MANY];
	uint32_t idx = 99;

	make_many(fences);
	hook(fences[0], signal_at_second_registration);
	ASSERT_INT(dma_fence_wait_any_timeout(fences, MANY, true, LONG_TIME, &idx), >, 0);
	ASSERT_INT(idx, ==, 0);
	ASSERT_INT(syscall_sleeps, ==, 0);
	ASSERT_INT(syscall_wakes, ==, 0);
	put_many(fences);
}
