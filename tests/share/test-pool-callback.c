/* SPDX-License-Identifier: MIT */
/* Callbacks of other members' fences, in an application's own event loop. Both members are this process. */
#include "members.h"
#include "puppet.h"

#include <poll.h>

#include "share/member.h"
#include "share/watcher.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 4, .fences = 4, .timelines = 4,
};

/* Two members, a fence of one, and what it is to the other one, whose application watches. */
struct world {
	struct dma_buf_pool *host, *other;
	struct dma_fence *here, *there;
	struct counting_cb counter;
	int fd;
};

static void begin(struct world *world)
{
	world->counter.calls = 0;
	world->host = create_pool(&limits);
	world->other = add_member(world->host);
	world->there = make_fence();
	world->fd = dma_buf_pool_watch_fd(world->host);
	ASSERT_INT(world->fd, >=, 0);
	world->here = pass_fence(world->other, world->there, world->host);
}

static void end(struct world *world)
{
	dma_fence_put(world->here);
	dma_fence_put(world->there);
	leave(world->other);
	leave(world->host);
}

static bool is_ready(const struct world *world)
{
	struct pollfd entry = { .fd = world->fd, .events = POLLIN };

	return poll(&entry, 1, 0) > 0;
}

static void ask(struct world *world)
{
	ASSERT_INT(dma_fence_add_callback(world->here, &world->counter.cb, count_call), ==, 0);
}

TEST(what_has_signalled_takes_no_callback)
{
	struct world world;

	begin(&world);
	dma_fence_signal(world.there);
	ASSERT_INT(dma_fence_add_callback(world.here, &world.counter.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, 1);
	ASSERT_INT(world.counter.calls, ==, 0);
	end(&world);
}

TEST(who_comes_too_late_with_a_callback_sees_the_error)
{
	struct world world;

	begin(&world);
	dma_fence_set_error(world.there, -EIO);
	dma_fence_signal(world.there);
	ASSERT_INT(dma_fence_add_callback(world.here, &world.counter.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -EIO);
	end(&world);
}

TEST(who_comes_too_late_with_a_callback_sees_that_the_owner_is_gone)
{
	struct world world;
	struct member *member;

	begin(&world);
	member = member_in_place(world.host, 1);
	member_judge(member, VERDICT_DEAD);
	member_put(member);
	ASSERT_INT(dma_fence_add_callback(world.here, &world.counter.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -EOWNERDEAD);
	end(&world);
}

TEST(who_comes_too_late_with_a_callback_sees_that_the_owner_was_evicted)
{
	struct world world;

	begin(&world);
	ASSERT_INT(dma_buf_pool_evict(world.host, dma_buf_pool_self(world.other)), ==, 0);
	ASSERT_INT(dma_fence_add_callback(world.here, &world.counter.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -ECANCELED);
	end(&world);
}

TEST(a_callback_is_called_by_who_looks)
{
	struct world world;

	begin(&world);
	ask(&world);
	dma_buf_pool_watch(world.host);
	ASSERT_FALSE(is_ready(&world));
	ASSERT_INT(world.counter.calls, ==, 0);
	dma_fence_signal(world.there);
	ASSERT_TRUE(is_ready(&world));
	ASSERT_INT(world.counter.calls, ==, 0);
	dma_buf_pool_watch(world.host);
	ASSERT_INT(world.counter.calls, ==, 1);
	ASSERT_FALSE(is_ready(&world));
	end(&world);
}

TEST(a_callback_that_was_removed_is_not_called)
{
	struct world world;

	begin(&world);
	ask(&world);
	ASSERT_TRUE(dma_fence_remove_callback(world.here, &world.counter.cb));
	dma_fence_signal(world.there);
	dma_buf_pool_watch(world.host);
	ASSERT_INT(world.counter.calls, ==, 0);
	ASSERT_INT(dma_fence_get_status(world.here), ==, 1);
	end(&world);
}

TEST(the_application_watches_or_the_library_does)
{
	struct dma_buf_pool *pool = create_pool(&limits);

	ASSERT_INT(dma_buf_pool_watch_fd(pool), ==, dma_buf_pool_watch_fd(pool));
	leave(pool);
	pool = create_pool(&limits);
	watcher_need(pool);
	ASSERT_INT(dma_buf_pool_watch_fd(pool), ==, -EBUSY);
	leave(pool);
}

/* There is nothing more to say of it: who waits for the descriptor sleeps. */
static void end_in_silence(bool is_evicted, bool has_ended)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);
	const uint32_t id = puppet_admit(&peer, pool, 0);
	struct world world = { .fd = dma_buf_pool_watch_fd(pool) };

	if (is_evicted)
		ASSERT_INT(dma_buf_pool_evict(pool, id), ==, 0);
	if (has_ended)
		puppet_kill(&peer);
	dma_buf_pool_watch(pool);
	dma_buf_pool_watch(pool);
	ASSERT_FALSE(is_ready(&world));
	if (!has_ended)
		puppet_quit(&peer);
	leave(pool);
}

TEST(who_is_gone_is_said_once)
{
	end_in_silence(false, false);
	end_in_silence(false, true);
	end_in_silence(true, false);
	end_in_silence(true, true);
}

/* Between being watched and being known, there was something to say. */
static struct dma_buf_pool *watched;

static void look_at_once(const char *label)
{
	if (!strcmp(label, "member: about to be known"))
		dma_buf_pool_watch(watched);
}

TEST(what_comes_before_a_member_is_known_is_looked_at_then)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *host = create_pool(&limits), *guest;
	struct world world = { .fd = dma_buf_pool_watch_fd(host) };

	ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &guest), ==, 0);
	dma_buf_pool_message_close(&invitation);
	leave(guest); /* it hangs up before it is admitted */
	watched = host;
	os_race_hook(look_at_once);
	ASSERT_INT(dma_buf_pool_admit(host, &invitation, &answer, NULL), ==, 0);
	os_race_hook(NULL);
	dma_buf_pool_message_close(&answer);
	ASSERT_TRUE(is_ready(&world));
	dma_buf_pool_watch(host);
	ASSERT_FALSE(is_ready(&world));
	leave(host);
}
