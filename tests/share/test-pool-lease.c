/* SPDX-License-Identifier: MIT */
/* Leases: whose fence does not signal in time is evicted, by who notices; all others notice nothing. */
#include "leases.h"
#include "puppet.h"
#include "share/place.h"

/*
 * Processes that are stopped.
 */

/* A puppet's fence, and what it is here. */
static struct {
	struct peer peer;
	struct dma_buf_pool *pool;
	uint32_t id;
	struct dma_buf_pool_fence value;
	struct dma_fence *fence;
} world;

static int lease(int64_t time)
{
	return puppet_obey(&world.peer, &(struct order){ .deed = LEASE, .time = time }).err;
}

static void begin(void)
{
	world.peer = puppet_fork();
	world.pool = create_pool(&limits);
	world.id = puppet_admit(&world.peer, world.pool, 0);
}

static void export(void)
{
	world.value = puppet_obey(&world.peer, &(struct order){ .deed = EXPORT }).value;
	world.fence = dma_buf_pool_import_fence(world.pool, &world.value);
	ASSERT_FALSE(dmabuf_is_err(world.fence));
}

static void stop(const struct peer *peer)
{
	int status;

	kill(peer->pid, SIGSTOP);
	ASSERT_INT(waitpid(peer->pid, &status, WUNTRACED), ==, peer->pid);
	ASSERT_TRUE(WIFSTOPPED(status));
}

static void begin_stopped(void)
{
	begin();
	export();
	ASSERT_INT(lease(SHORT), ==, 0);
	stop(&world.peer);
}

/* The one that was stopped goes on, and hears that it is none any more. */
static void end(void)
{
	kill(world.peer.pid, SIGCONT);
	ASSERT_INT(puppet_deed(&world.peer, STATUS), ==, -ESTALE);
	ASSERT_INT(puppet_obey(&world.peer, &(struct order){ .deed = LEASE, .time = LONG }).err, ==,
		   -ESTALE);
	puppet_quit(&world.peer);
	if (world.fence)
		dma_fence_put(world.fence);
	world.fence = NULL;
	leave(world.pool);
}

TEST(who_waits_for_a_leased_fence_waits_no_longer_than_its_lease)
{
	begin_stopped();
	ASSERT_INT(dma_fence_wait(world.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(world.fence), ==, -ECANCELED);
	end();
}

/* Nobody else looks. */
static void be_called(struct dma_fence *fence)
{
	struct dma_fence_cb cb;

	calls = 0;
	if (!dma_fence_add_callback(fence, &cb, called)) {
		while (!load_acquire(&calls))
			usleep(1000);
	}
}

TEST(a_callback_of_a_leased_fence_is_called_when_the_lease_ends)
{
	begin_stopped();
	be_called(world.fence);
	ASSERT_INT(dma_fence_get_status(world.fence), ==, -ECANCELED);
	end();
}

static void be_called_there(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf_pool_fence value;
	struct dma_fence *fence;

	PEER_MUST(peer_hear(sock, &value, sizeof(value)));
	fence = dma_buf_pool_import_fence(pool, &value);
	PEER_MUST(!dmabuf_is_err(fence));
	be_called(fence);
	PEER_MUST(dma_fence_get_status(fence) == -ECANCELED);
	dma_fence_put(fence);
	dma_buf_pool_leave(pool);
}

TEST(when_a_lease_ends_all_processes_agree)
{
	struct peer called_there = peer_fork(be_called_there), waits = puppet_fork();
	const struct dma_buf_pool_fence *value = &world.value;

	begin();
	ASSERT_INT(dma_buf_pool_serve(world.pool, called_there.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	puppet_admit(&waits, world.pool, 0);
	export();
	ASSERT_INT(lease(SHORT), ==, 0);
	stop(&world.peer);
	peer_tell(called_there.sock, value, sizeof(*value));
	ASSERT_INT(peer_reap(&called_there), ==, 0);
	ASSERT_INT(puppet_obey(&waits, &(struct order){ .deed = IMPORT, .value = *value }).err, ==, 0);
	ASSERT_INT(puppet_deed(&waits, WAIT), ==, -ECANCELED);
	ASSERT_TRUE(dma_fence_is_signaled(world.fence));
	ASSERT_INT(dma_fence_get_status(world.fence), ==, -ECANCELED);
	puppet_quit(&waits);
	end();
}

/* Of the puppet. */
static struct dma_buf *get_buffer(void)
{
	struct order order = { .deed = GET };
	struct dma_buf *dmabuf = NULL;

	order.handle = puppet_obey(&world.peer, &(struct order){ .deed = ALLOC }).handle;
	ASSERT_INT(dma_buf_pool_get_buf(world.pool, &order.handle, &dmabuf), ==, 0);
	return dmabuf;
}

TEST(a_wait_for_a_buffer_ends_with_the_lease_of_its_fence)
{
	struct dma_buf *dmabuf;

	begin();
	dmabuf = get_buffer();
	ASSERT_INT(puppet_deed(&world.peer, LOCK), ==, 0);
	ASSERT_INT(puppet_deed(&world.peer, PUBLISH), ==, 0);
	ASSERT_INT(lease(SHORT), ==, 0);
	stop(&world.peer);
	ASSERT_INT(dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false,
					 MAX_SCHEDULE_TIMEOUT), >, 0);
	ASSERT_TRUE(dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP));
	dma_buf_put(dmabuf);
	end();
}

/* Nobody waits for the fence; and what its owner stages later is not seen. */
TEST(who_wants_a_lock_has_it_when_a_lease_of_the_holder_ends)
{
	struct dma_buf *dmabuf;

	begin();
	dmabuf = get_buffer();
	export();
	ASSERT_INT(puppet_deed(&world.peer, LOCK), ==, 0);
	ASSERT_INT(lease(SHORT), ==, 0);
	stop(&world.peer);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	dma_resv_unlock(dmabuf->resv);
	kill(world.peer.pid, SIGCONT);
	ASSERT_INT(puppet_deed(&world.peer, PUBLISH), ==, -ESTALE);
	ASSERT_TRUE(dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP));
	dma_buf_put(dmabuf);
	end();
}

TEST(a_lease_of_the_dead_is_not_their_end)
{
	begin_stopped();
	puppet_kill(&world.peer);
	until(os_now_ns() + SHORT);
	ASSERT_INT(dma_fence_wait(world.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(world.fence), ==, -EOWNERDEAD);
	ASSERT_TRUE(place_is(world.pool, world.id, PLACE_LIVE)); /* nobody has evicted it */
	dma_fence_put(world.fence);
	world.fence = NULL;
	leave(world.pool);
}

/*
 * Both members are this process, and nobody looks but the test.
 */

TEST(a_lease_ends_with_its_point)
{
	begin_both();
	ASSERT_INT(lease_point(1, LONG), ==, 0);
	ASSERT_FALSE(is_evicted());
	lease_in_vain(0);
	dma_fence_signal(both.there[0]);
	ASSERT_FALSE(is_evicted());
	lease_in_vain(1);
	ASSERT_TRUE(is_evicted());
	ASSERT_INT(dma_fence_get_status(both.here[0]), ==, 1);
	ASSERT_INT(dma_fence_get_status(both.here[1]), ==, -ECANCELED);
	end_both();
}

TEST(who_asks_evicts_as_well_as_who_waits)
{
	begin_both();
	lease_in_vain(0);
	while (!dma_fence_is_signaled(both.here[0]))
		usleep(1000);
	ASSERT_INT(dma_fence_get_status(both.here[0]), ==, -ECANCELED);
	end_both();
}

TEST(a_lease_can_be_prolonged_and_shortened)
{
	begin_both();
	lease_in_vain(0);
	ASSERT_INT(lease_point(0, LONG), ==, 0);
	ASSERT_FALSE(is_evicted());
	lease_in_vain(0);
	ASSERT_INT(lease_point(0, MAX_SCHEDULE_TIMEOUT), ==, 0);
	ASSERT_FALSE(is_evicted());
	lease_in_vain(0);
	ASSERT_TRUE(is_evicted());
	end_both();
}

TEST(each_of_a_members_leases_counts)
{
	begin_both();
	ASSERT_INT(lease_point(0, LONG), ==, 0);
	ASSERT_INT(lease_point(1, LONG), ==, 0);
	lease_in_vain(2);
	ASSERT_TRUE(is_evicted());
	end_both();
}

TEST(nobody_evicts_himself)
{
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_buf_pool_lease_fence(pool, fence, 1), ==, 0);
	until(os_now_ns() + 1);
	ASSERT_INT(member_check(pool->self), ==, VERDICT_ALIVE);
	ASSERT_INT(dma_buf_pool_status(pool), ==, 0);
	signal_and_put(fence);
	leave(pool);
}

TEST(who_is_no_member_evicts_nobody)
{
	struct dma_buf_pool *third;

	begin_both();
	third = add_member(both.host);
	ASSERT_INT(dma_buf_pool_evict(third, dma_buf_pool_self(both.host)), ==, 0);
	lease_in_vain(0);
	ASSERT_FALSE(is_evicted());
	leave(third);
	end_both();
}

/*
 * What there is room for, and what is refused.
 */

TEST(a_member_has_so_many_leases_at_a_time)
{
	static const struct dma_buf_pool_limits two = { 1, 1, 1, .timelines = 2 };
	struct dma_buf_pool *pool = create_pool(&two);
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *fence[DMA_BUF_POOL_LEASES + 1], *last = make_fence(), *none = make_fence();

	for (unsigned int i = 0; i <= DMA_BUF_POOL_LEASES; i++)
		fence[i] = make_fence_with(&plain_ops, NULL, context, i + 1);
	for (unsigned int i = 0; i < DMA_BUF_POOL_LEASES; i++)
		ASSERT_INT(dma_buf_pool_lease_fence(pool, fence[i], LONG), ==, 0);
	ASSERT_INT(dma_buf_pool_lease_fence(pool, fence[DMA_BUF_POOL_LEASES], LONG), ==, -ENOSPC);
	ASSERT_INT(dma_buf_pool_lease_fence(pool, fence[7], LONG), ==, 0);
	dma_fence_signal(fence[0]);
	ASSERT_INT(dma_buf_pool_lease_fence(pool, fence[DMA_BUF_POOL_LEASES], LONG), ==, 0);
	dma_fence_signal(fence[1]);
	ASSERT_INT(dma_buf_pool_lease_fence(pool, last, LONG), ==, 0);
	ASSERT_INT(dma_buf_pool_lease_fence(pool, none, LONG), ==, -ENOSPC); /* no timeline */
	ASSERT_INT(dma_buf_pool_lease_fence(pool, last, LONG), ==, 0);
	ASSERT_INT(dma_buf_pool_lease_fence(pool, fence[7], LONG), ==, 0);
	signal_and_put_all(fence, DMA_BUF_POOL_LEASES + 1);
	dma_fence_signal(last);
	ASSERT_INT(dma_buf_pool_lease_fence(pool, last, LONG), ==, 0); /* needs none */
	dma_fence_put(last);
	dma_fence_put(none);
	leave(pool);
}

TEST(what_is_no_lease_is_refused)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *guest;

	begin_both();
	ASSERT_INT(dma_buf_pool_lease_fence(NULL, both.there[0], 1), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_lease_fence(both.other, NULL, 1), ==, -EINVAL);
	ASSERT_INT(lease_point(0, 0), ==, -EINVAL);
	ASSERT_INT(lease_point(0, INT64_MIN), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_lease_fence(both.host, both.here[0], LONG), ==, -EINVAL);
	ASSERT_FALSE(is_evicted());
	ASSERT_INT(dma_buf_pool_invite(both.host, 0, &invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &guest), ==, 0);
	ASSERT_INT(dma_buf_pool_lease_fence(guest, both.there[0], LONG), ==, -EAGAIN);
	dma_buf_pool_message_close(&invitation);
	dma_buf_pool_message_close(&answer);
	leave(guest);
	ASSERT_INT(dma_buf_pool_evict(both.host, dma_buf_pool_self(both.other)), ==, 0);
	ASSERT_INT(lease_point(0, LONG), ==, -ESTALE);
	end_both();
}

/*
 * Between two steps of who looks, or of who makes a lease.
 */

static const char *label;
static void (*meanwhile)(void);

static void at_label(const char *at)
{
	void (*func)(void) = meanwhile;

	if (!func || strcmp(at, label) != 0)
		return;
	meanwhile = NULL;
	func();
}

static void do_at(const char *at, void (*func)(void))
{
	label = at;
	meanwhile = func;
	os_race_hook(at_label);
}

/* Its owner was stopped for long before it wrote the second one. */
static void replace(void)
{
	struct dma_buf_pool_fence value;

	ASSERT_INT(dma_buf_pool_export_fence(both.other, both.there[1], &value), ==, 0);
	dma_fence_signal(both.there[0]);
	forge(0, value.seqno << LEASE_SEQNO_SHIFT | value.timeline, 1);
	dma_fence_signal(both.there[1]);
}

TEST(a_deadline_does_not_count_for_the_point_before)
{
	begin_both();
	ASSERT_INT(lease_point(0, LONG), ==, 0);
	do_at("lease: between its words", replace);
	ASSERT_FALSE(is_evicted());
	os_race_hook(NULL);
	ASSERT_PTR(meanwhile, ==, NULL);
	end_both();
}

static void look_there(void)
{
	ASSERT_FALSE(is_evicted());
}

TEST(a_deadline_does_not_count_for_the_point_after)
{
	begin_both();
	lease_in_vain(0);
	dma_fence_signal(both.there[0]);
	do_at("lease: half made", look_there);
	ASSERT_INT(lease_point(1, LONG), ==, 0);
	os_race_hook(NULL);
	ASSERT_PTR(meanwhile, ==, NULL);
	end_both();
}

static int64_t deadline;
static bool is_in_time;

static void prolong_in_time(void)
{
	ASSERT_INT(lease_point(0, LONG), ==, 0);
	is_in_time = os_now_ns() < deadline;
	until(deadline);
}

/* However long that one takes. */
TEST(who_prolongs_in_time_is_not_evicted_by_who_has_read_the_first_deadline)
{
	is_in_time = false;
	while (!is_in_time) {
		begin_both();
		ASSERT_INT(lease_point(0, 2 * SHORT), ==, 0);
		deadline = load_relaxed(&both.other->self->map->lease[0].deadline);
		do_at("lease: before its point", prolong_in_time);
		if (member_check(both.member) != VERDICT_ALIVE)
			ASSERT_FALSE(is_in_time);
		os_race_hook(NULL);
		end_both();
	}
}

/*
 * Lies.
 */

TEST(leases_of_timelines_that_are_not_there_say_nothing)
{
	begin_both();
	forge(0, UINT64_C(1) << LEASE_SEQNO_SHIFT | limits.timelines, 1);
	forge(MOST_LEASES - 1, UINT64_MAX, INT64_MIN);
	ASSERT_FALSE(is_evicted());
	end_both();
}

TEST(who_lies_about_leases_is_evicted_at_worst)
{
	static const int64_t lies[] = { INT64_MIN, -1, 1 };
	struct dma_buf_pool *third;

	for (unsigned int i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		begin_both();
		third = add_member(both.host);
		forge(MOST_LEASES - 1, UINT64_MAX << LEASE_SEQNO_SHIFT, lies[i]);
		ask(0);
		ASSERT_TRUE(is_evicted());
		ASSERT_INT(dma_buf_pool_status(both.host), ==, 0);
		ASSERT_INT(dma_buf_pool_status(third), ==, 0);
		leave(third);
		end_both();
	}
}

/*
 * One that is evicted for a broken lease, and says that it is not: it writes its place as it was.
 */

static unsigned int returns; /* how often it has */

static void come_back(const char *at)
{
	if (strcmp(at, "evict: not told") != 0 || ++returns > 100)
		return;
	store_relaxed(&shm_place(both.host->base, 1)->word, both.member->live);
}

/* Under the lock of another fence: so nobody is told before it is dropped. */
static void look_twice(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	member_check(both.member);
	member_check(both.member);
}

TEST(who_comes_back_is_told_of_once)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence_cb cb;
	uint32_t refs;

	begin_both();
	returns = 0;
	refs = load_relaxed(&both.member->refs);
	ASSERT_INT(dma_fence_add_callback(fence, &cb, look_twice), ==, 0);
	lease_in_vain(0);
	os_race_hook(come_back);
	alarm(60);
	dma_fence_signal(fence);
	alarm(0);
	os_race_hook(NULL);
	ASSERT_INT(load_relaxed(&both.member->refs), ==, refs);
	ASSERT_INT(returns, >=, 2);
	ASSERT_INT(returns, <, 100); /* telling looks again, and does not tell again */
	dma_fence_put(fence);
	end_both();
}
