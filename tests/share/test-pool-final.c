/* SPDX-License-Identifier: MIT */
/*
 * What was found once stays.
 *
 * Claims: what a process has found of a dead member, it finds again, whatever becomes of that
 * one's place, and all who look have found that the same points signalled; who is dead is not
 * evicted, by a lease that was over or by anybody, and whoever only hung up is; who has left finds
 * nothing more; after the end of a pool nobody comes into a place, so that what was found of its
 * points is so for all.
 */
#include "members.h"
#include "os/clock.h"
#include "puppet.h"
#include "share/mail.h"
#include "waiting.h"

static const struct dma_buf_pool_limits limits = {
	.members = 5, .buffers = 2, .fences = 2, .timelines = 4,
};

/*
 * The dead.
 */

/* A process with a fence; and two members that are this one. */
static struct {
	struct peer peer;
	struct dma_buf_pool *one, *other;
	struct dma_buf_pool_fence value;
	uint32_t id;
	struct dma_fence *ones, *others;
	int first; /* that one of them found */
} world;

static void begin(void)
{
	world.peer = puppet_fork();
	world.one = create_pool(&limits);
	world.other = add_member(world.one);
	world.id = puppet_admit(&world.peer, world.one, 0);
	world.value = puppet_obey(&world.peer, &(struct order){ .deed = EXPORT }).value;
	world.ones = import(world.one, &world.value);
	world.others = import(world.other, &world.value);
}

/* 0: it has not signalled. */
static int status_of(struct dma_fence *fence)
{
	return dma_fence_is_signaled(fence) ? dma_fence_get_status(fence) : 0;
}

/* What @pool finds of the point now, by a fence that nobody has asked yet. */
static int find(struct dma_buf_pool *pool)
{
	struct dma_fence *fence = import(pool, &world.value);
	const int status = status_of(fence);

	dma_fence_put(fence);
	return status;
}

static int await(struct dma_fence *fence)
{
	ASSERT_INT(dma_fence_wait_timeout(fence, false, PEER_PATIENCE), >, 0);
	return dma_fence_get_status(fence);
}

static void end(void)
{
	dma_fence_put(world.ones);
	dma_fence_put(world.others);
	dma_buf_pool_leave(world.other);
	leave(world.one);
}

TEST(who_was_found_dead_is_not_evicted)
{
	begin();
	puppet_kill(&world.peer);
	ASSERT_INT(await(world.ones), ==, -EOWNERDEAD);
	ASSERT_INT(dma_buf_pool_evict(world.one, world.id), ==, -ENOENT);
	ASSERT_INT(find(world.one), ==, -EOWNERDEAD);
	ASSERT_INT(find(world.other), ==, -EOWNERDEAD);
	end();
}

TEST(who_was_found_dead_stays_so_after_the_end)
{
	begin();
	puppet_kill(&world.peer);
	ASSERT_INT(await(world.ones), ==, -EOWNERDEAD);
	dma_buf_pool_destroy(world.other);
	world.other = NULL;
	ASSERT_INT(dma_fence_get_status(world.ones), ==, -EOWNERDEAD);
	ASSERT_INT(member_check_id(world.one, world.id), ==, VERDICT_DEAD);
	end();
}

/* As the others find it: who goes by its mail learns that it hung up, and not whether it was evicted before that. */
TEST(who_was_evicted_and_died_then_is_evicted)
{
	begin();
	ASSERT_INT(dma_buf_pool_evict(world.one, world.id), ==, 0);
	ASSERT_INT(await(world.ones), ==, -ECANCELED);
	puppet_kill(&world.peer);
	mail_read(world.other);
	ASSERT_INT(member_check_id(world.other, world.id), ==, VERDICT_EVICTED);
	ASSERT_INT(find(world.other), ==, -ECANCELED);
	end();
}

/* In good time: nobody had found that it was late. */
static void die(void)
{
	puppet_kill(&world.peer);
	world.first = await(world.others);
}

#define SHORT (SECOND / 50)

static void begin_late(void)
{
	int status;

	begin();
	ASSERT_INT(puppet_obey(&world.peer, &(struct order){ .deed = LEASE, .time = SHORT }).err, ==, 0);
	kill(world.peer.pid, SIGSTOP);
	ASSERT_INT(waitpid(world.peer.pid, &status, WUNTRACED), ==, world.peer.pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	for (const int64_t late = os_now_ns() + SHORT; os_now_ns() <= late;)
		usleep(1000);
}

static void dies_before_it_is_evicted(const char *label)
{
	begin_late();
	do_at(label, die);
	ASSERT_INT(await(world.ones), ==, -EOWNERDEAD);
	os_race_hook(NULL);
	ASSERT_INT(world.first, ==, -EOWNERDEAD);
	ASSERT_INT(find(world.other), ==, -EOWNERDEAD);
	ASSERT_INT(find(world.one), ==, -EOWNERDEAD);
	end();
}

TEST(who_dies_while_somebody_looks_at_its_lease_is_dead)
{
	dies_before_it_is_evicted("lease: between its words");
	dies_before_it_is_evicted("member: its lease is broken");
}

/* Who looks first now finds it evicted; who had found it dead goes on to. */
TEST(who_dies_before_the_count_is_dead_to_who_knew_it)
{
	begin_late();
	do_at("evict: begun", die);
	ASSERT_INT(await(world.ones), ==, -ECANCELED);
	os_race_hook(NULL);
	ASSERT_INT(world.first, ==, -EOWNERDEAD);
	ASSERT_INT(find(world.other), ==, -EOWNERDEAD);
	ASSERT_INT(find(world.one), ==, -ECANCELED);
	end();
}

/*
 * Who looks no more.
 */

/* A point of the owner's; to one who stays, and, twice, to one who does not. */
static struct {
	struct dma_buf_pool *host, *owner, *other;
	struct dma_fence *there, *hosts, *others[2];
} three;

static void begin_three(void)
{
	three.host = create_pool(&limits);
	three.owner = add_member(three.host);
	three.other = add_member(three.host);
	three.there = make_fence();
	three.hosts = pass_fence(three.owner, three.there, three.host);
	for (unsigned int i = 0; i < 2; i++)
		three.others[i] = pass_fence(three.owner, three.there, three.other);
}

static void end_three(void)
{
	dma_fence_put(three.hosts);
	dma_fence_put(three.others[0]);
	dma_fence_put(three.others[1]);
	dma_fence_put(three.there);
	dma_buf_pool_leave(three.owner);
	dma_buf_pool_leave(three.other);
	leave(three.host);
}

static void leave_three(void)
{
	dma_buf_pool_leave(three.other);
	three.other = NULL;
}

TEST(who_has_left_finds_the_same_of_a_point_by_each_fence)
{
	begin_three();
	leave_three();
	ASSERT_INT(status_of(three.others[0]), ==, -EOWNERDEAD);
	dma_fence_signal(three.there);
	ASSERT_INT(status_of(three.others[1]), ==, -EOWNERDEAD);
	ASSERT_INT(status_of(three.hosts), ==, 1);
	end_three();
}

TEST(who_has_left_finds_no_success_where_others_find_an_eviction)
{
	begin_three();
	leave_three();
	ASSERT_INT(dma_buf_pool_evict(three.host, dma_buf_pool_self(three.owner)), ==, 0);
	ASSERT_INT(status_of(three.hosts), ==, -ECANCELED);
	dma_fence_signal(three.there);
	ASSERT_INT(status_of(three.others[0]), <, 0);
	end_three();
}

static struct member *host_at_owner(void)
{
	return member_in_place(three.owner, 0);
}

static void hang_up_on_host(void)
{
	struct member *host = host_at_owner();

	shutdown(host->channel, SHUT_RDWR);
	member_put(host);
	dma_buf_pool_watch(three.host);
}

/* By whom it hung up on, too: it lives, and others wait for it. */
TEST(who_hangs_up_and_lives_can_be_evicted)
{
	begin_three();
	hang_up_on_host();
	ASSERT_INT(status_of(three.hosts), ==, -EOWNERDEAD);
	ASSERT_INT(dma_buf_pool_evict(three.host, dma_buf_pool_self(three.owner)), ==, 0);
	ASSERT_INT(dma_buf_pool_status(three.owner), ==, -ESTALE);
	ASSERT_INT(status_of(three.others[0]), ==, -ECANCELED);
	dma_fence_signal(three.there);
	ASSERT_INT(member_check_id(three.host, dma_buf_pool_self(three.owner)), ==, VERDICT_DEAD);
	ASSERT_INT(status_of(three.others[1]), ==, -ECANCELED);
	end_three();
}

TEST(an_empty_letter_is_none)
{
	struct member *host;

	begin_three();
	host = host_at_owner();
	ASSERT_INT(send(host->channel, "", 0, MSG_NOSIGNAL), ==, 0);
	member_put(host);
	dma_buf_pool_watch(three.host);
	ASSERT_INT(member_check_id(three.host, dma_buf_pool_self(three.owner)), ==, VERDICT_ALIVE);
	dma_fence_signal(three.there);
	ASSERT_INT(status_of(three.hosts), ==, 1);
	end_three();
}

TEST(who_is_late_is_evicted_by_hand)
{
	begin_three();
	ASSERT_INT(dma_buf_pool_lease_fence(three.owner, three.there, 1), ==, 0);
	for (const int64_t late = os_now_ns() + 1; os_now_ns() <= late;)
		usleep(1000);
	ASSERT_INT(dma_buf_pool_evict(three.host, dma_buf_pool_self(three.owner)), ==, 0);
	ASSERT_INT(dma_buf_pool_status(three.owner), ==, -ESTALE);
	end_three();
}

/* Nobody has to do anything more for that: the thread has handed on what it deferred. */
TEST(what_a_pool_had_open_is_closed_after_leaving)
{
	const struct test_resources before = test_resources();
	struct peer puppet = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);

	puppet_admit(&puppet, pool, 0);
	dma_buf_pool_leave(pool);
	WAIT_UNTIL(test_descriptors() == before.descriptors + 1); /* the puppet's socket */
	puppet_quit(&puppet);
}

/*
 * A fork.
 */

static uint32_t is_telling, may_tell; /* atomic */
static __thread bool is_teller;

static void stop_teller(const char *label)
{
	if (!is_teller || strcmp(label, "shared fence: telling") != 0)
		return;
	store_release(&is_telling, true);
	WAIT_UNTIL(load_acquire(&may_tell));
}

static void tell(void *fence)
{
	is_teller = true;
	ASSERT_TRUE(dma_fence_is_signaled(fence));
}

/* The child has not the thread that was about to say how the fence ended. */
TEST(a_child_waits_for_no_thread_of_its_parent)
{
	struct test_thread *thread;
	int status;
	pid_t child;

	test_forks_beside_threads();
	begin_three();
	dma_fence_signal(three.there);
	os_race_hook(stop_teller);
	thread = test_thread_start(tell, three.hosts);
	WAIT_UNTIL(load_acquire(&is_telling));
	child = fork();
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		os_race_hook(NULL);
		_exit(dma_fence_wait_timeout(three.hosts, false, SECOND / 10) > 0 ? 0 : 1);
	}
	ASSERT_INT(waitpid(child, &status, 0), ==, child);
	store_release(&may_tell, true);
	test_thread_join(thread);
	os_race_hook(NULL);
	ASSERT_INT(status, ==, 0);
	end_three();
}

/*
 * After the end.
 */

/* All of them are this process: who owns a fence, who ends the pool, two who look, and one who lets somebody in. */
static struct {
	struct dma_buf_pool *owner, *ender, *looker[2], *host;
	struct dma_fence *there, *here[2];
	int found;
} last;

static void begin_last(void)
{
	last.owner = create_pool(&limits);
	last.ender = add_member(last.owner);
	last.looker[0] = add_member(last.owner);
	last.looker[1] = add_member(last.owner);
	last.host = add_member(last.owner);
	last.there = make_fence();
	for (unsigned int i = 0; i < 2; i++)
		last.here[i] = pass_fence(last.owner, last.there, last.looker[i]);
}

static void end_last(void)
{
	dma_fence_put(last.here[0]);
	dma_fence_put(last.here[1]);
	dma_buf_pool_leave(last.looker[0]);
	dma_buf_pool_leave(last.looker[1]);
	leave(last.host);
}

/* One that has found that the pool goes on would let somebody in, after @func. Nobody comes. */
static void let_in_while(void (*func)(void))
{
	struct dma_buf_pool_message invitation;

	do_at("places: locked", func);
	ASSERT_INT(dma_buf_pool_invite(last.host, 0, &invitation), <, 0);
	os_race_hook(NULL);
	ASSERT_INT(last.found, ==, -ECANCELED);
	ASSERT_INT(status_of(last.here[1]), ==, -ECANCELED);
	end_last();
}

static void end_and_leave(void)
{
	dma_buf_pool_destroy(last.ender);
	last.found = status_of(last.here[0]);
	signal_and_put(last.there);
	dma_buf_pool_leave(last.owner);
}

TEST(nobody_comes_into_the_place_of_who_leaves_after_the_end)
{
	begin_last();
	let_in_while(end_and_leave);
}

/* The one who has the fence is another process now, and the pool is full. */
static void end_and_die(void)
{
	dma_buf_pool_destroy(last.ender);
	last.found = status_of(last.here[0]);
	ASSERT_INT(puppet_deed(&world.peer, SIGNAL), ==, 0);
	puppet_kill(&world.peer);
}

TEST(nobody_comes_into_the_place_of_who_dies_after_the_end)
{
	world.peer = puppet_fork();
	last.host = create_pool(&limits);
	last.ender = add_member(last.host);
	last.looker[0] = add_member(last.host);
	last.looker[1] = add_member(last.host);
	puppet_admit(&world.peer, last.host, 0);
	world.value = puppet_obey(&world.peer, &(struct order){ .deed = EXPORT }).value;
	for (unsigned int i = 0; i < 2; i++)
		last.here[i] = import(last.looker[i], &world.value);
	let_in_while(end_and_die);
}
