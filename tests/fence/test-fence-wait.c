/* SPDX-License-Identifier: MIT */
/* Waiting: every value, signals, and no system call too many. */
#include "waiters.h"

#include "fence/fence.h"
#include "os/futex.h"

/*
 * Values that need no sleep.
 */

TEST(a_signalled_fence_is_not_waited_for)
{
	struct dma_fence *fence = make_fence();

	dma_fence_signal(fence);
	count_syscalls();
	ASSERT_INT(dma_fence_wait(fence, true), ==, 0);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 0), ==, 1);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 77), ==, 77);
	ASSERT_INT(dma_fence_wait_timeout(fence, true, MAX_SCHEDULE_TIMEOUT), ==,
		   MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(dma_fence_default_wait(fence, false, 0), ==, 1);
	ASSERT_INT(dma_fence_default_wait(fence, true, 77), ==, 77);
	ASSERT_INT(syscall_sleeps, ==, 0);
	dma_fence_put(fence);
}

TEST(a_timeout_of_zero_only_looks)
{
	struct dma_fence *fence = make_fence();

	count_syscalls();
	ASSERT_INT(dma_fence_wait_timeout(fence, true, 0), ==, 0);
	ASSERT_INT(dma_fence_default_wait(fence, true, 0), ==, 0);
	ASSERT_INT(syscall_sleeps, ==, 0);
	dma_fence_put(fence);
}

TEST(a_timeout_of_zero_asks_the_lazy)
{
	struct asked_fence *fence = make_asked();

	ASSERT_INT(dma_fence_wait_timeout(&fence->base, false, 0), ==, 0);
	fence->done = true;
	ASSERT_INT(dma_fence_default_wait(&fence->base, false, 0), ==, 0); /* does not ask */
	ASSERT_INT(dma_fence_wait_timeout(&fence->base, false, 0), ==, 1);
	dma_fence_put(&fence->base);
}

TEST(a_negative_timeout_is_refused)
{
	struct dma_fence *fence = make_fence();

	ASSERT_WARNS(ASSERT_INT(dma_fence_wait_timeout(fence, true, -1), ==, -EINVAL),
		     "negative timeout");
	ASSERT_INT(dma_fence_default_wait(fence, true, -1), ==, -EINVAL);
	dma_fence_signal(fence);
	ASSERT_WARNS(ASSERT_INT(dma_fence_wait_timeout(fence, true, INT64_MIN), ==, -EINVAL),
		     "negative timeout");
	dma_fence_put(fence);
}

TEST(time_runs_out)
{
	struct dma_fence *fence = make_fence();

	count_syscalls();
	ASSERT_INT(dma_fence_wait_timeout(fence, true, 1), ==, 0);
	ASSERT_INT(syscall_sleeps, ==, 1);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 100000), ==, 0);
	ASSERT_INT(dma_fence_default_wait(fence, true, 100000), ==, 0);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	dma_fence_put(fence);
}

TEST(waiting_enables_signalling_and_default_wait_does_not)
{
	struct asked_fence *fence = make_asked();

	ASSERT_INT(dma_fence_default_wait(&fence->base, false, 1), ==, 0);
	ASSERT_INT(fence->enables, ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(&fence->base, false, 1), ==, 0);
	ASSERT_INT(fence->enables, ==, 1);
	ASSERT_INT(dma_fence_wait_timeout(&fence->base, false, 1), ==, 0);
	ASSERT_INT(fence->enables, ==, 1);
	dma_fence_put(&fence->base);
}

TEST(what_is_done_when_enabled_is_not_waited_for)
{
	struct asked_fence *fence = make_asked();

	fence->refuse = true;
	fence->error = -EIO;
	ASSERT_INT(dma_fence_wait(&fence->base, true), ==, 0);
	ASSERT_INT(dma_fence_get_status(&fence->base), ==, -EIO);
	dma_fence_put(&fence->base);
}

static struct {
	struct dma_fence *fence;
	bool intr;
	int64_t timeout;
	int64_t ret;
} wait_op;

static int64_t own_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	wait_op.fence = fence;
	wait_op.intr = intr;
	wait_op.timeout = timeout;
	return wait_op.ret;
}

TEST(the_wait_op_waits_where_there_is_one)
{
	static const struct dma_fence_ops ops = {
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
		.wait = own_wait,
	};
	struct dma_fence *fence = make_fence_with(&ops, NULL, 1, 1);

	wait_op.ret = 5;
	ASSERT_INT(dma_fence_wait_timeout(fence, true, 42), ==, 5);
	ASSERT_PTR(wait_op.fence, ==, fence);
	ASSERT_TRUE(wait_op.intr);
	ASSERT_INT(wait_op.timeout, ==, 42);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_FALSE(wait_op.intr);
	ASSERT_INT(wait_op.timeout, ==, MAX_SCHEDULE_TIMEOUT);
	wait_op.ret = -ERESTARTSYS;
	ASSERT_INT(dma_fence_wait(fence, true), ==, -ERESTARTSYS);
	dma_fence_signal(fence); /* is for the op to see */
	ASSERT_INT(dma_fence_wait(fence, true), ==, -ERESTARTSYS);
	dma_fence_put(fence);
}

/*
 * The moment before sleep, when others still act.
 */

TEST(a_signal_just_before_sleep_is_not_missed)
{
	struct dma_fence *fence = make_fence();
	int64_t left;

	hook(fence, signal_before_sleep);
	left = dma_fence_wait_timeout(fence, false, LONG_TIME);
	ASSERT_INT(left, >, 0);
	ASSERT_INT(left, <=, LONG_TIME);
	ASSERT_INT(syscall_sleeps, ==, 1);
	dma_fence_put(fence);
}

TEST(a_signal_before_sleep_costs_no_system_call)
{
	struct dma_fence *fence = make_fence();

	hook(fence, signal_before_spin);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, LONG_TIME), >, 0);
	ASSERT_INT(hooked, ==, 1);
	ASSERT_INT(syscall_sleeps, ==, 0);
	ASSERT_INT(syscall_wakes, ==, 0);
	/* It did not even begin to sleep. */
	if (os_spin_limit())
		ASSERT_FALSE(fence->flags & HAS_WAITERS);
	dma_fence_put(fence);
}

TEST(success_is_never_zero)
{
	struct dma_fence *fence = make_fence();

	/* All of its one nanosecond is over when it is seen to have signalled. */
	hook(fence, signal_before_sleep);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 1), ==, 1);
	dma_fence_put(fence);
}

TEST(a_wait_without_end_says_so)
{
	struct dma_fence *fence = make_fence();

	hook(fence, signal_before_sleep);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, MAX_SCHEDULE_TIMEOUT), ==,
		   MAX_SCHEDULE_TIMEOUT);
	dma_fence_put(fence);
}

TEST(a_timeout_beyond_the_end_of_time_does_not_overflow)
{
	struct dma_fence *fence = make_fence();

	hook(fence, signal_before_sleep);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, MAX_SCHEDULE_TIMEOUT - 1), >, LONG_TIME);
	dma_fence_put(fence);
}

static struct waiter latecomer;
static struct test_thread *latecomers_thread;

/* The signaller has looked at the flags already. */
static void announce_a_waiter(const char *label)
{
	if (strcmp(label, "signal: before SIGNALED") || hooked++)
		return;
	latecomers_thread = start_waiting(&latecomer);
	WAIT_UNTIL(load_acquire(&latecomer.fence->flags) & HAS_WAITERS);
}

TEST(a_waiter_that_comes_in_the_middle_of_a_signal_is_not_missed)
{
	struct dma_fence *fence = make_fence();

	latecomer = (struct waiter){ .fence = fence, .timeout = MAX_SCHEDULE_TIMEOUT };
	hook(fence, announce_a_waiter);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	test_thread_join(latecomers_thread);
	ASSERT_INT(latecomer.ret, ==, MAX_SCHEDULE_TIMEOUT);
	dma_fence_put(fence);
}

static unsigned long hooked_bits;

static void set_bits_then_signal(const char *label)
{
	count_syscall(label);
	if (strcmp(label, "futex: before sleep"))
		return;
	if (hooked++ < 3)
		fetch_or_relaxed(&hooked_fence->flags, hooked_bits << hooked);
	else if (hooked == 4)
		dma_fence_signal(hooked_fence);
}

/* A user's bit changes the word that a waiter is about to sleep on. */
TEST(users_bits_set_before_sleep_do_not_end_the_wait)
{
	struct dma_fence *fence = make_fence();

	hooked_bits = 1ul << DMA_FENCE_FLAG_USER_BITS;
	hook(fence, set_bits_then_signal);
	ASSERT_INT(dma_fence_wait(fence, true), ==, 0);
	ASSERT_INT(syscall_sleeps, ==, 4);
	dma_fence_put(fence);
}

TEST(users_bits_outside_of_the_futex_do_not_matter)
{
	struct dma_fence *fence = make_fence();

	if (sizeof(fence->flags) == 8) {
		fetch_or_relaxed(&fence->flags, 1ul << (8 * sizeof(fence->flags) - 2));
		ASSERT_INT(dma_fence_wait_timeout(fence, false, 1), ==, 0);
		ASSERT_INT(*fence_futex(fence), ==, INITIALIZED | INLINE_LOCK | ENABLE_SIGNAL | HAS_WAITERS);
	}
	dma_fence_put(fence);
}

/*
 * A waiter in another thread.
 */

static struct test_thread *start_waiter(struct waiter *waiter)
{
	struct test_thread *thread;

	count_syscalls();
	thread = test_thread_start(wait_in_thread, waiter);
	WAIT_UNTIL(load_acquire(&waiter->started) && load_acquire(&syscall_sleeps));
	return thread;
}

TEST(a_sleeper_is_woken)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .timeout = MAX_SCHEDULE_TIMEOUT };
	struct test_thread *thread = start_waiter(&waiter);

	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, ==, MAX_SCHEDULE_TIMEOUT);
	ASSERT_INT(syscall_wakes, ==, 1);
	dma_fence_put(fence);
}

static void see_lock_free_at_wake(const char *label)
{
	if (!strcmp(label, "futex: wake"))
		ASSERT_FALSE(dmabuf_spin_is_locked(dma_fence_spinlock(hooked_fence)));
	count_syscall(label);
}

/* Trap 10. */
TEST(a_sleeper_is_woken_after_the_lock_is_dropped)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .timeout = MAX_SCHEDULE_TIMEOUT };
	struct test_thread *thread = start_waiter(&waiter);
	struct counting_cb cb = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	hook(fence, see_lock_free_at_wake);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_INT(syscall_wakes, ==, 1);
	test_thread_join(thread);
	dma_fence_put(fence);
}

TEST(a_sleeper_is_woken_by_every_way_to_signal)
{
	for (unsigned int way = 0; way < 4; way++) {
		struct asked_fence *fence = make_asked();
		struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
		struct waiter waiter = { .fence = &fence->base, .timeout = MAX_SCHEDULE_TIMEOUT };
		struct test_thread *thread;
		unsigned long flags;

		if (way == 3)
			dma_fence_init(&fence->base, &asked_ops, &lock, 1, 1);
		thread = start_waiter(&waiter);
		switch (way) {
		case 0:
			dma_fence_lock_irqsave(&fence->base, flags);
			ASSERT_INT(dma_fence_signal_locked(&fence->base), ==, 0);
			dma_fence_unlock_irqrestore(&fence->base, flags);
			break;
		case 1:
			store_release(&fence->done, true);
			ASSERT_TRUE(dma_fence_is_signaled(&fence->base));
			break;
		case 2:
			store_release(&fence->done, true);
			dma_fence_lock_irqsave(&fence->base, flags);
			ASSERT_TRUE(dma_fence_is_signaled_locked(&fence->base));
			dma_fence_unlock_irqrestore(&fence->base, flags);
			break;
		case 3:
			ASSERT_INT(dma_fence_signal(&fence->base), ==, 0);
			break;
		}
		test_thread_join(thread);
		ASSERT_INT(waiter.ret, ==, MAX_SCHEDULE_TIMEOUT);
		dma_fence_put(&fence->base);
	}
}

/* default_wait() sleeps on a fence that nobody enabled; a refused enable signals it. */
TEST(a_sleeper_is_woken_when_enabling_finds_the_work_done)
{
	static const struct dma_fence_ops unasked_ops = {
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
		.enable_signaling = asked_enable,
		.wait = dma_fence_default_wait,
	};
	struct asked_fence *fence = make_asked();
	struct waiter waiter = { .fence = &fence->base, .timeout = MAX_SCHEDULE_TIMEOUT };
	struct test_thread *thread;

	dma_fence_init(&fence->base, &unasked_ops, NULL, 1, 1);
	fence->base.flags |= ENABLE_SIGNAL; /* so that the waiter does not */
	thread = start_waiter(&waiter);
	__atomic_fetch_and(&fence->base.flags, ~(unsigned long)ENABLE_SIGNAL, __ATOMIC_RELAXED);
	fence->refuse = true;
	dma_fence_enable_sw_signaling(&fence->base);
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, ==, MAX_SCHEDULE_TIMEOUT);
	dma_fence_put(&fence->base);
}

#define SLEEPERS 3

static void wait_for_shared(unsigned int index, void *arg)
{
	struct dma_fence *fence = arg;

	if (index) {
		ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
		return;
	}
	WAIT_UNTIL(load_acquire(&syscall_sleeps) >= SLEEPERS);
	dma_fence_signal(fence);
}

TEST(all_sleepers_are_woken_at_once)
{
	struct dma_fence *fence = make_fence();

	/* Now, so that no waiter takes the fence's lock, which may sleep and wake, too. */
	dma_fence_enable_sw_signaling(fence);
	count_syscalls();
	test_threads(1 + SLEEPERS, wait_for_shared, fence);
	ASSERT_INT(syscall_wakes, ==, 1);
	dma_fence_put(fence);
}

TEST(users_bits_set_while_somebody_sleeps_do_not_lose_the_wake)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .timeout = MAX_SCHEDULE_TIMEOUT };
	struct test_thread *thread = start_waiter(&waiter);

	fetch_or_relaxed(&fence->flags, 1ul << DMA_FENCE_FLAG_USER_BITS);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	test_thread_join(thread);
	ASSERT_INT(syscall_wakes, ==, 1);
	dma_fence_put(fence);
}

/*
 * No system call where nobody waits.
 */

static void ignore(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
}

TEST(signalling_where_nobody_waits_makes_no_system_call)
{
	struct dma_fence *bare = make_fence(), *watched = make_fence(), *polled = make_fence();
	struct dma_fence_cb cb;

	count_syscalls();
	ASSERT_INT(dma_fence_add_callback(watched, &cb, ignore), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(polled, true, 0), ==, 0);
	dma_fence_signal(bare);
	dma_fence_signal(watched);
	dma_fence_signal(polled);
	ASSERT_INT(syscall_wakes, ==, 0);
	ASSERT_INT(syscall_sleeps, ==, 0);
	dma_fence_put(bare);
	dma_fence_put(watched);
	dma_fence_put(polled);
}

/*
 * Signals, of the other kind.
 */

static void interrupt_a_wait(int flags)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .intr = true, .timeout = MAX_SCHEDULE_TIMEOUT };
	struct test_thread *thread;

	catch_signals(flags);
	thread = start_waiter(&waiter);
	DISTURB_UNTIL(&waiter, load_acquire(&waiter.returned));
	test_thread_join(thread);
	ASSERT_INT(handled, >, 0);
	ASSERT_INT(waiter.ret, ==, -ERESTARTSYS);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	dma_fence_put(fence);
}

TEST(a_handler_ends_an_interruptible_wait)
{
	interrupt_a_wait(0);
}

TEST(a_handler_ends_an_interruptible_wait_also_with_sa_restart)
{
	interrupt_a_wait(SA_RESTART);
}

static void default_wait(void *arg)
{
	struct waiter *waiter = arg;

	waiter->thread = pthread_self();
	store_release(&waiter->started, true);
	waiter->ret = dma_fence_default_wait(waiter->fence, waiter->intr, waiter->timeout);
	store_release(&waiter->returned, true);
}

TEST(a_handler_ends_the_wait_itself)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .intr = true, .timeout = LONG_TIME };
	struct test_thread *thread;

	catch_signals(0);
	thread = test_thread_start(default_wait, &waiter);
	WAIT_UNTIL(load_acquire(&waiter.started));
	DISTURB_UNTIL(&waiter, load_acquire(&waiter.returned));
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, ==, -ERESTARTSYS);
	dma_fence_put(fence);
}

/* The work was done when the handler's end let the waiter look again. */
TEST(a_fence_that_has_signalled_is_worth_more_than_a_handler)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .intr = true, .timeout = MAX_SCHEDULE_TIMEOUT };
	struct test_thread *thread;

	catch_signals(0);
	thread = start_waiter(&waiter);
	hook(fence, signal_when_interrupted);
	DISTURB_UNTIL(&waiter, load_acquire(&waiter.returned));
	test_thread_join(thread);
	ASSERT_INT(hooked, ==, 1);
	ASSERT_INT(waiter.ret, ==, MAX_SCHEDULE_TIMEOUT);
	dma_fence_put(fence);
}

static void disturb_a_wait(int flags, int64_t timeout)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .intr = false, .timeout = timeout };
	struct test_thread *thread;

	catch_signals(flags);
	thread = start_waiter(&waiter);
	/* It goes to sleep again each time. */
	DISTURB_UNTIL(&waiter, load_acquire(&syscall_sleeps) >= 5);
	ASSERT_FALSE(load_acquire(&waiter.returned));
	dma_fence_signal(fence);
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, >, 0);
	dma_fence_put(fence);
}

TEST(a_handler_does_not_end_an_uninterruptible_wait)
{
	disturb_a_wait(0, MAX_SCHEDULE_TIMEOUT);
	disturb_a_wait(0, LONG_TIME);
	disturb_a_wait(SA_RESTART, LONG_TIME);
}

TEST(what_is_left_of_a_timeout_is_never_more_than_it_was)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .timeout = INT64_MAX - 1 };
	struct test_thread *thread = start_waiter(&waiter);

	dma_fence_signal(fence);
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, >, 0);
	ASSERT_INT(waiter.ret, <=, INT64_MAX - 1);
	dma_fence_put(fence);
}

TEST(an_interruptible_wait_that_is_left_alone_succeeds)
{
	struct dma_fence *fence = make_fence();
	struct waiter waiter = { .fence = fence, .intr = true, .timeout = LONG_TIME };
	struct test_thread *thread = start_waiter(&waiter);

	dma_fence_signal(fence);
	test_thread_join(thread);
	ASSERT_INT(waiter.ret, >, 0);
	ASSERT_INT(waiter.ret, <=, LONG_TIME);
	dma_fence_put(fence);
}
