/* SPDX-License-Identifier: MIT */
/* Callbacks of other members' fences, in an application's own event loop. Both members are this process. */
#include "puppet.h"

#include <poll.h>

#include "share/member.h"
#include "share/watcher.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 4, .fences = 4, .timelines = 4,
};

static struct dma_buf_pool *create(void)
{
	struct dma_buf_pool *pool = NULL;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	return pool;
}

static void leave(struct dma_buf_pool *pool)
{
	dma_buf_pool_leave(pool);
	dmabuf_rcu_barrier();
}

static struct dma_buf_pool *add_member(struct dma_buf_pool *host)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *pool;

	ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_admit(host, &invitation, &answer), ==, 0);
	dma_buf_pool_message_close(&invitation);
	dma_buf_pool_message_close(&answer);
	return pool;
}

/* Two members, a fence of one, and what it is to the other one, whose application watches. */
struct world {
	struct dma_buf_pool *host, *other;
	struct dma_fence *here, *there;
	struct dma_fence_cb cb;
	int fd;
};

static unsigned int calls;

static void called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	calls++;
}

static void begin(struct world *world)
{
	struct dma_buf_pool_fence value;

	calls = 0;
	world->host = create();
	world->other = add_member(world->host);
	world->there = make_fence();
	world->fd = dma_buf_pool_watch_fd(world->host);
	ASSERT_INT(world->fd, >=, 0);
	ASSERT_INT(dma_buf_pool_export_fence(world->other, world->there, &value), ==, 0);
	world->here = dma_buf_pool_import_fence(world->host, &value);
	ASSERT_FALSE(dmabuf_is_err(world->here));
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
	ASSERT_INT(dma_fence_add_callback(world->here, &world->cb, called), ==, 0);
}

TEST(what_has_signalled_takes_no_callback)
{
	struct world world;

	begin(&world);
	dma_fence_signal(world.there);
	ASSERT_INT(dma_fence_add_callback(world.here, &world.cb, called), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, 1);
	ASSERT_INT(calls, ==, 0);
	end(&world);
}

TEST(who_comes_too_late_with_a_callback_sees_the_error)
{
	struct world world;

	begin(&world);
	dma_fence_set_error(world.there, -EIO);
	dma_fence_signal(world.there);
	ASSERT_INT(dma_fence_add_callback(world.here, &world.cb, called), ==, -ENOENT);
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
	ASSERT_INT(dma_fence_add_callback(world.here, &world.cb, called), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -EOWNERDEAD);
	end(&world);
}

TEST(who_comes_too_late_with_a_callback_sees_that_the_owner_was_evicted)
{
	struct world world;

	begin(&world);
	ASSERT_INT(dma_buf_pool_evict(world.host, dma_buf_pool_self(world.other)), ==, 0);
	ASSERT_INT(dma_fence_add_callback(world.here, &world.cb, called), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -ECANCELED);
	end(&world);
}
