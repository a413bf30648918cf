/* SPDX-License-Identifier: MIT */
/* Callbacks of leased fences, in an application's own event loop: its descriptor speaks when a lease ends. */
#include "leases.h"

#include <fcntl.h>
#include <poll.h>

static bool is_ready(int patience_ms)
{
	struct pollfd entry = { .fd = both.fd, .events = POLLIN };

	return poll(&entry, 1, patience_ms) > 0;
}

static void watch_until_called(void)
{
	while (!calls) {
		ASSERT_TRUE(is_ready(60000));
		dma_buf_pool_watch(both.host);
	}
	ASSERT_TRUE(is_evicted());
}

TEST(the_descriptor_speaks_when_a_lease_ends)
{
	begin_both();
	ASSERT_INT(lease_point(0, SHORT), ==, 0);
	ask(0);
	watch_until_called();
	end_both();
}

TEST(who_watches_is_told_of_a_lease)
{
	begin_both();
	ask(0);
	ASSERT_FALSE(is_ready(0));
	ASSERT_INT(lease_point(0, LONG), ==, 0);
	ASSERT_TRUE(is_ready(0));
	dma_buf_pool_watch(both.host);
	ASSERT_FALSE(is_ready(0));
	ASSERT_INT(lease_point(0, 2 * LONG), ==, 0); /* they look early, and then again */
	ASSERT_FALSE(is_ready(0));
	ASSERT_INT(lease_point(0, SHORT), ==, 0);
	watch_until_called();
	end_both();
}

/* One thread has signalled another fence of that timeline, and is about to ring, when one makes a lease. */
static void lease_meanwhile(const char *label)
{
	if (strcmp(label, "own: before it rings") != 0)
		return;
	os_race_hook(NULL);
	ASSERT_INT(lease_point(1, LONG), ==, 0);
	ASSERT_TRUE(is_ready(0));
	calls++;
}

TEST(who_watches_is_told_of_a_lease_though_another_thread_is_to_ring)
{
	begin_both();
	ask(1);
	os_race_hook(lease_meanwhile);
	dma_fence_signal(both.there[0]);
	ASSERT_INT(calls, ==, 1);
	dma_buf_pool_watch(both.host);
	ASSERT_INT(both.host->timer, >=, 0);
	end_both();
}

/* The timer rang for nothing, and is set anew. */
TEST(who_watches_looks_again_when_a_lease_was_prolonged)
{
	begin_both();
	ASSERT_INT(lease_point(0, SHORT), ==, 0);
	ask(0);
	ASSERT_INT(lease_point(0, 4 * SHORT), ==, 0);
	watch_until_called();
	end_both();
}

/* The owner stops before it rings, or rings late. */
static void watch_meanwhile(const char *label)
{
	if (strcmp(label, "carry: before it wakes") != 0)
		return;
	os_race_hook(NULL);
	while (!calls) {
		ASSERT_TRUE(is_ready(10000));
		dma_buf_pool_watch(both.host);
	}
}

TEST(the_callback_of_one_that_has_signalled_in_time_is_called_though_nobody_rings)
{
	begin_both();
	ASSERT_INT(lease_point(0, SHORT), ==, 0);
	ask(0);
	os_race_hook(watch_meanwhile);
	dma_fence_signal(both.there[0]);
	ASSERT_INT(calls, ==, 1);
	ASSERT_INT(dma_fence_get_status(both.here[0]), ==, 1);
	ASSERT_FALSE(is_evicted());
	end_both();
}

TEST(only_who_watches_a_leased_fence_has_a_timer)
{
	struct test_resources before, after;

	begin_both();
	ask(0);
	before = test_resources();
	ask(1);
	ASSERT_INT(lease_point(0, LONG), ==, 0);
	after = test_resources();
	ASSERT_INT(after.descriptors, ==, before.descriptors);
	dma_buf_pool_watch(both.host);
	after = test_resources();
	ASSERT_INT(after.descriptors, ==, before.descriptors + 1);
	end_both();
	begin_both();
	ask(0);
	dma_fence_signal(both.there[0]);
	ASSERT_INT(lease_point(1, LONG), ==, 0);
	dma_buf_pool_watch(both.host);
	ASSERT_TRUE(dma_fence_is_signaled(both.here[0]));
	ASSERT_INT(both.host->timer, <, 0); /* it watches nothing any more */
	end_both();
}

/* A third member, with a callback of another fence, which has no lease. */
static struct {
	struct dma_buf_pool *pool;
	struct dma_fence *there, *here;
	struct dma_fence_cb cb;
} third;

static void begin_third(void)
{
	third.pool = add_member(both.host);
	ASSERT_INT(dma_buf_pool_watch_fd(third.pool), >=, 0);
	third.there = make_fence();
	third.here = pass_fence(both.other, third.there, third.pool);
	ASSERT_INT(dma_fence_add_callback(third.here, &third.cb, called), ==, 0);
	calls = 0;
}

static void end_third(void)
{
	ASSERT_INT(calls, ==, 0);
	dma_buf_pool_watch(third.pool);
	ASSERT_INT(calls, ==, 1);
	ASSERT_INT(dma_fence_get_status(third.here), ==, -ECANCELED);
	dma_fence_put(third.here);
	dma_fence_put(third.there);
	leave(third.pool);
}

TEST(who_evicts_for_a_lease_tells_those_who_watch)
{
	begin_both();
	begin_third();
	lease_in_vain(0);
	ASSERT_TRUE(is_evicted());
	end_third();
	end_both();
}

/* Under the lock of another fence. */
static void look(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	ASSERT_TRUE(is_evicted());
}

TEST(a_callback_may_find_that_a_lease_has_ended)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence_cb cb;

	begin_both();
	begin_third();
	ASSERT_INT(dma_fence_add_callback(fence, &cb, look), ==, 0);
	lease_in_vain(0);
	signal_and_put(fence);
	end_third();
	end_both();
}

TEST(a_child_has_no_timer)
{
	int status, timer;
	pid_t pid;

	test_forks_beside_threads();
	begin_both();
	ASSERT_INT(lease_point(0, LONG), ==, 0);
	ask(0);
	timer = both.host->timer;
	ASSERT_INT(timer, >=, 0);
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(fcntl(timer, F_GETFD) >= 0 || both.host->timer >= 0);
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(status, ==, 0);
	end_both();
}

/* Before the others are told: its child has nobody to tell. */
static pid_t child;

static void look_and_fork(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	ASSERT_TRUE(is_evicted());
	child = fork();
}

TEST(a_child_tells_nobody_who_was_evicted)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence_cb cb;
	int status;

	test_forks_beside_threads();
	begin_both();
	ASSERT_INT(dma_fence_add_callback(fence, &cb, look_and_fork), ==, 0);
	lease_in_vain(0);
	fflush(NULL);
	dma_fence_signal(fence);
	if (!child)
		_exit(0);
	ASSERT_INT(waitpid(child, &status, 0), ==, child);
	ASSERT_INT(status, ==, 0);
	dma_fence_put(fence);
	end_both();
}

TEST(without_a_timer_somebody_is_told)
{
	begin_both();
	ASSERT_INT(lease_point(0, SHORT), ==, 0);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_WARNS(
			{
				os_fault_arm(i + 1);
				ask(i);
				ASSERT_TRUE(os_fault_disarm());
			},
			"there can be no timer");
	}
	ask(2); /* now there is one, for all */
	watch_until_called();
	ASSERT_INT(calls, ==, POINTS);
	end_both();
}

/* It is over, and nobody can be evicted any more; or it never ends. */
TEST(who_lies_about_leases_keeps_nobody_busy)
{
	int64_t before;

	begin_both();
	store_relaxed(&pool_head(both.host)->evictions, ENTRY_MOST_EVICTIONS);
	forge(0, UINT64_MAX << LEASE_SEQNO_SHIFT, INT64_MIN);
	ask(0);
	ASSERT_TRUE(is_ready(60000));
	before = os_now_ns();
	dma_buf_pool_watch(both.host);
	ASSERT_INT(both.host->alarm, >=, before + POOL_SLICE_NS);
	forge(0, UINT64_MAX << LEASE_SEQNO_SHIFT, INT64_MAX);
	ASSERT_TRUE(is_ready(60000));
	dma_buf_pool_watch(both.host);
	ASSERT_FALSE(is_ready(0));
	ASSERT_INT(calls, ==, 0);
	store_relaxed(&pool_head(both.host)->evictions, 0);
	end_both();
}
