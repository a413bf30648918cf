/* SPDX-License-Identifier: MIT */
/* What a fence tells about itself: time, order, names; contexts and stubs. */
#include "fences.h"

#include <dmabuf/dma-fence-array.h>

#include "fence/fence.h"
#include "os/clock.h"

/* First, so that it sees the first context of the process. */
TEST(contexts_are_handed_out_once)
{
	const uint64_t first = dma_fence_context_alloc(3);
	const uint64_t second = dma_fence_context_alloc(1);

	ASSERT_INT(first, >, 0); /* 0 is the stub's */
	ASSERT_INT(second, ==, first + 3);
	ASSERT_INT(dma_fence_context_alloc(1), ==, second + 1);
	ASSERT_WARNS(dma_fence_context_alloc(0), "at least one");
}

/* An array is of a context if every member is; its own does not count. */
TEST(a_context_is_matched_by_a_fence_or_all_members)
{
	const uint64_t context = dma_fence_context_alloc(2), other = context + 1;
	const uint64_t contexts[3] = { context, context, other };
	struct dma_fence_array *array = dma_fence_array_alloc(3);

	ASSERT_PTR(array, !=, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		array->fences[i] = make_fence_with(&plain_ops, NULL, contexts[i], i + 1);
		ASSERT_INT(dma_fence_match_context(array->fences[i], context), ==, i < 2);
		ASSERT_INT(dma_fence_match_context(array->fences[i], other), ==, i == 2);
	}
	dma_fence_array_init(array, 3, array->fences, other, 1, false);
	ASSERT_FALSE(dma_fence_match_context(&array->base, context));
	ASSERT_FALSE(dma_fence_match_context(&array->base, other));
	dma_fence_put(array->fences[2]);
	array->num_fences = 2;
	ASSERT_TRUE(dma_fence_match_context(&array->base, context));
	ASSERT_FALSE(dma_fence_match_context(&array->base, other));
	dma_fence_put(&array->base);
}

/*
 * Time and order.
 */

/* By any of the ways. */
static void signal_by(unsigned int way, struct dma_fence *fence)
{
	unsigned long flags;

	if (!way) {
		ASSERT_INT(dma_fence_signal(fence), ==, 0);
		return;
	}
	dma_fence_lock_irqsave(fence, flags);
	ASSERT_INT(dma_fence_signal_locked(fence), ==, 0);
	dma_fence_unlock_irqrestore(fence, flags);
}

/* So often that the clock's rate is known, and again that it is measured anew. */
TEST(the_timestamp_is_when_it_was_signalled_within_a_microsecond)
{
	int64_t last = 0;

	for (unsigned int i = 0; i < 50000; i++) {
		struct dma_fence *fence = make_fence();
		const int64_t before = os_now_ns();
		int64_t timestamp;

		signal_by(i % 2, fence);
		timestamp = dma_fence_timestamp(fence);
		ASSERT_INT(timestamp, >=, before - 1000);
		ASSERT_INT(timestamp, <=, os_now_ns() + 1000);
		ASSERT_INT(timestamp, >=, last);
		last = timestamp;
		dma_fence_put(fence);
	}
}

TEST(the_timestamp_may_be_given)
{
	struct dma_fence *fence = make_fence(), *locked = make_fence();
	unsigned long flags;

	ASSERT_INT(dma_fence_signal_timestamp(fence, 12345), ==, 0);
	ASSERT_INT(dma_fence_signal_timestamp(fence, 54321), ==, -EINVAL);
	ASSERT_INT(dma_fence_timestamp(fence), ==, 12345);
	dma_fence_lock_irqsave(locked, flags);
	ASSERT_INT(dma_fence_signal_timestamp_locked(locked, 23456), ==, 0);
	dma_fence_unlock_irqrestore(locked, flags);
	ASSERT_INT(dma_fence_timestamp(locked), ==, 23456);
	dma_fence_put(fence);
	dma_fence_put(locked);
}

static unsigned int yielded; /* atomic */

static void stamp_after_a_yield(const char *label)
{
	if (!strcmp(label, "signal: before TIMESTAMP"))
		WAIT_UNTIL(load_acquire(&yielded));
	if (!strcmp(label, "timestamp: before it yields"))
		store_release(&yielded, 1);
}

static void signal_then(void *fence)
{
	ASSERT_INT(dma_fence_signal_timestamp(fence, 4711), ==, 0);
}

/* The signaller was preempted between the two. */
TEST(the_timestamp_is_waited_for_where_the_signal_shows_already)
{
	struct dma_fence *fence = make_fence();
	struct test_thread *thread;
	int64_t timestamp;
	bool waited;

	store_relaxed(&yielded, 0);
	os_race_hook(stamp_after_a_yield);
	thread = test_thread_start(signal_then, fence);
	WAIT_UNTIL(dma_fence_test_signaled_flag(fence));
	timestamp = dma_fence_timestamp(fence);
	waited = load_relaxed(&yielded);
	store_release(&yielded, 1);
	test_thread_join(thread);
	os_race_hook(NULL);
	ASSERT_TRUE(waited);
	ASSERT_INT(timestamp, ==, 4711);
	dma_fence_put(fence);
}

static struct dma_fence *stamped;
static const char *where_held;
static unsigned int stage; /* atomic: 1: the signaller is there; 2: the reader is */

static void hold_the_signaller(const char *label)
{
	if (strcmp(label, where_held))
		return;
	store_release(&stage, 1);
	WAIT_UNTIL(load_acquire(&stage) == 2);
	for (unsigned int i = 0; i < 100; i++) /* who does not wait reads now */
		test_yield();
}

static void signal_stamped(void *unused)
{
	(void)unused;
	dma_fence_signal_timestamp(stamped, 4711);
}

static void read_timestamp_in_the_middle(const char *label)
{
	struct test_thread *thread;

	stamped = make_fence();
	where_held = label;
	stage = 0;
	os_race_hook(hold_the_signaller);
	thread = test_thread_start(signal_stamped, NULL);
	WAIT_UNTIL(load_acquire(&stage));
	ASSERT_TRUE(dma_fence_is_signaled(stamped));
	store_release(&stage, 2);
	ASSERT_INT(dma_fence_timestamp(stamped), ==, 4711);
	os_race_hook(NULL);
	test_thread_join(thread);
	dma_fence_put(stamped);
}

TEST(the_timestamp_of_a_signal_that_is_not_over_is_waited_for)
{
	read_timestamp_in_the_middle("signal: before the timestamp");
	read_timestamp_in_the_middle("signal: before TIMESTAMP");
}

TEST(the_timestamp_of_a_busy_fence_is_now_and_warns)
{
	struct dma_fence *fence = make_fence();
	const int64_t before = os_now_ns();

	ASSERT_WARNS(ASSERT_INT(dma_fence_timestamp(fence), >=, before), "has signalled");
	dma_fence_put(fence);
}

TEST(numbers_wrap_at_32_bits_unless_told_otherwise)
{
	static const struct dma_fence_ops ops64 = { .use_64bit_seqno = true };
	const uint64_t last = UINT32_MAX;

	ASSERT_TRUE(__dma_fence_is_later(2, 1, &plain_ops));
	ASSERT_FALSE(__dma_fence_is_later(1, 2, &plain_ops));
	ASSERT_FALSE(__dma_fence_is_later(7, 7, &plain_ops)); /* trap 12 */
	ASSERT_TRUE(__dma_fence_is_later(0, last, &plain_ops));
	ASSERT_TRUE(__dma_fence_is_later(last + 1, last, &plain_ops));
	ASSERT_FALSE(__dma_fence_is_later(last, 0, &plain_ops));
	ASSERT_TRUE(__dma_fence_is_later(0x7fffffff, 0, &plain_ops));
	ASSERT_FALSE(__dma_fence_is_later(1ull << 32, 0, &plain_ops));

	ASSERT_FALSE(__dma_fence_is_later(7, 7, &ops64));
	ASSERT_FALSE(__dma_fence_is_later(0, last, &ops64));
	ASSERT_TRUE(__dma_fence_is_later(last, 0, &ops64));
	ASSERT_TRUE(__dma_fence_is_later(1ull << 32, 0, &ops64));
	ASSERT_TRUE(__dma_fence_is_later(UINT64_MAX, 0, &ops64));
}

TEST(later_compares_fences_of_one_context)
{
	struct dma_fence first, second, wrapped, second64;

	dma_fence_init(&first, &plain_ops, NULL, 5, UINT32_MAX);
	dma_fence_init(&second, &plain_ops, NULL, 5, (uint64_t)UINT32_MAX + 1);
	dma_fence_init(&wrapped, &plain_ops, NULL, 5, 0);
	dma_fence_init64(&second64, &plain_ops, NULL, 5, 0);
	ASSERT_TRUE(dma_fence_is_later(&second, &first));
	ASSERT_TRUE(dma_fence_is_later(&wrapped, &first));
	ASSERT_FALSE(dma_fence_is_later(&first, &second));
	ASSERT_FALSE(dma_fence_is_later(&first, &first));
	ASSERT_FALSE(dma_fence_is_later(&second, &wrapped));
	ASSERT_FALSE(dma_fence_is_later(&second64, &first));
	ASSERT_TRUE(dma_fence_is_later_or_same(&first, &first));
	ASSERT_TRUE(dma_fence_is_later_or_same(&second, &first));
	ASSERT_FALSE(dma_fence_is_later_or_same(&first, &second));
}

TEST(fences_of_two_contexts_have_no_order)
{
	struct dma_fence one, other;

	dma_fence_init(&one, &plain_ops, NULL, 5, 1);
	dma_fence_init(&other, &plain_ops, NULL, 6, 2);
	ASSERT_WARNS(ASSERT_FALSE(dma_fence_is_later(&other, &one)), "contexts 6 and 5");
	ASSERT_WARNS(ASSERT_FALSE(dma_fence_is_later_or_same(&other, &one)), "contexts 6 and 5");
	ASSERT_WARNS(ASSERT_PTR(dma_fence_later(&other, &one), ==, NULL), "contexts 6 and 5");
}

TEST(later_returns_what_is_left_to_wait_for)
{
	struct dma_fence *first = make_fence_with(&plain_ops, NULL, 5, 1);
	struct dma_fence *second = make_fence_with(&plain_ops, NULL, 5, 2);

	ASSERT_PTR(dma_fence_later(first, second), ==, second);
	ASSERT_PTR(dma_fence_later(second, first), ==, second);
	ASSERT_INT(second->refcount.count, ==, 1);
	dma_fence_signal(first);
	ASSERT_PTR(dma_fence_later(first, second), ==, second);
	dma_fence_signal(second);
	ASSERT_PTR(dma_fence_later(first, second), ==, NULL);
	ASSERT_PTR(dma_fence_later(second, first), ==, NULL);
	dma_fence_put(first);
	dma_fence_put(second);
}

/*
 * Names.
 */

TEST(names_are_the_creators_until_it_has_signalled)
{
	struct dma_fence *fence = make_fence();

	dmabuf_rcu_read_lock();
	ASSERT_STR(dma_fence_driver_name(fence), "driver");
	ASSERT_STR(dma_fence_timeline_name(fence), "timeline");
	dma_fence_signal(fence);
	ASSERT_STR(dma_fence_driver_name(fence), "detached-driver");
	ASSERT_STR(dma_fence_timeline_name(fence), "signaled-timeline");
	dmabuf_rcu_read_unlock();
	dma_fence_put(fence);
}

static void say_value(struct dma_fence *fence, char *str, int size)
{
	snprintf(str, (size_t)size, "v%llu", (unsigned long long)fence->seqno);
}

static void say_more_than_fits(struct dma_fence *fence, char *str, int size)
{
	(void)fence;
	memset(str, 'x', (size_t)size - 1);
	str[size - 1] = '\0';
}

static void describe(struct dma_fence *fence, char *text, size_t size)
{
	struct seq_file seq = { .stream = fmemopen(text, size, "w") };

	if (!seq.stream)
		abort();
	dma_fence_describe(fence, &seq);
	fclose(seq.stream);
}

TEST(describe_writes_one_line)
{
	static const struct dma_fence_ops telling_ops = {
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
		.fence_value_str = say_value,
		.timeline_value_str = say_more_than_fits,
	};
	struct dma_fence *plain = make_fence_with(&plain_ops, NULL, 8, 9);
	struct dma_fence *telling = make_fence_with(&telling_ops, NULL, 8, 10);
	char text[256];

	describe(plain, text, sizeof(text));
	ASSERT_STR(text, "driver timeline 8:9 unsignalled\n");
	dma_fence_signal(plain);
	describe(plain, text, sizeof(text));
	ASSERT_STR(text, "driver timeline 8:9 signalled\n");
	describe(telling, text, sizeof(text));
	ASSERT_TRUE(strstr(text, "driver timeline 8:10 unsignalled value v10 timeline xxx"));
	ASSERT_PTR(strchr(text, '\n'), ==, text + strlen(text) - 1);
	dma_fence_put(plain);
	dma_fence_put(telling);
}

/*
 * Stubs.
 */

TEST(the_stub_has_always_been_signalled)
{
	struct dma_fence *stub = dma_fence_get_stub(), *same = dma_fence_get_stub();

	ASSERT_PTR(stub, !=, NULL);
	ASSERT_PTR(same, ==, stub);
	ASSERT_INT(stub->context, ==, 0);
	ASSERT_INT(stub->seqno, ==, 0);
	ASSERT_TRUE(stub->flags & ENABLE_SIGNAL);
	ASSERT_TRUE(dma_fence_test_signaled_flag(stub));
	ASSERT_INT(dma_fence_get_status(stub), ==, 1);
	ASSERT_INT(dma_fence_signal(stub), ==, -EINVAL);
	ASSERT_INT(dma_fence_wait(stub, true), ==, 0);
	ASSERT_INT(dma_fence_timestamp(stub), ==, 0);
	dma_fence_put(same);
	dma_fence_put(stub);
}

TEST(the_stub_outlives_every_balanced_put)
{
	struct dma_fence *stub = dma_fence_get_stub();
	const uint32_t count = stub->refcount.count;

	for (unsigned int i = 0; i < 100; i++)
		dma_fence_put(dma_fence_get_stub());
	ASSERT_INT(stub->refcount.count, ==, count);
	ASSERT_INT(count, >=, 2); /* one is the library's own */
	dma_fence_put(stub);
}

TEST(a_private_stub_is_signalled_at_its_own_time)
{
	struct dma_fence *stub = dma_fence_allocate_private_stub(777);

	ASSERT_PTR(stub, !=, NULL);
	ASSERT_INT(stub->context, ==, 0);
	ASSERT_TRUE(dma_fence_test_signaled_flag(stub));
	ASSERT_TRUE(stub->flags & ENABLE_SIGNAL);
	ASSERT_INT(dma_fence_timestamp(stub), ==, 777);
	ASSERT_INT(dma_fence_get_status(stub), ==, 1);
	dma_fence_put(stub);
}

TEST(no_memory_for_a_private_stub_is_no_stub)
{
	struct dma_fence *stub;

	os_fault_arm(1);
	stub = dma_fence_allocate_private_stub(1);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_PTR(stub, ==, NULL);
}

TEST(a_plain_fence_is_no_container)
{
	struct dma_fence *fence = make_fence();

	ASSERT_FALSE(dma_fence_is_array(fence));
	ASSERT_FALSE(dma_fence_is_container(fence));
	dma_fence_put(fence);
}
