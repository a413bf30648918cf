/* SPDX-License-Identifier: MIT */
/*
 * A member ends, in one way or another, or is stopped and evicted, at each race point of each call. The
 * others go on, at once; and nothing is lost: in the end all places, buffers and locks can be had.
 */
#include "members.h"
#include "puppet.h"
#include "share/pool.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 2, .fences = 2, .timelines = 2,
};

/* The test's own membership; whoever it happens to; and a third one, a member or not. */
static struct {
	struct dma_buf_pool *pool;
	struct peer victim, third;
	uint32_t victims_id, thirds_id;
	struct dma_buf *dmabuf; /* the test's */
	int link[2];		/* from the victim to the third, or the test's; -1: closed */
} world;

/* Nobody has an end but who uses it. */
static void close_end(unsigned int end)
{
	close(world.link[end]);
	world.link[end] = -1;
}

static void make_close(const struct peer *puppet, unsigned int end)
{
	ASSERT_INT(puppet_obey(puppet, &(struct order){ .deed = CLOSE, .sock = world.link[end] }).err, ==,
		   0);
}

static void begin(void)
{
	world.dmabuf = NULL;
	world.victims_id = world.thirds_id = 0;
	make_link(world.link);
	world.victim = puppet_fork();
	world.third = puppet_fork();
	ASSERT_INT(dma_buf_pool_create(&limits, &world.pool), ==, 0);
}

static void admit_victim(void)
{
	world.victims_id = puppet_admit(&world.victim, world.pool, 0);
}

static void admit_third(void)
{
	world.thirds_id = puppet_admit(&world.third, world.pool, 0);
}

static void make_buffer(void)
{
	ASSERT_INT(dma_buf_pool_alloc(world.pool, "test's", 4096, 0, &world.dmabuf), ==, 0);
}

/*
 * What must hold.
 */

static void check_buffers(unsigned int count)
{
	struct dma_buf *dmabuf[2];

	for (unsigned int i = 0; i < count; i++) {
		ASSERT_INT(dma_buf_pool_alloc(world.pool, "checked", 4096, 0, &dmabuf[i]), ==, 0);
		ASSERT_INT(dma_resv_lock_timeout(dmabuf[i]->resv, NULL, SECOND), ==, 0);
		ASSERT_INT(dma_resv_reserve_fences(dmabuf[i]->resv, 2), ==, 0);
		dma_resv_unlock(dmabuf[i]->resv);
	}
	while (count)
		dma_buf_put(dmabuf[--count]);
}

static void check_places(unsigned int count)
{
	struct dma_buf_pool_message invitation[2], more;

	for (unsigned int i = 0; i < count; i++)
		ASSERT_INT(dma_buf_pool_invite(world.pool, 0, &invitation[i]), ==, 0);
	ASSERT_INT(dma_buf_pool_invite(world.pool, 0, &more), ==, -EUSERS);
	while (count--) {
		dma_buf_pool_uninvite(world.pool, &invitation[count]);
		dma_buf_pool_message_close(&invitation[count]);
	}
}

/* The buffer that was there is as it should be. */
static void check_buffer(void)
{
	if (!world.dmabuf)
		return;
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf->resv, NULL, SECOND), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(world.dmabuf->resv, 2), ==, 0);
	dma_resv_unlock(world.dmabuf->resv);
	ASSERT_INT(dma_resv_wait_timeout(world.dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false, SECOND), >,
		   0);
}

/* The third one is a member: it and the test's know each other. */
static void check_third(void)
{
	const struct answer exported = puppet_obey(&world.third, &(struct order){ .deed = EXPORT });
	struct dma_fence *fence;

	ASSERT_INT(exported.err, ==, 0);
	fence = dma_buf_pool_import_fence(world.pool, &exported.value);
	ASSERT_INT(dma_fence_get_status(fence), ==, 0);
	ASSERT_INT(puppet_deed(&world.third, SIGNAL), ==, 0);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	dma_fence_put(fence);
}

/* While the third one is what it was, and after it is gone. The victim is gone, or another program. */
static void check_all(void)
{
	ASSERT_INT(dma_buf_pool_status(world.pool), ==, 0);
	check_buffer();
	check_buffers(world.dmabuf ? 1 : 2);
	if (world.thirds_id && puppet_deed(&world.third, STATUS) == 0)
		check_third();
	puppet_quit(&world.third);
	check_places(2);
	if (world.dmabuf)
		dma_buf_put(world.dmabuf);
	check_buffers(2);
	for (unsigned int i = 0; i < 2; i++)
		close_end(i);
	leave(world.pool);
}

/*
 * What happens.
 */

/* How a call begins, ends, and what it is. */
struct call {
	void (*prepare)(struct order *order);
	enum deed deed;
	void (*take_part)(bool may_stop); /* what the test does for it */
	void (*finish)(void);		  /* when the victim is gone */
	void (*seize)(void);		  /* what the victim was about to have, when it is evicted */
};

/* True: it came to an end before something happened to it. */
static bool has_survived(void)
{
	return puppet_has_answered(&world.victim) && puppet_hear(&world.victim).has_survived;
}

static void begin_call(const struct call *call, unsigned int nth, enum way way)
{
	struct order order = { .sock = -1 };

	begin();
	call->prepare(&order);
	order.deed = call->deed;
	order.points = nth;
	order.way = way;
	puppet_tell(&world.victim, &order);
}

/* False: it has no so many points. */
static bool end_at(const struct call *call, unsigned int nth, enum way way)
{
	bool survives;

	begin_call(call, nth, way);
	if (call->take_part)
		call->take_part(false);
	survives = has_survived();
	if (survives)
		puppet_quit(&world.victim);
	else if (way == EXECUTED)
		await_death(world.pool, world.victims_id);
	else
		ASSERT_INT(peer_reap(&world.victim), ==, end_status(way));
	if (call->finish)
		call->finish();
	check_all();
	if (!survives && way == EXECUTED)
		kill_survivor(&world.victim);
	return !survives;
}

static void end_in(const struct call *call)
{
	bool has_ended = true;

	for (unsigned int nth = 1; has_ended; nth++) {
		for (unsigned int i = ways_a_point(); i && has_ended; i--)
			has_ended = end_at(call, nth, next_way());
	}
}

static void stop_in(const struct call *call)
{
	bool survives = false;

	for (unsigned int nth = 1; !survives; nth++) {
		bool is_stopped, is_evicted = false;

		begin_call(call, nth, STOPPED);
		if (call->take_part)
			call->take_part(true);
		is_stopped = puppet_await_stop(&world.victim);
		if (is_stopped) {
			is_evicted = world.victims_id &&
				     !dma_buf_pool_evict(world.pool, world.victims_id);
			check_buffer();
			if (call->seize && is_evicted)
				call->seize();
			kill(world.victim.pid, SIGCONT);
		}
		ASSERT_TRUE(puppet_has_answered(&world.victim));
		survives = puppet_hear(&world.victim).has_survived;
		if (is_evicted && call->deed != LEAVE)
			ASSERT_INT(puppet_deed(&world.victim, STATUS), ==, -ESTALE);
		puppet_quit(&world.victim);
		if (call->finish)
			call->finish();
		check_all();
	}
}

/*
 * Calls.
 */

static void member(struct order *order)
{
	(void)order;
	admit_victim();
}

static void member_among_three(struct order *order)
{
	(void)order;
	admit_victim();
	admit_third();
	make_buffer();
}

TEST(ended_in_alloc)
{
	end_in(&(struct call){ .prepare = member, .deed = ALLOC });
}

/* Its place is somebody else's when it goes on. */
static struct {
	struct dma_buf *dmabuf[2];
	struct dma_fence *fence[2];
	unsigned int count;
} seized;

static void seize_buffers(void)
{
	struct dma_buf *dmabuf;

	while (seized.count < 2 && !dma_buf_pool_alloc(world.pool, "seized", 4096, 0, &dmabuf)) {
		seized.dmabuf[seized.count] = dmabuf;
		seized.fence[seized.count] = make_fence();
		ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
		ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
		dma_resv_add_fence(dmabuf->resv, seized.fence[seized.count++], DMA_RESV_USAGE_READ);
		dma_resv_unlock(dmabuf->resv);
	}
	ASSERT_INT(seized.count, >, 0);
}

static void check_seized_buffers(void)
{
	while (seized.count) {
		struct dma_fence *fence = seized.fence[--seized.count];
		struct dma_buf *dmabuf = seized.dmabuf[seized.count];
		struct dma_buf_pool_handle handle;
		const struct shm_resv *shm;

		ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
		shm = shm_resv(&world.pool->shape, world.pool->base, handle.buffer);
		ASSERT_INT(shm->number, ==, handle.number);
		ASSERT_TRUE(shm->users & 1);
		ASSERT_FALSE(dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_READ));
		signal_and_put(fence);
		dma_buf_put(dmabuf);
	}
}

TEST(stopped_in_alloc)
{
	stop_in(&(struct call){ .prepare = member, .deed = ALLOC, .finish = check_seized_buffers, .seize = seize_buffers });
}

static void member_with_handle(struct order *order)
{
	member_among_three(order);
	ASSERT_INT(dma_buf_pool_get_handle(world.dmabuf, &order->handle), ==, 0);
}

TEST(ended_in_get_buf)
{
	end_in(&(struct call){ .prepare = member_with_handle, .deed = GET });
}

TEST(stopped_in_get_buf)
{
	stop_in(&(struct call){ .prepare = member_with_handle, .deed = GET });
}

/* It is the only one that has it. */
static void last_user(struct order *order)
{
	(void)order;
	admit_victim();
	ASSERT_INT(puppet_deed(&world.victim, ALLOC), ==, 0);
}

TEST(ended_in_put)
{
	end_in(&(struct call){ .prepare = last_user, .deed = PUT });
}

TEST(stopped_in_put)
{
	stop_in(&(struct call){ .prepare = last_user, .deed = PUT });
}

static void user(struct order *order)
{
	member_with_handle(order);
	ASSERT_INT(puppet_obey(&world.victim, &(struct order){ .deed = GET, .handle = order->handle }).err,
		   ==, 0);
}

TEST(ended_in_lock)
{
	end_in(&(struct call){ .prepare = user, .deed = LOCK });
}

TEST(stopped_in_lock)
{
	stop_in(&(struct call){ .prepare = user, .deed = LOCK });
}

static void holder(struct order *order)
{
	user(order);
	ASSERT_INT(puppet_deed(&world.victim, LOCK), ==, 0);
}

TEST(ended_in_a_commit)
{
	end_in(&(struct call){ .prepare = holder, .deed = PUBLISH });
}

TEST(stopped_in_a_commit)
{
	stop_in(&(struct call){ .prepare = holder, .deed = PUBLISH });
}

static void publisher(struct order *order)
{
	holder(order);
	ASSERT_INT(puppet_deed(&world.victim, PUBLISH), ==, 0);
}

TEST(ended_in_a_signal)
{
	end_in(&(struct call){ .prepare = publisher, .deed = SIGNAL });
}

TEST(stopped_in_a_signal)
{
	stop_in(&(struct call){ .prepare = publisher, .deed = SIGNAL });
}

/* With all that one can have. */
static void about_to_leave(struct order *order)
{
	user(order);
	ASSERT_INT(puppet_deed(&world.victim, PUT), ==, 0);
	ASSERT_INT(puppet_deed(&world.victim, ALLOC), ==, 0);
	ASSERT_INT(puppet_deed(&world.victim, EXPORT), ==, 0);
}

TEST(ended_in_leave)
{
	end_in(&(struct call){ .prepare = about_to_leave, .deed = LEAVE });
}

TEST(stopped_in_leave)
{
	stop_in(&(struct call){ .prepare = about_to_leave, .deed = LEAVE });
}

/* It evicts the third one. */
static void evictor(struct order *order)
{
	member_among_three(order);
	order->member = world.thirds_id;
}

TEST(ended_in_evict)
{
	end_in(&(struct call){ .prepare = evictor, .deed = EVICT });
}

TEST(stopped_in_evict)
{
	stop_in(&(struct call){ .prepare = evictor, .deed = EVICT });
}

/* It wants a place, and that of a dead one is the only one, who had a buffer. */
static void heir(struct order *order)
{
	(void)order;
	admit_victim();
	admit_third();
	ASSERT_INT(puppet_deed(&world.third, ALLOC), ==, 0);
	puppet_kill(&world.third);
	world.third = puppet_fork();
	world.thirds_id = 0;
}

TEST(ended_in_invite)
{
	end_in(&(struct call){ .prepare = heir, .deed = INVITE });
}

/* The place is somebody else's when it goes on, with a buffer; or it has it already, and keeps it. */
static void seize_place(void)
{
	struct dma_buf_pool_message invitation;
	const int err = dma_buf_pool_invite(world.pool, 0, &invitation);

	ASSERT_TRUE(!err || err == -EUSERS);
	if (err)
		return;
	dma_buf_pool_uninvite(world.pool, &invitation);
	dma_buf_pool_message_close(&invitation);
	admit_third();
	ASSERT_INT(puppet_deed(&world.third, ALLOC), ==, 0);
}

static void check_seized_place(void)
{
	struct answer answer;

	if (!world.thirds_id)
		return;
	ASSERT_INT(puppet_deed(&world.third, STATUS), ==, 0);
	ASSERT_INT(puppet_deed(&world.third, LOCK), ==, 0);
	ASSERT_INT(puppet_deed(&world.third, UNLOCK), ==, 0);
	answer = puppet_obey(&world.third, &(struct order){ .deed = HANDLE });
	ASSERT_INT(answer.err, ==, 0);
	ASSERT_INT(shm_resv(&world.pool->shape, world.pool->base, answer.handle.buffer)->number, ==,
		   answer.handle.number);
	ASSERT_INT(puppet_deed(&world.third, PUT), ==, 0);
}

TEST(stopped_in_invite)
{
	stop_in(&(struct call){ .prepare = heir, .deed = INVITE, .finish = check_seized_place, .seize = seize_place });
}

/* It joins, by the test. */
static void outsider(struct order *order)
{
	admit_third();
	make_buffer();
	order->sock = world.link[0];
	make_close(&world.victim, 1);
	make_close(&world.third, 0);
	make_close(&world.third, 1);
	close_end(0);
}

static void serve_it(bool may_stop)
{
	const int64_t patience = may_stop ? SECOND / 10 : PEER_PATIENCE;
	const int err = dma_buf_pool_serve(world.pool, world.link[1], 0, patience,
					   may_stop ? NULL : &world.victims_id);

	ASSERT_TRUE(!err || err == -EPIPE || (may_stop && err == -ETIMEDOUT));
}

TEST(ended_in_join)
{
	end_in(&(struct call){ .prepare = outsider, .deed = JOIN, .take_part = serve_it });
}

TEST(stopped_in_join)
{
	stop_in(&(struct call){ .prepare = outsider, .deed = JOIN, .take_part = serve_it });
}

/* It admits the third one. */
static void host(struct order *order)
{
	admit_victim();
	make_buffer();
	order->sock = world.link[0];
	make_close(&world.victim, 1);
	make_close(&world.third, 0);
	puppet_tell(&world.third, &(struct order){ .deed = JOIN, .sock = world.link[1] });
	close_end(0);
	close_end(1);
}

/* The third one sees when nobody wants it any more. */
static void hear_third(void)
{
	const struct answer answer = puppet_hear(&world.third);

	if (!answer.err)
		world.thirds_id = answer.self;
}

TEST(ended_in_serve)
{
	end_in(&(struct call){ .prepare = host, .deed = SERVE, .finish = hear_third });
}

TEST(stopped_in_serve)
{
	stop_in(&(struct call){ .prepare = host, .deed = SERVE, .finish = hear_third });
}
