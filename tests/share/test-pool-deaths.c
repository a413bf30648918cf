/* SPDX-License-Identifier: MIT */
/*
 * A member ends, in each way there is, while two others need what it has: one that sleeps until then, and
 * the test, which looks afterwards. Between two calls: while it is idle, has a lock, has staged something,
 * has committed and not signalled. And in a signal, with and without an error, at each of its points.
 */
#include "members.h"
#include "puppet.h"
#include "share/shared-resv.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 1, .fences = 2, .timelines = 2,
};

static struct {
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;
	struct peer victim, sleeper;
	uint32_t victims_id;
} world;

static void get_there(const struct peer *puppet)
{
	struct order order = { .deed = GET };

	ASSERT_INT(dma_buf_pool_get_handle(world.dmabuf, &order.handle), ==, 0);
	ASSERT_INT(puppet_obey(puppet, &order).err, ==, 0);
}

static struct dma_buf_pool_fence export_there(const struct peer *puppet)
{
	const struct answer answer = puppet_obey(puppet, &(struct order){ .deed = EXPORT });

	ASSERT_INT(answer.err, ==, 0);
	return answer.value;
}

static int import_there(const struct peer *puppet, const struct dma_buf_pool_fence *value)
{
	return puppet_obey(puppet, &(struct order){ .deed = IMPORT, .value = *value }).err;
}

/* All have read all of their mail. */
static void begin(void)
{
	struct dma_buf_pool_fence value;

	world.victim = puppet_fork();
	world.sleeper = puppet_fork();
	ASSERT_INT(dma_buf_pool_create(&limits, &world.pool), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(world.pool, NULL, 4096, 0, &world.dmabuf), ==, 0);
	world.victims_id = puppet_admit(&world.victim, world.pool, 0);
	puppet_admit(&world.sleeper, world.pool, 0);
	get_there(&world.victim);
	get_there(&world.sleeper);
	value = export_there(&world.sleeper);
	ASSERT_INT(import_there(&world.victim, &value), ==, 0);
	ASSERT_INT(puppet_deed(&world.sleeper, SIGNAL), ==, 0);
}

/* The only places of a member and of a fence that are left are the dead one's. */
static void check_place(void)
{
	struct dma_buf_pool_message invitation;

	ASSERT_INT(dma_buf_pool_invite(world.pool, 0, &invitation), ==, 0);
	dma_buf_pool_uninvite(world.pool, &invitation);
	dma_buf_pool_message_close(&invitation);
}

static void check_buffer(void)
{
	struct dma_resv *resv = world.dmabuf->resv;

	ASSERT_INT(dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false, PEER_PATIENCE), >, 0);
	ASSERT_INT(dma_resv_lock_timeout(resv, NULL, PEER_PATIENCE), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, limits.fences), ==, 0);
	dma_resv_unlock(resv);
}

/* The victim ends, or has ended, in that @way. */
static void end(enum way way)
{
	await_death(world.pool, world.victims_id);
	check_buffer();
	check_place();
	ASSERT_INT(dma_buf_pool_status(world.pool), ==, 0);
	if (way == EXECUTED)
		kill_survivor(&world.victim);
	else
		ASSERT_INT(peer_reap(&world.victim), ==, end_status(way));
	puppet_quit(&world.sleeper);
	dma_buf_put(world.dmabuf);
	leave(world.pool);
}

/*
 * Between two calls.
 */

static void tell_to_end(enum way way)
{
	puppet_tell(&world.victim, &(struct order){ .deed = END, .way = way });
}

static void end_while_idle(enum way way)
{
	begin();
	tell_to_end(way);
	end(way);
}

/* Somebody sleeps for the lock that the victim has. */
static void begin_sleep_for_lock(void)
{
	puppet_tell(&world.sleeper, &(struct order){ .deed = LOCK });
	WAIT_UNTIL(load_acquire(&shared_resv_of(world.dmabuf->resv)->shm->lock) & LOCK_WAITERS);
}

/* Signalled or not. */
static unsigned int count_fences(void)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *fence;
	unsigned int n = 0;

	dma_resv_get_snapshot(world.dmabuf->resv, &set);
	dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP)
		n++;
	dma_resv_put_snapshot(&set);
	return n;
}

/* It gets it, and nothing shows that was not committed. */
static void end_sleep_for_lock(void)
{
	ASSERT_INT(puppet_hear(&world.sleeper).err, ==, 0);
	ASSERT_INT(count_fences(), ==, 0);
	ASSERT_INT(puppet_deed(&world.sleeper, UNLOCK), ==, 0);
	ASSERT_INT(count_fences(), ==, 0);
}

static void end_with_the_lock(enum way way)
{
	begin();
	ASSERT_INT(puppet_deed(&world.victim, LOCK), ==, 0);
	begin_sleep_for_lock();
	tell_to_end(way);
	end_sleep_for_lock();
	end(way);
}

static void end_before_it_commits(enum way way)
{
	begin();
	ASSERT_INT(puppet_deed(&world.victim, LOCK), ==, 0);
	ASSERT_INT(puppet_deed(&world.victim, STAGE), ==, 0);
	begin_sleep_for_lock();
	tell_to_end(way);
	end_sleep_for_lock();
	end(way);
}

/* Somebody sleeps until the victim signals @value. */
static void begin_sleep_for(const struct dma_buf_pool_fence *value)
{
	const struct shm_await *await =
		shm_await(&world.pool->shape, world.pool->base, member_place(value->member), value->timeline);

	ASSERT_INT(import_there(&world.sleeper, value), ==, 0);
	puppet_tell(&world.sleeper, &(struct order){ .deed = WAIT });
	WAIT_UNTIL(load_acquire(&await->watermark) >= value->seqno);
}

/* What the victim has committed, as a value. */
static struct dma_fence *get_committed(struct dma_buf_pool_fence *ret_value)
{
	struct dma_fence *fence = NULL;

	ASSERT_INT(dma_resv_get_singleton(world.dmabuf->resv, DMA_RESV_USAGE_WRITE, &fence), ==, 0);
	ASSERT_TRUE(fence);
	ASSERT_INT(dma_buf_pool_export_fence(world.pool, fence, ret_value), ==, 0);
	return fence;
}

static void end_before_it_signals(enum way way)
{
	struct dma_buf_pool_fence value;
	struct dma_fence *fence;

	begin();
	ASSERT_INT(puppet_deed(&world.victim, LOCK), ==, 0);
	ASSERT_INT(puppet_deed(&world.victim, PUBLISH), ==, 0);
	fence = get_committed(&value);
	begin_sleep_for(&value);
	ASSERT_INT(dma_fence_get_status(fence), ==, 0);
	tell_to_end(way);
	ASSERT_INT(puppet_hear(&world.sleeper).err, ==, -EOWNERDEAD);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, -EOWNERDEAD);
	dma_fence_put(fence);
	end(way);
}

static void in_each_way(void (*end_in)(enum way way))
{
	for (enum way way = 0; way < WAYS; way++)
		end_in(way);
}

TEST(who_ends_while_idle_leaves_its_place)
{
	in_each_way(end_while_idle);
}

TEST(who_ends_with_a_lock_leaves_it_to_who_sleeps)
{
	in_each_way(end_with_the_lock);
}

TEST(what_was_staged_when_its_member_ended_is_nowhere)
{
	in_each_way(end_before_it_commits);
}

TEST(what_was_committed_and_not_signalled_when_its_member_ended_is_its_death_to_all)
{
	in_each_way(end_before_it_signals);
}

/*
 * In a signal.
 */

/* The first is pushed out by the last but one, the second by the last, in which its member ends. */
enum { FAILED_BEFORE = 4 };

static const int error[FAILED_BEFORE + 1] = { -E2BIG, -EBADF, -ECHILD, -EDOM, -EFBIG };

struct history {
	struct dma_buf_pool_fence value[FAILED_BEFORE + 1];
	struct dma_fence *last;
};

static void fail_there(const struct peer *puppet, int its_error)
{
	ASSERT_INT(puppet_obey(puppet, &(struct order){ .deed = FAIL_IT, .error = its_error }).err, ==, 0);
}

/* The last one is there, and somebody sleeps until it signals. */
static void make_history(struct history *history)
{
	for (unsigned int i = 0; i < FAILED_BEFORE; i++) {
		history->value[i] = export_there(&world.victim);
		fail_there(&world.victim, error[i]);
	}
	history->value[FAILED_BEFORE] = export_there(&world.victim);
	for (unsigned int i = 1; i <= FAILED_BEFORE; i++)
		ASSERT_INT(history->value[i].timeline, ==, history->value[0].timeline);
	history->last = dma_buf_pool_import_fence(world.pool, &history->value[FAILED_BEFORE]);
	begin_sleep_for(&history->value[FAILED_BEFORE]);
}

/* Of @value, by both: one and the same. */
static int status_to_both(const struct dma_buf_pool_fence *value)
{
	struct dma_fence *fence = dma_buf_pool_import_fence(world.pool, value);
	const int status = dma_fence_get_status(fence);

	dma_fence_put(fence);
	ASSERT_INT(import_there(&world.sleeper, value), ==, 0);
	ASSERT_INT(puppet_deed(&world.sleeper, ASK), ==, status);
	return status;
}

/* What had failed before: no success to anybody, and the latest errors are known. */
static void check_history(const struct history *history)
{
	const int second = status_to_both(&history->value[1]);

	ASSERT_INT(status_to_both(&history->value[0]), ==, -EIO);
	ASSERT_TRUE(second == error[1] || second == -EIO);
	for (unsigned int i = 2; i < FAILED_BEFORE; i++)
		ASSERT_INT(status_to_both(&history->value[i]), ==, error[i]);
}

/* The victim signals, and ends in that. What the last one is then, or 0: it has no so many points. */
static int end_in_signal(const struct order *order)
{
	struct history history;
	bool survives;
	int status;

	begin();
	make_history(&history);
	puppet_tell(&world.victim, order);
	survives = puppet_has_answered(&world.victim) && puppet_hear(&world.victim).has_survived;
	if (survives)
		tell_to_end(order->way);
	status = puppet_hear(&world.sleeper).err;
	ASSERT_INT(dma_fence_wait(history.last, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(history.last), ==, status);
	check_history(&history);
	dma_fence_put(history.last);
	end(order->way);
	return survives ? 0 : status;
}

/* Each time what it then is is its death to both, or that it has signalled: @signalled; and both come. */
static void check_signal(struct order order, int signalled)
{
	unsigned int deaths = 0, signals = 0;
	bool survives = false;

	for (order.points = 1; !survives; order.points++) {
		for (unsigned int i = ways_a_point(); i && !survives; i--) {
			int status;

			order.way = next_way();
			status = end_in_signal(&order);
			survives = !status;
			deaths += status == -EOWNERDEAD;
			signals += status == signalled;
			ASSERT_TRUE(survives || status == -EOWNERDEAD || status == signalled);
		}
	}
	ASSERT_TRUE(deaths && signals);
}

TEST(who_ends_in_a_signal_has_signalled_or_not_for_who_slept_and_who_looks_later)
{
	check_signal((struct order){ .deed = SIGNAL }, 1);
}

TEST(who_ends_in_failing_has_failed_or_not_for_who_slept_and_who_looks_later)
{
	check_signal((struct order){ .deed = FAIL_IT, .error = error[FAILED_BEFORE] },
		     error[FAILED_BEFORE]);
}
