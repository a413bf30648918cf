/* SPDX-License-Identifier: MIT */
/*
 * Members who are to be rung, and of whom this process has not read yet: they are, whoever reads, and
 * nobody sleeps for it. All members are this process; the rules say who sleeps.
 */
#include "stops.h"
#include "leases.h"

#include "share/mail.h"

/* One whom the host has not met, with a callback of a fence of somebody's. */
static struct {
	struct dma_buf_pool *pool;
	struct dma_fence *there, *here;
	struct dma_fence_cb cb;
} stranger;

static void begin_stranger(struct dma_buf_pool *owner, struct dma_fence *there)
{
	struct dma_buf_pool_fence value;

	calls = 0;
	stranger.there = dma_fence_get(there);
	ASSERT_INT(dma_buf_pool_export_fence(owner, there, &value), ==, 0);
	stranger.pool = add_member(both.other);
	ASSERT_INT(dma_buf_pool_watch_fd(stranger.pool), >=, 0);
	stranger.here = dma_buf_pool_import_fence(stranger.pool, &value);
	ASSERT_INT(dma_fence_add_callback(stranger.here, &stranger.cb, called), ==, 0);
	dma_buf_pool_watch(stranger.pool); /* nothing is left to be read there */
	ASSERT_INT(calls, ==, 0);
}

/* It has been rung, and looks. */
static void end_stranger(int status)
{
	dma_buf_pool_watch(stranger.pool);
	ASSERT_INT(calls, ==, 1);
	ASSERT_INT(dma_fence_get_status(stranger.here), ==, status);
	dma_fence_put(stranger.here);
	dma_fence_put(stranger.there);
	leave(stranger.pool);
}

/*
 * Where nobody may sleep.
 */

static void evict_for_a_lease(void)
{
	ASSERT_TRUE(dma_fence_is_signaled(both.here[1]));
}

static void in_a_signalling_section(void (*func)(void))
{
	const bool cookie = dma_fence_begin_signalling();

	func();
	dma_fence_end_signalling(cookie);
}

static void in_an_rcu_section(void (*func)(void))
{
	dmabuf_rcu_read_lock();
	func();
	dmabuf_rcu_read_unlock();
}

static void check_eviction(void (*in)(void (*func)(void)))
{
	begin_both();
	begin_stranger(both.other, both.there[0]);
	lease_in_vain(1);
	in(evict_for_a_lease);
	end_stranger(-ECANCELED);
	end_both();
}

TEST(who_asks_where_nobody_may_sleep_evicts_and_tells_strangers)
{
	check_eviction(in_a_signalling_section);
	check_eviction(in_an_rcu_section);
}

static void signal_it(void)
{
	dma_fence_signal(stranger.there);
}

static void check_signal(void (*in)(void (*func)(void)))
{
	struct dma_fence *fence = make_fence();

	begin_both();
	begin_stranger(both.host, fence);
	in(signal_it);
	end_stranger(1);
	end_both();
	dma_fence_put(fence);
}

TEST(who_signals_where_nobody_may_sleep_rings_strangers)
{
	check_signal(in_a_signalling_section);
	check_signal(in_an_rcu_section);
}

static void lease_it(void)
{
	ASSERT_INT(dma_buf_pool_lease_fence(both.host, stranger.there, LONG), ==, 0);
}

TEST(who_makes_a_lease_where_nobody_may_sleep_tells_strangers)
{
	struct dma_fence *fence = make_fence();

	begin_both();
	begin_stranger(both.host, fence);
	in_an_rcu_section(lease_it);
	dma_buf_pool_watch(stranger.pool);
	ASSERT_INT(stranger.pool->timer, >=, 0);
	signal_it();
	end_stranger(1);
	end_both();
	dma_fence_put(fence);
}

/*
 * While another thread reads.
 */

static void come_and_be_rung(void *fence)
{
	begin_stranger(both.host, fence);
	dma_fence_signal(fence);
}

static struct dma_fence *late;

/* It has read all that had come. */
static void let_one_come(void)
{
	test_thread_join(test_thread_start(come_and_be_rung, late));
}

TEST(who_has_read_rings_those_who_came_while_it_read)
{
	static const char *const labels[] = { "mail: read", "mail: unlocked" };

	for (unsigned int i = 0; i < 2; i++) {
		begin_both();
		late = make_fence();
		do_at(labels[i], let_one_come);
		mail_read(both.host);
		os_race_hook(NULL);
		end_stranger(1);
		end_both();
		dma_fence_put(late);
	}
}

/* An enemy has made one up. */
TEST(who_is_nobody_is_not_rung)
{
	begin_both();
	both.host->strangers = UINT64_C(1) << 3 | 1;
	store_relaxed(&shm_place(both.host->base, 3)->word, place_word(PLACE_LIVE, member_id(3, 7)));
	mail_read(both.host);
	ASSERT_INT(both.host->strangers, ==, 0);
	store_relaxed(&shm_place(both.host->base, 3)->word, 0);
	end_both();
}

static void signal_or_read(unsigned int index, void *arg)
{
	(void)arg;
	if (index)
		mail_read(both.host);
	else
		signal_it();
}

TORTURE(a_stranger_is_rung_whoever_reads)
{
	for (unsigned int i = 0; i < test_rounds(20); i++) {
		struct dma_fence *fence = make_fence();

		begin_both();
		begin_stranger(both.host, fence);
		test_race_begin();
		test_threads(3, signal_or_read, NULL);
		test_race_end();
		end_stranger(1);
		end_both();
		dma_fence_put(fence);
		test_operation();
	}
}
