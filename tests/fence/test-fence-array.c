/* SPDX-License-Identifier: MIT */
/* Arrays: all and any, errors, memory, and what they register with their members. */
#include <dmabuf/dma-fence-array.h>

#include "fence/array.h"
#include "fence/fence.h"
#include "fences.h"

#define MEMBERS 4
#define ALL false
#define ANY true

/* Members that the test has a reference on, beside the array's. */
static struct dma_fence **table_of(struct dma_fence **members, unsigned int n)
{
	struct dma_fence **table = malloc(n * sizeof(*table));

	if (!table)
		abort();
	for (unsigned int i = 0; i < n; i++)
		table[i] = dma_fence_get(members[i]);
	return table;
}

static struct dma_fence *array_over(struct dma_fence **members, unsigned int n, bool any)
{
	struct dma_fence_array *array = dma_fence_array_create(
		(int)n, table_of(members, n), dma_fence_context_alloc(1), 1, any);

	ASSERT_PTR(array, !=, NULL);
	return &array->base;
}

static void make_members(struct dma_fence **members, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		members[i] = make_fence();
}

static void put_members(struct dma_fence **members, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(members[i]);
}

static unsigned int registered_with(struct dma_fence *const *members, unsigned int n)
{
	unsigned int registered = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (!(members[i]->flags & SIGNALED))
			registered += members[i]->cb_list.next != &members[i]->cb_list;
	}
	return registered;
}

/*
 * All and any.
 */

TEST(all_waits_for_the_last_member_in_any_order)
{
	static const unsigned int orders[][MEMBERS] = {
		{ 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 0, 3, 1, 2 },
	};

	for (unsigned int o = 0; o < 4; o++) {
		struct dma_fence *members[MEMBERS], *array;
		struct counting_cb cb = { .calls = 0 };

		make_members(members, MEMBERS);
		array = array_over(members, MEMBERS, ALL);
		ASSERT_PTR(array->ops, ==, &dma_fence_array_ops);
		ASSERT_INT(dma_fence_add_callback(array, &cb.cb, count_call), ==, 0);
		for (unsigned int i = 0; i < MEMBERS; i++) {
			ASSERT_FALSE(dma_fence_is_signaled(array));
			ASSERT_INT(cb.calls, ==, 0);
			dma_fence_signal(members[orders[o][i]]);
		}
		ASSERT_TRUE(dma_fence_test_signaled_flag(array));
		ASSERT_INT(cb.calls, ==, 1);
		ASSERT_INT(dma_fence_get_status(array), ==, 1);
		dma_fence_put(array);
		put_members(members, MEMBERS);
	}
}

TEST(any_waits_for_the_first_member_whichever_it_is)
{
	for (unsigned int first = 0; first < MEMBERS; first++) {
		struct dma_fence *members[MEMBERS], *array;
		struct counting_cb cb = { .calls = 0 };

		make_members(members, MEMBERS);
		array = array_over(members, MEMBERS, ANY);
		ASSERT_INT(dma_fence_add_callback(array, &cb.cb, count_call), ==, 0);
		ASSERT_FALSE(dma_fence_is_signaled(array));
		dma_fence_signal(members[first]);
		ASSERT_TRUE(dma_fence_test_signaled_flag(array));
		ASSERT_INT(cb.calls, ==, 1);
		dma_fence_put(array);
		put_members(members, MEMBERS);
	}
}

/* Trap 6: nobody enabled signalling on the array, and yet it is asked. */
TEST(an_array_that_nobody_enabled_is_polled)
{
	struct dma_fence *members[MEMBERS], *all, *any;

	make_members(members, MEMBERS);
	all = array_over(members, MEMBERS, ALL);
	any = array_over(members, MEMBERS, ANY);
	ASSERT_FALSE(dma_fence_is_signaled(any));
	for (unsigned int i = MEMBERS; i-- > 0;) {
		ASSERT_FALSE(dma_fence_is_signaled(all));
		dma_fence_signal(members[i]);
		ASSERT_TRUE(dma_fence_is_signaled(any));
	}
	ASSERT_TRUE(dma_fence_is_signaled(all));
	ASSERT_INT(dma_fence_get_status(all), ==, 1);
	ASSERT_INT(dma_fence_get_status(any), ==, 1);
	for (unsigned int i = 0; i < MEMBERS; i++)
		ASSERT_FALSE(members[i]->flags & HAS_CALLBACKS);
	dma_fence_put(all);
	dma_fence_put(any);
	put_members(members, MEMBERS);
}

TEST(polling_an_array_asks_its_lazy_members)
{
	struct asked_fence *lazy[2] = { make_asked(), make_asked() };
	struct dma_fence *members[] = { &lazy[0]->base, &lazy[1]->base };
	struct dma_fence *all = array_over(members, 2, ALL), *any = array_over(members, 2, ANY);

	lazy[1]->done = true;
	ASSERT_TRUE(dma_fence_is_signaled(any));
	ASSERT_FALSE(dma_fence_is_signaled(all));
	lazy[0]->done = true;
	ASSERT_TRUE(dma_fence_is_signaled(all));
	ASSERT_INT(lazy[0]->enables + lazy[1]->enables, ==, 0);
	dma_fence_put(all);
	dma_fence_put(any);
	put_members(members, 2);
}

TEST(enabling_an_array_enables_every_lazy_member)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct asked_fence *lazy[2] = { make_asked(), make_asked() };
		struct dma_fence *members[] = { &lazy[0]->base, &lazy[1]->base };
		struct dma_fence *array = array_over(members, 2, any);

		dma_fence_enable_sw_signaling(array);
		ASSERT_INT(lazy[0]->enables, ==, 1);
		ASSERT_INT(lazy[1]->enables, ==, 1);
		dma_fence_signal(members[0]);
		dma_fence_signal(members[1]);
		ASSERT_TRUE(dma_fence_test_signaled_flag(array));
		dma_fence_put(array);
		put_members(members, 2);
	}
}

TEST(an_array_over_what_is_done_signals_when_enabled)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct asked_fence *refusing = make_asked();
		struct dma_fence *members[] = { make_fence(), &refusing->base };
		struct dma_fence *array = array_over(members, 2, any);
		struct counting_cb cb = { .calls = 0 };

		refusing->refuse = true;
		if (!any)
			dma_fence_signal(members[0]);
		ASSERT_INT(dma_fence_add_callback(array, &cb.cb, count_call), ==, -ENOENT);
		ASSERT_TRUE(dma_fence_test_signaled_flag(array));
		ASSERT_INT(array->refcount.count, ==, 1);
		ASSERT_INT(registered_with(members, 2), ==, 0);
		dma_fence_put(array);
		put_members(members, 2);
	}
}

TEST(waiting_for_an_array_waits_for_its_members)
{
	struct dma_fence *members[2], *array;

	make_members(members, 2);
	array = array_over(members, 2, ALL);
	ASSERT_INT(dma_fence_wait_timeout(array, false, 1), ==, 0);
	dma_fence_signal(members[1]);
	ASSERT_INT(dma_fence_wait_timeout(array, false, 1), ==, 0);
	dma_fence_signal(members[0]);
	ASSERT_INT(dma_fence_wait(array, false), ==, 0);
	dma_fence_put(array);
	put_members(members, 2);
}

/*
 * What it registers.
 */

TEST(all_registers_with_one_member_at_a_time)
{
	struct dma_fence *members[MEMBERS], *array;

	make_members(members, MEMBERS);
	array = array_over(members, MEMBERS, ALL);
	dma_fence_enable_sw_signaling(array);
	dma_fence_signal(members[2]); /* before its turn: nobody hears of it */
	for (unsigned int i = 0; i < MEMBERS; i++) {
		if (i == 2)
			continue;
		ASSERT_INT(registered_with(members, MEMBERS), ==, 1);
		ASSERT_INT(registered_with(&members[i], 1), ==, 1);
		dma_fence_signal(members[i]);
	}
	ASSERT_TRUE(dma_fence_test_signaled_flag(array));
	ASSERT_FALSE(members[2]->flags & HAS_CALLBACKS);
	dma_fence_put(array);
	put_members(members, MEMBERS);
}

TEST(any_takes_back_its_registrations)
{
	struct dma_fence *members[MEMBERS], *array;

	make_members(members, MEMBERS);
	array = array_over(members, MEMBERS, ANY);
	dma_fence_enable_sw_signaling(array);
	ASSERT_INT(registered_with(members, MEMBERS), ==, MEMBERS);
	ASSERT_INT(array->refcount.count, ==, 1 + MEMBERS);
	dma_fence_signal(members[1]);
	ASSERT_INT(registered_with(members, MEMBERS), ==, 0);
	ASSERT_INT(array->refcount.count, ==, 1);
	/* So it goes now, and its references on members with it, busy as they are. */
	dma_fence_put(array);
	ASSERT_INT(members[0]->refcount.count, ==, 1);
	put_members(members, MEMBERS);
}

TEST(any_takes_back_its_registrations_when_enabling_finds_one_done)
{
	struct dma_fence *members[MEMBERS], *array;

	make_members(members, MEMBERS);
	dma_fence_signal(members[2]);
	array = array_over(members, MEMBERS, ANY);
	dma_fence_enable_sw_signaling(array);
	ASSERT_TRUE(dma_fence_test_signaled_flag(array));
	ASSERT_INT(registered_with(members, MEMBERS), ==, 0);
	ASSERT_INT(array->refcount.count, ==, 1);
	dma_fence_put(array);
	put_members(members, MEMBERS);
}

static struct {
	struct dma_fence *member;
	struct test_thread *thread;
	unsigned int registrations;
	bool returned; /* atomic */
} winner;

static void signal_winner(void *arg)
{
	(void)arg;
	dma_fence_signal(winner.member);
	store_release(&winner.returned, true);
}

static void win_at_third_registration(const char *label)
{
	count_syscall(label);
	if (strcmp(label, "array: before a member") || ++winner.registrations != 3)
		return;
	winner.thread = test_thread_start(signal_winner, NULL);
	WAIT_UNTIL(load_acquire(&syscall_sleeps) || load_acquire(&winner.returned));
}

/* The first member signals while the array still registers with the others. */
TEST(any_takes_back_also_what_it_registers_after_it_has_signalled)
{
	struct dma_fence *members[MEMBERS], *array;
	struct counting_cb cb = { .calls = 0 };

	make_members(members, MEMBERS);
	array = array_over(members, MEMBERS, ANY);
	winner.member = members[0];
	winner.registrations = 0;
	count_syscalls();
	os_race_hook(win_at_third_registration);
	ASSERT_INT(dma_fence_add_callback(array, &cb.cb, count_call), ==, -ENOENT);
	test_thread_join(winner.thread);
	ASSERT_TRUE(dma_fence_test_signaled_flag(array));
	ASSERT_INT(registered_with(members, MEMBERS), ==, 0);
	ASSERT_INT(array->refcount.count, ==, 1);
	dma_fence_put(array);
	put_members(members, MEMBERS);
}

TEST(an_array_outlives_its_callers_while_it_awaits_a_member)
{
	struct dma_fence *members[2], *array;
	struct counting_cb cb = { .calls = 0 };

	make_members(members, 2);
	array = array_over(members, 2, ALL);
	ASSERT_INT(dma_fence_add_callback(array, &cb.cb, count_call), ==, 0);
	dma_fence_put(array);
	dma_fence_signal(members[0]);
	ASSERT_INT(cb.calls, ==, 0);
	dma_fence_signal(members[1]);
	ASSERT_INT(cb.calls, ==, 1);
	put_members(members, 2);
}

static struct dma_fence *watched_array, *watched_member;

static void see_array_busy(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	ASSERT_FALSE(dma_fence_test_signaled_flag(watched_array));
	count_call(fence, cb);
}

static void pass_members_lock(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	unsigned long flags;

	dma_fence_lock_irqsave(watched_member, flags);
	dma_fence_unlock_irqrestore(watched_member, flags);
	count_call(fence, cb);
}

TEST(an_array_signals_after_the_members_lock_is_dropped)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct counting_cb on_member = { .calls = 0 }, on_array = { .calls = 0 };

		watched_member = make_fence();
		watched_array = array_over(&watched_member, 1, any);
		dma_fence_add_callback(watched_array, &on_array.cb, pass_members_lock);
		/* Behind the array's own callback. */
		dma_fence_add_callback(watched_member, &on_member.cb, see_array_busy);
		dma_fence_signal(watched_member);
		ASSERT_INT(on_member.calls, ==, 1);
		ASSERT_INT(on_array.calls, ==, 1);
		dma_fence_put(watched_array);
		dma_fence_put(watched_member);
	}
}

TEST(members_may_share_one_lock)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
		struct dma_fence *members[3], *array;

		for (unsigned int i = 0; i < 3; i++)
			members[i] = make_fence_with(&plain_ops, &lock, 1, i);
		array = array_over(members, 3, any);
		dma_fence_enable_sw_signaling(array);
		dmabuf_spin_lock(&lock);
		for (unsigned int i = 0; i < 3; i++)
			ASSERT_INT(dma_fence_signal_locked(members[i]), ==, 0);
		/* What is put off waits for the lock. */
		ASSERT_FALSE(dma_fence_test_signaled_flag(array));
		dmabuf_spin_unlock(&lock);
		ASSERT_TRUE(dma_fence_test_signaled_flag(array));
		ASSERT_INT(array->refcount.count, ==, 1);
		dma_fence_put(array);
		put_members(members, 3);
	}
}

TEST(one_fence_may_be_several_members)
{
	for (unsigned int any = 0; any < 2; any++) {
		struct dma_fence *member = make_fence();
		struct dma_fence *members[] = { member, member, member };
		struct dma_fence *array = array_over(members, 3, any);

		dma_fence_enable_sw_signaling(array);
		dma_fence_signal(member);
		ASSERT_TRUE(dma_fence_test_signaled_flag(array));
		ASSERT_INT(array->refcount.count, ==, 1);
		dma_fence_put(array);
		dma_fence_put(member);
	}
}

/*
 * Errors.
 */

static void fail_member(struct dma_fence *member, int error, int64_t when)
{
	if (error)
		dma_fence_set_error(member, error);
	ASSERT_INT(dma_fence_signal_timestamp(member, when), ==, 0);
}

TEST(the_first_error_in_time_wins)
{
	for (unsigned int enabled = 0; enabled < 2; enabled++) {
		struct dma_fence *members[MEMBERS], *array;

		make_members(members, MEMBERS);
		array = array_over(members, MEMBERS, ALL);
		if (enabled)
			dma_fence_enable_sw_signaling(array);
		fail_member(members[3], 0, 10);
		fail_member(members[2], -EIO, 20);
		fail_member(members[0], -ENODATA, 40);
		fail_member(members[1], -ETIME, 30);
		ASSERT_INT(dma_fence_get_status(array), ==, -EIO);
		ASSERT_INT(array->error, ==, -EIO);
		dma_fence_put(array);
		put_members(members, MEMBERS);
	}
}

TEST(any_ends_as_its_first_member_did)
{
	static const int errors[] = { 0, -EIO };

	for (unsigned int enabled = 0; enabled < 2; enabled++) {
		for (unsigned int e = 0; e < 2; e++) {
			struct dma_fence *members[2], *array;

			make_members(members, 2);
			array = array_over(members, 2, ANY);
			if (enabled)
				dma_fence_enable_sw_signaling(array);
			fail_member(members[1], errors[e], 10);
			fail_member(members[0], -ETIME, 20);
			ASSERT_INT(dma_fence_get_status(array), ==, errors[e] ? errors[e] : 1);
			dma_fence_put(array);
			put_members(members, 2);
		}
	}
}

TEST(the_error_of_a_lazy_member_counts)
{
	struct asked_fence *lazy = make_asked();
	struct dma_fence *member = &lazy->base;
	struct dma_fence *array = array_over(&member, 1, ALL);

	lazy->done = true;
	lazy->error = -EIO;
	ASSERT_INT(dma_fence_get_status(array), ==, -EIO);
	dma_fence_put(array);
	dma_fence_put(member);
}

struct late_cb {
	struct dma_fence_cb cb;
	struct dma_fence *array, *member;
};

/* The array's own callback has run, and what it put off has not. */
static void poll_array_then_fail_earlier(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct late_cb *late = container_of(cb, struct late_cb, cb);

	(void)fence;
	ASSERT_INT(dma_fence_get_status(late->array), ==, -ETIME);
	fail_member(late->member, -EIO, 10);
}

TEST(an_error_that_was_seen_stays)
{
	struct dma_fence *members[2], *array;
	struct late_cb late;

	make_members(members, 2);
	array = array_over(members, 2, ANY);
	dma_fence_enable_sw_signaling(array);
	late.array = array;
	late.member = members[0];
	ASSERT_INT(dma_fence_add_callback(members[1], &late.cb, poll_array_then_fail_earlier), ==, 0);
	fail_member(members[1], -ETIME, 20);
	ASSERT_INT(dma_fence_get_status(members[0]), ==, -EIO);
	ASSERT_INT(dma_fence_get_status(array), ==, -ETIME);
	ASSERT_INT(array->refcount.count, ==, 1);
	dma_fence_put(array);
	put_members(members, 2);
}

/* 10.9: the mark "not known yet" is gone on every way to the end. */
TEST(no_way_to_signal_leaves_the_mark_of_a_pending_error)
{
	for (unsigned int way = 0; way < 5; way++) {
		struct dma_fence *members[2], *array;

		make_members(members, 2);
		array = array_over(members, 2, way == 4 ? ANY : ALL);
		if (way == 1)
			dma_fence_enable_sw_signaling(array);
		dma_fence_signal(members[0]);
		ASSERT_INT(dma_fence_get_status(array), ==, way == 4);
		dma_fence_signal(members[1]);
		if (way == 2)
			dma_fence_enable_sw_signaling(array);
		if (way == 3)
			ASSERT_INT(dma_fence_wait(array, false), ==, 0);
		ASSERT_TRUE(dma_fence_is_signaled(array));
		ASSERT_INT(array->error, ==, 0);
		ASSERT_INT(dma_fence_get_status(array), ==, 1);
		dma_fence_put(array);
		put_members(members, 2);
	}
}

TEST(an_array_that_its_creator_signals_shows_no_mark_either)
{
	struct dma_fence *members[2], *array;

	make_members(members, 2);
	array = array_over(members, 2, ALL);
	dma_fence_enable_sw_signaling(array);
	ASSERT_INT(dma_fence_signal(array), ==, 0);
	ASSERT_INT(dma_fence_get_status(array), ==, 1);
	dma_fence_signal(members[0]);
	dma_fence_signal(members[1]);
	ASSERT_INT(array->refcount.count, ==, 1);
	dma_fence_put(array);
	put_members(members, 2);
}

/*
 * Looking inside.
 */

TEST(for_each_visits_every_member)
{
	struct dma_fence *members[MEMBERS], *array, *fence;
	unsigned int index, visited = 0;

	make_members(members, MEMBERS);
	array = array_over(members, MEMBERS, ALL);
	dma_fence_array_for_each(fence, index, array) {
		ASSERT_PTR(fence, ==, members[index]);
		ASSERT_INT(index, ==, visited++);
	}
	ASSERT_INT(visited, ==, MEMBERS);
	ASSERT_PTR(dma_fence_array_next(array, MEMBERS), ==, NULL);
	ASSERT_INT(members[0]->refcount.count, ==, 2);
	dma_fence_put(array);
	put_members(members, MEMBERS);
}

TEST(for_each_visits_a_plain_fence_itself_and_nothing_not_at_all)
{
	struct dma_fence *plain = make_fence(), *fence;
	unsigned int index, visited = 0;

	dma_fence_array_for_each(fence, index, plain) {
		ASSERT_PTR(fence, ==, plain);
		visited++;
	}
	ASSERT_INT(visited, ==, 1);
	dma_fence_array_for_each(fence, index, (struct dma_fence *)NULL)
		visited++;
	ASSERT_INT(visited, ==, 1);
	ASSERT_PTR(dma_fence_array_first(NULL), ==, NULL);
	ASSERT_PTR(dma_fence_array_next(NULL, 0), ==, NULL);
	ASSERT_PTR(dma_fence_array_next(plain, 0), ==, NULL);
	dma_fence_put(plain);
}

TEST(only_an_array_is_an_array)
{
	struct dma_fence *plain = make_fence();
	struct dma_fence *array = array_over(&plain, 1, ALL);

	ASSERT_PTR(to_dma_fence_array(NULL), ==, NULL);
	ASSERT_PTR(to_dma_fence_array(plain), ==, NULL);
	ASSERT_PTR(&to_dma_fence_array(array)->base, ==, array);
	ASSERT_TRUE(dma_fence_is_array(array));
	ASSERT_TRUE(dma_fence_is_container(array));
	dmabuf_rcu_read_lock();
	ASSERT_STR(dma_fence_driver_name(array), "dma_fence_array");
	ASSERT_STR(dma_fence_timeline_name(array), "unbound");
	dmabuf_rcu_read_unlock();
	dma_fence_put(array);
	dma_fence_put(plain);
}
