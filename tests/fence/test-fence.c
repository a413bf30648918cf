/* SPDX-License-Identifier: MIT */
/* The life of a fence: references, signalling, errors. */
#include "fences.h"

#include "fence/fence.h"

/*
 * Beginning.
 */

TEST(a_new_fence_has_one_reference_and_has_not_signalled)
{
	struct dma_fence *fence = make_fence_with(&plain_ops, NULL, 17, 4);

	ASSERT_INT(fence->refcount.count, ==, 1);
	ASSERT_INT(fence->error, ==, 0);
	ASSERT_INT(fence->context, ==, 17);
	ASSERT_INT(fence->seqno, ==, 4);
	ASSERT_PTR(fence->ops, ==, &plain_ops);
	ASSERT_INT(fence->flags, ==, INITIALIZED | INLINE_LOCK);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	ASSERT_FALSE(dma_fence_test_signaled_flag(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, 0);
	dma_fence_put(fence);
}

TEST(the_flags_say_what_init_was_told)
{
	static const struct dma_fence_ops ops64 = {
		.use_64bit_seqno = true,
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
	};
	struct dmabuf_spinlock lock;
	struct dma_fence fence;

	dmabuf_spin_lock_init(&lock);
	dma_fence_init(&fence, &plain_ops, &lock, 1, 1);
	ASSERT_INT(fence.flags, ==, INITIALIZED);
	ASSERT_PTR(dma_fence_spinlock(&fence), ==, &lock);
	ASSERT_PTR(fence.lock, ==, &lock);
	ASSERT_PTR(fence.extern_lock, ==, &lock);
	dma_fence_init64(&fence, &plain_ops, NULL, 1, 1);
	ASSERT_INT(fence.flags, ==, INITIALIZED | INLINE_LOCK | SEQNO64);
	ASSERT_PTR(dma_fence_spinlock(&fence), ==, &fence.inline_lock);
	dma_fence_init(&fence, &ops64, NULL, 1, 1);
	ASSERT_INT(fence.flags, ==, INITIALIZED | INLINE_LOCK | SEQNO64);
	dma_fence_init(&fence, &asked_ops, NULL, 1, 1);
	ASSERT_INT(fence.flags, ==, INITIALIZED | INLINE_LOCK | HAS_SIGNALED_OP);
}

TEST(was_initialized_tells_zeroed_memory_from_a_fence)
{
	struct dma_fence fence = { 0 };

	ASSERT_FALSE(dma_fence_was_initialized(NULL));
	ASSERT_FALSE(dma_fence_was_initialized(&fence));
	dma_fence_init(&fence, &plain_ops, NULL, 1, 1);
	ASSERT_TRUE(dma_fence_was_initialized(&fence));
}

TEST(init_without_ops_or_names_aborts)
{
	static const struct dma_fence_ops no_driver = { .get_timeline_name = test_timeline_name };
	static const struct dma_fence_ops no_timeline = { .get_driver_name = test_driver_name };
	struct dma_fence fence;

	ASSERT_DEATH(dma_fence_init(&fence, NULL, NULL, 1, 1), "without ops");
	ASSERT_DEATH(dma_fence_init(&fence, &no_driver, NULL, 1, 1), "without a name");
	ASSERT_DEATH(dma_fence_init64(&fence, &no_timeline, NULL, 1, 1), "without a name");
}

TEST(a_fence_fills_one_cache_line_and_leaves_two_pointer_bits)
{
	ASSERT_INT(sizeof(struct dma_fence), <=, 64);
	ASSERT_INT(_Alignof(struct dma_fence), >=, 4); /* 10.2 */
}

/*
 * References.
 */

static unsigned int releases;

static void count_release(struct dma_fence *fence)
{
	releases++;
	dma_fence_free(fence);
}

static const struct dma_fence_ops release_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.release = count_release,
};

TEST(the_last_put_releases_and_no_other)
{
	struct dma_fence *fence = make_fence_with(&release_ops, NULL, 1, 1);

	releases = 0;
	ASSERT_PTR(dma_fence_get(fence), ==, fence);
	ASSERT_INT(fence->refcount.count, ==, 2);
	dma_fence_put(fence);
	ASSERT_INT(releases, ==, 0);
	dma_fence_put(fence);
	ASSERT_INT(releases, ==, 1);
}

TEST(release_with_a_kref_is_what_the_last_put_does)
{
	struct dma_fence *fence = make_fence_with(&release_ops, NULL, 1, 1);

	releases = 0;
	fence->refcount.count = 0;
	dma_fence_release(&fence->refcount);
	ASSERT_INT(releases, ==, 1);
}

TEST(get_and_put_accept_nothing)
{
	ASSERT_PTR(dma_fence_get(NULL), ==, NULL);
	dma_fence_put(NULL);
}

TEST(an_unsignalled_fence_without_callbacks_may_go)
{
	dma_fence_put(make_fence());
}

static struct dma_fence *shared_fence; /* atomic; what readers find */

static void put_it(void *fence)
{
	dma_fence_put(fence);
}

/* Its creator finds it in a list of its own, under the lock for which the last put waits. */
TEST(a_fence_that_is_signalled_while_its_last_put_waits_is_not_abandoned)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *fence = make_fence_with(&plain_ops, &lock, 61, 62);
	struct counting_cb cb = { .calls = 0 };
	struct test_thread *thread;

	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, count_call), ==, 0);
	dmabuf_spin_lock(&lock);
	thread = test_thread_start(put_it, fence);
	WAIT_UNTIL(load_relaxed(&lock.word) == 2);
	ASSERT_INT(dma_fence_signal_locked(fence), ==, 0);
	dmabuf_spin_unlock(&lock);
	test_thread_join(thread);
	ASSERT_INT(cb.calls, ==, 1);
}

TEST(a_dead_fence_is_there_until_its_readers_leave)
{
	struct dma_fence *fence = make_fence();

	dmabuf_rcu_read_lock();
	dma_fence_put(fence);
	ASSERT_INT(load_relaxed(&fence->refcount.count), ==, 0);
	ASSERT_PTR(dma_fence_get_rcu(fence), ==, NULL);
	dmabuf_rcu_read_unlock();
}

TEST(announced_work_holds_its_fence_where_the_rules_are_checked)
{
	struct dma_fence *fence = make_fence();

	dma_fence_begin_work(fence);
	ASSERT_INT(fence->refcount.count, ==, dmabuf_lockdep_is_on() ? 2 : 1);
	dma_fence_end_work(fence);
	ASSERT_INT(fence->refcount.count, ==, 1);
	dma_fence_end_work(fence); /* there is none any more */
	ASSERT_INT(fence->refcount.count, ==, 1);
	dma_fence_put(fence);
}

TEST(get_rcu_never_revives_the_dead)
{
	struct dma_fence *fence = make_fence();

	dmabuf_rcu_read_lock();
	ASSERT_PTR(dma_fence_get_rcu(fence), ==, fence);
	dma_fence_put(fence);
	dma_fence_put(fence);
	/* The memory stays until the section ends. */
	ASSERT_INT(load_relaxed(&fence->refcount.count), ==, 0);
	ASSERT_PTR(dma_fence_get_rcu(fence), ==, NULL);
	ASSERT_INT(load_relaxed(&fence->refcount.count), ==, 0);
	dmabuf_rcu_read_unlock();
}

TEST(get_rcu_safe_finds_what_is_there_now)
{
	struct dma_fence *fence = make_fence(), *found;

	shared_fence = NULL;
	dmabuf_rcu_read_lock();
	ASSERT_PTR(dma_fence_get_rcu_safe(&shared_fence), ==, NULL);
	shared_fence = fence;
	found = dma_fence_get_rcu_safe(&shared_fence);
	dmabuf_rcu_read_unlock();
	ASSERT_PTR(found, ==, fence);
	ASSERT_INT(fence->refcount.count, ==, 2);
	dma_fence_put(found);
	dma_fence_put(fence);
}

/* Its memory becomes another fence between the look and the reference. */

static struct dma_fence stable_memory;

static void keep_memory(struct dma_fence *fence)
{
	(void)fence;
}

static const struct dma_fence_ops stable_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.release = keep_memory,
};

static void reuse_memory(const char *label)
{
	if (strcmp(label, "get_rcu_safe: before the reference") || shared_fence != &stable_memory)
		return;
	shared_fence = make_fence();
	dma_fence_put(&stable_memory);
	dma_fence_init(&stable_memory, &stable_ops, NULL, 1, 2);
}

TEST(get_rcu_safe_is_not_fooled_by_reused_memory)
{
	struct dma_fence *found;

	dma_fence_init(&stable_memory, &stable_ops, NULL, 1, 1);
	shared_fence = &stable_memory;
	os_race_hook(reuse_memory);
	dmabuf_rcu_read_lock();
	found = dma_fence_get_rcu_safe(&shared_fence);
	dmabuf_rcu_read_unlock();
	ASSERT_PTR(found, ==, shared_fence);
	ASSERT_INT(found->refcount.count, ==, 2);
	ASSERT_INT(stable_memory.refcount.count, ==, 1);
	dma_fence_put(found);
	dma_fence_put(shared_fence);
}

TEST(references_that_are_not_there_abort)
{
	struct dma_fence fence;

	dma_fence_init(&fence, &release_ops, NULL, 1, 1);
	fence.refcount.count = 0;
	ASSERT_DEATH(dma_fence_get(&fence), "without references");
	ASSERT_DEATH(dma_fence_put(&fence), "without references");
}

/*
 * Signalling.
 */

TEST(signal_says_whether_it_was_first)
{
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_TRUE(dma_fence_test_signaled_flag(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	ASSERT_INT(dma_fence_signal(fence), ==, -EINVAL);
	ASSERT_INT(dma_fence_signal_timestamp(fence, 1), ==, -EINVAL);
	dma_fence_put(fence);
}

TEST(signal_locked_says_whether_it_was_first)
{
	struct dma_fence *fence = make_fence();
	unsigned long flags;

	dma_fence_lock_irqsave(fence, flags);
	ASSERT_FALSE(dma_fence_is_signaled_locked(fence));
	ASSERT_INT(dma_fence_get_status_locked(fence), ==, 0);
	ASSERT_INT(dma_fence_signal_locked(fence), ==, 0);
	ASSERT_INT(dma_fence_signal_locked(fence), ==, -EINVAL);
	ASSERT_INT(dma_fence_signal_timestamp_locked(fence, 1), ==, -EINVAL);
	ASSERT_TRUE(dma_fence_is_signaled_locked(fence));
	ASSERT_INT(dma_fence_get_status_locked(fence), ==, 1);
	dma_fence_unlock_irqrestore(fence, flags);
	dma_fence_put(fence);
}

TEST(check_and_signal_says_whether_it_was_late)
{
	struct dma_fence *fence = make_fence(), *locked = make_fence();
	unsigned long flags;

	ASSERT_FALSE(dma_fence_check_and_signal(fence));
	ASSERT_TRUE(dma_fence_check_and_signal(fence));
	dma_fence_lock_irqsave(locked, flags);
	ASSERT_FALSE(dma_fence_check_and_signal_locked(locked));
	ASSERT_TRUE(dma_fence_check_and_signal_locked(locked));
	dma_fence_unlock_irqrestore(locked, flags);
	dma_fence_put(fence);
	dma_fence_put(locked);
}

TEST(signal_of_nothing_warns)
{
	ASSERT_WARNS(ASSERT_INT(dma_fence_signal(NULL), ==, -EINVAL), "without a fence");
	ASSERT_WARNS(ASSERT_INT(dma_fence_signal_timestamp(NULL, 1), ==, -EINVAL), "without a fence");
	ASSERT_WARNS(ASSERT_INT(dma_fence_signal_locked(NULL), ==, -EINVAL), "without a fence");
	ASSERT_WARNS(ASSERT_INT(dma_fence_signal_timestamp_locked(NULL, 1), ==, -EINVAL),
		     "without a fence");
}

TEST(locked_functions_abort_without_the_lock)
{
	struct dma_fence *fence = make_fence();
	unsigned long flags;

	ASSERT_DEATH(dma_fence_signal_locked(fence), "is not held");
	ASSERT_DEATH(dma_fence_signal_timestamp_locked(fence, 1), "is not held");
	ASSERT_DEATH(dma_fence_check_and_signal_locked(fence), "is not held");
	ASSERT_DEATH(dma_fence_assert_held(fence), "is not held");
	dma_fence_lock_irqsave(fence, flags);
	dma_fence_assert_held(fence);
	dma_fence_unlock_irqrestore(fence, flags);
	dma_fence_put(fence);
}

TEST(signalling_leaves_users_bits_alone)
{
	struct dma_fence *fence = make_fence();
	const unsigned long ours = 1ul << DMA_FENCE_FLAG_USER_BITS |
				   1ul << (8 * sizeof(fence->flags) - 1);

	fetch_or_relaxed(&fence->flags, ours);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_INT(fence->flags, ==, INITIALIZED | INLINE_LOCK | SIGNALED | TIMESTAMP | ours);
	dma_fence_put(fence);
}

TEST(a_fence_with_its_creators_lock_signals_under_it)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *fence = make_fence_with(&plain_ops, &lock, 1, 1);

	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_INT(dma_fence_signal(fence), ==, -EINVAL);
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	ASSERT_FALSE(dmabuf_spin_is_locked(&lock));
	dma_fence_put(fence);
}

/*
 * The signaled op.
 */

TEST(is_signaled_asks_and_signals)
{
	struct asked_fence *fence = make_asked();

	ASSERT_FALSE(dma_fence_is_signaled(&fence->base));
	ASSERT_INT(dma_fence_get_status(&fence->base), ==, 0);
	ASSERT_INT(fence->peeks, ==, 2);
	ASSERT_FALSE(dma_fence_test_signaled_flag(&fence->base));
	fence->done = true;
	ASSERT_FALSE(dma_fence_test_signaled_flag(&fence->base)); /* asks nobody */
	ASSERT_TRUE(dma_fence_is_signaled(&fence->base));
	ASSERT_TRUE(dma_fence_test_signaled_flag(&fence->base));
	ASSERT_INT(dma_fence_get_status(&fence->base), ==, 1);
	ASSERT_INT(fence->peeks, ==, 3); /* no more questions */
	ASSERT_INT(fence->enables, ==, 0);
	dma_fence_put(&fence->base);
}

/* For who calls them by a pointer, or from another language: not what the header has inline. */
TEST(the_functions_that_look_are_in_the_library_too)
{
	bool (*volatile is_signaled)(struct dma_fence *) = dma_fence_is_signaled;
	bool (*volatile test_flag)(const struct dma_fence *) = dma_fence_test_signaled_flag;
	struct asked_fence *asked = make_asked();
	struct dma_fence *fence = make_fence();

	ASSERT_FALSE(is_signaled(fence));
	ASSERT_FALSE(test_flag(fence));
	dma_fence_signal(fence);
	ASSERT_TRUE(is_signaled(fence));
	ASSERT_TRUE(test_flag(fence));

	ASSERT_FALSE(is_signaled(&asked->base));
	ASSERT_FALSE(dma_fence_ask_signaled(&asked->base));
	asked->done = true;
	ASSERT_TRUE(dma_fence_ask_signaled(&asked->base));
	ASSERT_INT(asked->peeks, ==, 3);
	ASSERT_TRUE(test_flag(&asked->base));
	dma_fence_put(&asked->base);
	dma_fence_put(fence);
}

TEST(is_signaled_locked_asks_and_signals)
{
	struct asked_fence *fence = make_asked();
	unsigned long flags;

	dma_fence_lock_irqsave(&fence->base, flags);
	ASSERT_FALSE(dma_fence_is_signaled_locked(&fence->base));
	fence->done = true;
	ASSERT_INT(dma_fence_get_status_locked(&fence->base), ==, 1);
	ASSERT_TRUE(dma_fence_is_signaled_locked(&fence->base));
	dma_fence_unlock_irqrestore(&fence->base, flags);
	ASSERT_INT(dma_fence_signal(&fence->base), ==, -EINVAL);
	dma_fence_put(&fence->base);
}

TEST(the_signaled_op_may_set_the_error)
{
	struct asked_fence *fence = make_asked();

	fence->done = true;
	fence->error = -EIO;
	ASSERT_INT(dma_fence_get_status(&fence->base), ==, -EIO);
	dma_fence_put(&fence->base);
}

TEST(peek_needs_no_reference_and_sends_lazy_fences_to_be_asked)
{
	struct asked_fence *lazy = make_asked();
	struct dma_fence *fence = make_fence();

	ASSERT_INT(fence_peek(fence), ==, FENCE_BUSY);
	ASSERT_INT(fence_peek(&lazy->base), ==, FENCE_ASK);
	dma_fence_signal(fence);
	dma_fence_signal(&lazy->base);
	ASSERT_INT(fence_peek(fence), ==, FENCE_DONE);
	ASSERT_INT(fence_peek(&lazy->base), ==, FENCE_DONE);
	dma_fence_put(fence);
	dma_fence_put(&lazy->base);
}

/*
 * Errors.
 */

TEST(the_error_shows_with_the_signal_and_not_before)
{
	struct dma_fence *fence = make_fence();

	dma_fence_set_error(fence, -EIO);
	ASSERT_INT(dma_fence_get_status(fence), ==, 0);
	dma_fence_set_error(fence, -ECANCELED);
	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, -ECANCELED);
	dma_fence_put(fence);
}

TEST(set_error_takes_negative_errnos_only)
{
	struct dma_fence *fence = make_fence();

	ASSERT_WARNS(dma_fence_set_error(fence, 0), "negative errno");
	ASSERT_WARNS(dma_fence_set_error(fence, 1), "negative errno");
	ASSERT_WARNS(dma_fence_set_error(fence, EIO), "negative errno");
	ASSERT_WARNS(dma_fence_set_error(fence, -4096), "negative errno");
	ASSERT_INT(fence->error, ==, 0);
	dma_fence_set_error(fence, -4095);
	ASSERT_INT(fence->error, ==, -4095);
	dma_fence_set_error(fence, -1);
	ASSERT_INT(fence->error, ==, -1);
	dma_fence_put(fence);
}

TEST(the_error_of_a_signalled_fence_is_final)
{
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_fence_signal(fence), ==, 0);
	ASSERT_WARNS(dma_fence_set_error(fence, -EIO), "has signalled");
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	dma_fence_put(fence);
}
