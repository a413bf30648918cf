/* SPDX-License-Identifier: MIT */
/* Callbacks: when they run, how often, in which order, and what they may do. */
#include "fence/fence.h"
#include "fences.h"

/*
 * Registering.
 */

TEST(a_callback_runs_once)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	ASSERT_INT(cb.calls, ==, 0);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_INT(cb.calls, ==, 1);
	ASSERT_INT(dma_fence_signal(fence), ==, -EINVAL);
	ASSERT_INT(cb.calls, ==, 1);
	dma_fence_put(fence);
}

TEST(a_signalled_fence_takes_no_callbacks)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };

	dma_fence_signal(fence);
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, -ENOENT);
	ASSERT_INT(cb.calls, ==, 0);
	/* Initialised nevertheless, so that removing it is safe. */
	ASSERT_FALSE(dma_fence_remove_callback(fence, &cb.cb));
	dma_fence_put(fence);
}

TEST(add_callback_needs_all_it_is_given)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb;

	ASSERT_WARNS(ASSERT_INT(dma_fence_add_callback(NULL, &cb.cb, count_call), ==, -EINVAL),
		     "without fence");
	ASSERT_WARNS(ASSERT_INT(dma_fence_add_callback(fence, NULL, count_call), ==, -EINVAL),
		     "without fence");
	ASSERT_WARNS(ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, NULL), ==, -EINVAL),
		     "without fence");
	dma_fence_put(fence);
}

static unsigned int order[8], ordered;

struct ordered_cb {
	struct dma_fence_cb cb;
	unsigned int number;
};

static void note_order(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	order[ordered++] = container_of(cb, struct ordered_cb, cb)->number;
}

TEST(callbacks_run_in_the_order_in_which_they_were_added)
{
	struct dma_fence *fence = make_fence();
	struct ordered_cb cbs[5];

	ordered = 0;
	for (unsigned int i = 0; i < 5; i++) {
		cbs[i].number = i;
		ASSERT_INT(dma_fence_add_callback(fence, &cbs[i].cb, note_order), ==, 0);
	}
	ASSERT_TRUE(dma_fence_remove_callback(fence, &cbs[2].cb));
	ASSERT_INT(dma_fence_add_callback(fence, &cbs[2].cb, note_order), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(ordered, ==, 5);
	ASSERT_INT(order[0], ==, 0);
	ASSERT_INT(order[1], ==, 1);
	ASSERT_INT(order[2], ==, 3);
	ASSERT_INT(order[3], ==, 4);
	ASSERT_INT(order[4], ==, 2);
	dma_fence_put(fence);
}

/*
 * Removing.
 */

TEST(a_removed_callback_does_not_run)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb removed = { .calls = 0 }, kept = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &removed.cb, count_call), ==, 0);
	ASSERT_INT(dma_fence_add_callback(fence, &kept.cb, count_call), ==, 0);
	ASSERT_TRUE(dma_fence_remove_callback(fence, &removed.cb));
	ASSERT_FALSE(dma_fence_remove_callback(fence, &removed.cb));
	dma_fence_signal(fence);
	ASSERT_INT(removed.calls, ==, 0);
	ASSERT_INT(kept.calls, ==, 1);
	dma_fence_put(fence);
}

TEST(what_has_run_cannot_be_removed)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	dma_fence_signal(fence);
	ASSERT_FALSE(dma_fence_remove_callback(fence, &cb.cb));
	dma_fence_put(fence);
}

TEST(a_fence_whose_callbacks_were_all_removed_signals_and_goes_quietly)
{
	struct dma_fence *signalled = make_fence(), *dropped = make_fence();
	struct counting_cb cb = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(signalled, &cb.cb, count_call), ==, 0);
	ASSERT_TRUE(dma_fence_remove_callback(signalled, &cb.cb));
	ASSERT_INT(dma_fence_signal_timestamp(signalled, 99), ==, 0);
	ASSERT_INT(dma_fence_timestamp(signalled), ==, 99);
	ASSERT_INT(dma_fence_add_callback(dropped, &cb.cb, count_call), ==, 0);
	ASSERT_TRUE(dma_fence_remove_callback(dropped, &cb.cb));
	dma_fence_put(dropped);
	dma_fence_put(signalled);
	ASSERT_INT(cb.calls, ==, 0);
}

/*
 * Inside.
 */

static void look_around(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	dma_fence_assert_held(fence);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_TRUE(dma_fence_is_signaled_locked(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, -EIO);
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 0), ==, 1);
	ASSERT_INT(dma_fence_signal(fence), ==, -EINVAL);
	count_call(fence, cb);
}

TEST(inside_a_callback_all_of_the_fence_is_known)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *fences[] = { make_fence(), make_fence_with(&plain_ops, &lock, 1, 1) };

	for (unsigned int i = 0; i < 2; i++) {
		struct counting_cb cb = { .calls = 0 };

		ASSERT_INT(dma_fence_add_callback(fences[i], &cb.cb, look_around), ==, 0);
		dma_fence_set_error(fences[i], -EIO);
		dma_fence_signal_timestamp(fences[i], 4711);
		ASSERT_INT(cb.calls, ==, 1);
		dma_fence_put(fences[i]);
	}
}

static struct dma_fence *next_fence;

static void register_again(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ASSERT_INT(dma_fence_add_callback(fence, cb, register_again), ==, -ENOENT);
	ASSERT_INT(dma_fence_add_callback(next_fence, cb, count_call), ==, 0);
}

TEST(a_callback_may_register_its_room_elsewhere)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 }, other = { .calls = 0 };

	next_fence = make_fence();
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, register_again), ==, 0);
	ASSERT_INT(dma_fence_add_callback(fence, &other.cb, count_call), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(cb.calls, ==, 0);
	ASSERT_INT(other.calls, ==, 1);
	dma_fence_signal(next_fence);
	ASSERT_INT(cb.calls, ==, 1);
	dma_fence_put(fence);
	dma_fence_put(next_fence);
}

static void free_room(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	memset(cb, 0xa5, sizeof(*cb));
	free(cb);
}

TEST(a_callback_may_free_its_room)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb last = { .calls = 0 };

	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence_cb *cb = malloc(sizeof(*cb));

		ASSERT_INT(dma_fence_add_callback(fence, cb, free_room), ==, 0);
	}
	ASSERT_INT(dma_fence_add_callback(fence, &last.cb, count_call), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(last.calls, ==, 1);
	dma_fence_put(fence);
}

static void signal_next_fence(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ASSERT_INT(dma_fence_signal(next_fence), ==, 0);
	dma_fence_put(next_fence);
	count_call(fence, cb);
}

TEST(a_callback_may_signal_and_put_another_fence)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 }, nested = { .calls = 0 };

	next_fence = make_fence();
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, signal_next_fence), ==, 0);
	ASSERT_INT(dma_fence_add_callback(next_fence, &nested.cb, count_call), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(cb.calls, ==, 1);
	ASSERT_INT(nested.calls, ==, 1);
	dma_fence_put(fence);
}

static void put_own_reference(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)cb;
	dma_fence_put(fence);
}

TEST(a_callback_may_put_its_registrars_reference)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence_cb cb;

	dma_fence_get(fence);
	ASSERT_INT(dma_fence_add_callback(fence, &cb, put_own_reference), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(fence->refcount.count, ==, 1);
	dma_fence_put(fence);
}

/*
 * Enabling.
 */

TEST(signalling_is_enabled_at_most_once)
{
	struct asked_fence *fence = make_asked();
	struct counting_cb cbs[2] = { { .calls = 0 } };

	ASSERT_FALSE(fence->base.flags & ENABLE_SIGNAL);
	ASSERT_INT(dma_fence_add_callback(&fence->base, &cbs[0].cb, count_call), ==, 0);
	ASSERT_TRUE(fence->base.flags & ENABLE_SIGNAL);
	ASSERT_INT(fence->enables, ==, 1);
	ASSERT_INT(dma_fence_add_callback(&fence->base, &cbs[1].cb, count_call), ==, 0);
	dma_fence_enable_sw_signaling(&fence->base);
	ASSERT_INT(fence->enables, ==, 1);
	dma_fence_signal(&fence->base);
	ASSERT_INT(cbs[0].calls, ==, 1);
	ASSERT_INT(cbs[1].calls, ==, 1);
	dma_fence_put(&fence->base);
}

static void enable_shared(unsigned int index, void *arg)
{
	struct dma_fence *fence = arg;
	struct counting_cb cb = { .calls = 0 };

	if (index % 2) {
		dma_fence_enable_sw_signaling(fence);
	} else if (!dma_fence_add_callback(fence, &cb.cb, count_call)) {
		ASSERT_TRUE(dma_fence_remove_callback(fence, &cb.cb));
	}
}

TORTURE(signalling_is_enabled_once_by_many_threads)
{
	for (unsigned int i = 0; i < test_rounds(100); i++) {
		struct asked_fence *fence = make_asked();

		test_race_begin();
		test_threads(4, enable_shared, &fence->base);
		test_operation();
		test_race_end();
		ASSERT_INT(fence->enables, ==, 1);
		dma_fence_put(&fence->base);
	}
}

TEST(a_signalled_fence_is_not_enabled)
{
	struct asked_fence *fence = make_asked();

	dma_fence_signal(&fence->base);
	dma_fence_enable_sw_signaling(&fence->base);
	ASSERT_INT(fence->enables, ==, 0);
	dma_fence_put(&fence->base);
}

TEST(enabling_that_finds_the_work_done_signals)
{
	struct asked_fence *added = make_asked(), *enabled = make_asked();
	struct counting_cb cb = { .calls = 0 };

	added->refuse = enabled->refuse = true;
	enabled->error = -ETIME;
	ASSERT_INT(dma_fence_add_callback(&added->base, &cb.cb, count_call), ==, -ENOENT);
	ASSERT_INT(cb.calls, ==, 0);
	ASSERT_INT(dma_fence_get_status(&added->base), ==, 1);
	dma_fence_enable_sw_signaling(&enabled->base);
	ASSERT_INT(dma_fence_get_status(&enabled->base), ==, -ETIME);
	dma_fence_put(&added->base);
	dma_fence_put(&enabled->base);
}

TEST(a_lazy_fence_that_is_asked_runs_its_callbacks)
{
	struct asked_fence *fence = make_asked();
	struct counting_cb cb = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(&fence->base, &cb.cb, count_call), ==, 0);
	ASSERT_FALSE(dma_fence_is_signaled(&fence->base));
	ASSERT_INT(cb.calls, ==, 0);
	fence->done = true;
	ASSERT_TRUE(dma_fence_is_signaled(&fence->base));
	ASSERT_INT(cb.calls, ==, 1);
	dma_fence_put(&fence->base);
}

/*
 * Locks.
 */

TEST(signal_locked_runs_callbacks_too)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *fence = make_fence_with(&plain_ops, &lock, 1, 1);
	struct counting_cb cb = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	dmabuf_spin_lock(&lock);
	ASSERT_INT(dma_fence_signal_locked(fence), ==, 0);
	ASSERT_INT(cb.calls, ==, 1);
	dmabuf_spin_unlock(&lock);
	dma_fence_put(fence);
}

TEST(fences_may_share_one_lock)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *first = make_fence_with(&plain_ops, &lock, 1, 1);
	struct dma_fence *second = make_fence_with(&plain_ops, &lock, 1, 2);
	struct counting_cb cbs[2] = { { .calls = 0 } };

	ASSERT_INT(dma_fence_add_callback(first, &cbs[0].cb, count_call), ==, 0);
	ASSERT_INT(dma_fence_add_callback(second, &cbs[1].cb, count_call), ==, 0);
	dmabuf_spin_lock(&lock);
	ASSERT_INT(dma_fence_signal_locked(first), ==, 0);
	ASSERT_INT(dma_fence_signal_locked(second), ==, 0);
	dmabuf_spin_unlock(&lock);
	ASSERT_INT(cbs[0].calls, ==, 1);
	ASSERT_INT(cbs[1].calls, ==, 1);
	dma_fence_put(first);
	dma_fence_put(second);
}

TEST(a_fence_with_its_own_lock_and_no_callbacks_signals_without_it)
{
	struct dma_fence *fence = make_fence();
	unsigned long flags;

	dma_fence_lock_irqsave(fence, flags);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	dma_fence_unlock_irqrestore(fence, flags);
	dma_fence_put(fence);
}

static void signal_it(void *arg)
{
	dma_fence_signal(arg);
}

/* Its creator may rely on that: who holds the lock sees no fence of it signal. */
TEST(a_fence_with_its_creators_lock_never_signals_without_it)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *fence = make_fence_with(&plain_ops, &lock, 1, 1);
	struct test_thread *thread;

	dmabuf_spin_lock(&lock);
	count_syscalls();
	thread = test_thread_start(signal_it, fence);
	WAIT_UNTIL(load_acquire(&syscall_sleeps) || dma_fence_test_signaled_flag(fence));
	ASSERT_FALSE(dma_fence_test_signaled_flag(fence));
	dmabuf_spin_unlock(&lock);
	test_thread_join(thread);
	ASSERT_TRUE(dma_fence_test_signaled_flag(fence));
	dma_fence_put(fence);
}

struct watched {
	struct dma_fence *fence;
	struct counting_cb cbs[3];
};

static void signal_or_watch(unsigned int index, void *arg)
{
	struct watched *watched = arg;
	unsigned long flags;

	if (!index) {
		dma_fence_signal(watched->fence);
		return;
	}
	WAIT_UNTIL(dma_fence_test_signaled_flag(watched->fence));
	dma_fence_lock_irqsave(watched->fence, flags);
	dma_fence_unlock_irqrestore(watched->fence, flags);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_INT(load_relaxed(&watched->cbs[i].calls), ==, 1);
}

/* 10.7 */
TORTURE(who_sees_signalled_and_passes_the_lock_knows_that_all_callbacks_ran)
{
	for (unsigned int i = 0; i < test_rounds(500); i++) {
		struct watched watched = { .fence = make_fence() };

		for (unsigned int k = 0; k < 3; k++)
			dma_fence_add_callback(watched.fence, &watched.cbs[k].cb, count_call);
		test_race_begin();
		test_threads(3, signal_or_watch, &watched);
		test_operation();
		test_race_end();
		dma_fence_put(watched.fence);
	}
}

/*
 * Release without a signal.
 */

static void expect_deadlock(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ASSERT_INT(dma_fence_get_status(fence), ==, -EDEADLK);
	count_call(fence, cb);
}

TEST(an_abandoned_fence_warns_and_tells_its_callbacks)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *fences[] = { make_fence_with(&plain_ops, NULL, 61, 62),
				       make_fence_with(&plain_ops, &lock, 61, 62) };

	for (unsigned int i = 0; i < 2; i++) {
		struct counting_cb cb = { .calls = 0 };

		ASSERT_INT(dma_fence_add_callback(fences[i], &cb.cb, expect_deadlock), ==, 0);
		ASSERT_WARNS(dma_fence_put(fences[i]), "driver timeline 61:62 released before it signalled");
		ASSERT_INT(cb.calls, ==, 1);
	}
}

/*
 * The windows of the diagram in dma-fence.c, each entered on purpose.
 */

static struct dma_fence *raced_fence;
static struct counting_cb raced_cb;
static unsigned int raced;

static void enter_window(struct dma_fence *fence, void (*func)(const char *label))
{
	raced_fence = fence;
	raced_cb.calls = 0;
	raced = 0;
	os_race_hook(func);
}

static void signal_before_c1(const char *label)
{
	if (!strcmp(label, "add_callback: before HAS_CALLBACKS") && !raced++)
		ASSERT_INT(dma_fence_signal(raced_fence), ==, 0);
}

TEST(a_signal_that_comes_before_the_registration_refuses_it)
{
	struct dma_fence *fence = make_fence();
	struct counting_cb cb = { .calls = 0 };

	enter_window(fence, signal_before_c1);
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, -ENOENT);
	ASSERT_INT(raced, ==, 1);
	ASSERT_INT(cb.calls, ==, 0);
	ASSERT_FALSE(dma_fence_remove_callback(fence, &cb.cb));
	dma_fence_put(fence);
}

static void register_before_s1(const char *label)
{
	if (!strcmp(label, "signal: before SIGNALED") && !raced++)
		ASSERT_INT(dma_fence_add_callback(raced_fence, &raced_cb.cb, count_call), ==, 0);
}

TEST(a_registration_that_comes_before_the_signal_runs)
{
	struct dma_fence *fence = make_fence();

	enter_window(fence, register_before_s1);
	ASSERT_INT(dma_fence_signal_timestamp(fence, 4711), ==, 0);
	ASSERT_INT(raced, ==, 1);
	ASSERT_INT(raced_cb.calls, ==, 1);
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	dma_fence_put(fence);
}

static void look_before_s3(const char *label)
{
	if (strcmp(label, "signal: before TIMESTAMP") || raced++)
		return;
	ASSERT_TRUE(raced_fence->flags & SIGNALED);
	ASSERT_FALSE(raced_fence->flags & TIMESTAMP);
	ASSERT_INT(raced_cb.calls, ==, 0);
	ASSERT_TRUE(dma_fence_is_signaled(raced_fence));
}

TEST(signalled_shows_before_the_timestamp)
{
	struct dma_fence *fence = make_fence();

	enter_window(fence, look_before_s3);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_INT(raced, ==, 1);
	dma_fence_put(fence);
}

static void look_before_s4(const char *label)
{
	if (!strcmp(label, "signal: with callbacks") && !raced++)
		ASSERT_FALSE(raced_fence->flags & (SIGNALED | TIMESTAMP));
}

static void look_and_count(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ASSERT_INT(fence->flags & (SIGNALED | TIMESTAMP), ==, SIGNALED | TIMESTAMP);
	ASSERT_INT(fence->timestamp, ==, 4711);
	count_call(fence, cb);
}

/* 10.7 */
TEST(signalled_and_the_timestamp_show_before_the_callbacks_run)
{
	struct dma_fence *fence = make_fence();

	enter_window(fence, look_before_s4);
	ASSERT_INT(dma_fence_add_callback(fence, &raced_cb.cb, look_and_count), ==, 0);
	ASSERT_INT(dma_fence_signal_timestamp(fence, 4711), ==, 0);
	ASSERT_INT(raced + raced_cb.calls, ==, 2);
	dma_fence_put(fence);
}

struct removal {
	struct dma_fence *fence;
	struct dma_fence_cb cb;
	bool running; /* atomic */
	bool ended;   /* atomic */
};

static void run_until_somebody_waits(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct removal *removal = container_of(cb, struct removal, cb);

	(void)fence;
	store_release(&removal->running, true);
	WAIT_UNTIL(load_acquire(&syscall_sleeps)); /* for the lock that we hold */
	store_release(&removal->ended, true);
}

TEST(remove_waits_for_the_callback_that_is_running)
{
	struct removal removal = { .fence = make_fence() };
	struct test_thread *thread;

	ASSERT_INT(dma_fence_add_callback(removal.fence, &removal.cb, run_until_somebody_waits), ==, 0);
	count_syscalls();
	thread = test_thread_start(signal_it, removal.fence);
	WAIT_UNTIL(load_acquire(&removal.running));
	ASSERT_FALSE(dma_fence_remove_callback(removal.fence, &removal.cb));
	ASSERT_TRUE(load_acquire(&removal.ended));
	test_thread_join(thread);
	dma_fence_put(removal.fence);
}
