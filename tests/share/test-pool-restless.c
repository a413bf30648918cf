/* SPDX-License-Identifier: MIT */
/* What an enemy changes between two looks of somebody else's, or all the time. */
#include "../fence/fences.h"
#include "members.h"
#include "os/clock.h"
#include "peers.h"
#include "share/mail.h"
#include "share/member.h"
#include "share/shared-resv.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 4, .fences = 4, .timelines = 4,
};

#define SHORT (SECOND / 100)
#define SURELY_LATE (5 * SECOND) /* since before the call began */
enum { LOOKS = 10 };		  /* that somebody may still have whose time is over */

static struct {
	struct dma_buf_pool *host, *enemy;
	struct dma_buf *dmabuf;
	struct dma_fence *there, *here; /* of the enemy; to the host */
	struct shm_place *place;	/* the enemy's */
	struct shm_timeline *timeline;
	const char *at; /* race point */
	void (*change)(void);
	int64_t deadline;
	unsigned int late;
} world;

static void begin(void)
{
	struct dma_buf_pool_fence value;

	memset(&world, 0, sizeof(world));
	world.host = create_pool(&limits);
	world.enemy = add_member(world.host);
	ASSERT_INT(dma_buf_pool_watch_fd(world.host), >=, 0);
	ASSERT_INT(dma_buf_pool_alloc(world.host, NULL, 4096, 0, &world.dmabuf), ==, 0);
	world.there = make_fence();
	ASSERT_INT(dma_buf_pool_export_fence(world.enemy, world.there, &value), ==, 0);
	value.seqno = ENTRY_MOST_SEQNO; /* it never comes there */
	world.here = dma_buf_pool_import_fence(world.host, &value);
	world.place = shm_place(world.host->base, member_place(value.member));
	world.timeline = &world.enemy->self->map->timeline[value.timeline];
}

static void end(void)
{
	os_race_hook(NULL);
	dma_fence_put(world.here);
	signal_and_put(world.there);
	dma_buf_put(world.dmabuf);
	leave(world.enemy);
	leave(world.host);
}

/*
 * All the time, until somebody looks again and again whose time is over.
 */

static void change_until_late(const char *label)
{
	if (strcmp(label, world.at))
		return;
	if (os_now_ns() > world.deadline)
		world.late++;
	if (world.late < LOOKS)
		world.change();
}

static void begin_restless(const char *at, void (*change)(void))
{
	begin();
	world.at = at;
	world.change = change;
	world.deadline = os_deadline_ns(SURELY_LATE);
	os_race_hook(change_until_late);
}

static void end_restless(void)
{
	os_race_hook(NULL);
	ASSERT_INT(world.late, <, LOOKS);
	end();
}

static struct shm_resv *shm(void)
{
	return shared_resv_of(world.dmabuf->resv)->shm;
}

/* Nobody's, and not the last nobody's. */
static void change_holder(void)
{
	const uint32_t holder = load_relaxed(&shm()->lock);

	store_relaxed(&shm()->lock, member_id(3, member_generation(holder) % 1000 + 1));
}

TEST(who_wants_a_lock_that_changes_all_the_time_wants_it_no_longer_than_its_time)
{
	begin_restless("shared lock: before it is taken", change_holder);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf->resv, NULL, SHORT), ==, -ETIME);
	end_restless();
}

/* One that lives, with others that wait or without. */
static void change_waiters(void)
{
	store_relaxed(&shm()->lock, load_relaxed(&shm()->lock) ^ LOCK_WAITERS);
}

TEST(who_sleeps_for_a_lock_whose_waiters_change_all_the_time_sleeps_no_longer_than_its_time)
{
	begin_restless("futex: before sleep", change_waiters);
	store_relaxed(&shm()->lock, world.enemy->self->id);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf->resv, NULL, SHORT), ==, -ETIME);
	store_relaxed(&shm()->lock, 0);
	end_restless();
}

static void go_on(void)
{
	store_relaxed(&world.timeline->value, load_relaxed(&world.timeline->value) + 1);
}

TEST(who_waits_for_a_timeline_that_goes_on_all_the_time_waits_no_longer_than_its_time)
{
	begin_restless("shared fence: before sleep", go_on);
	ASSERT_INT(dma_fence_wait_timeout(world.here, false, SHORT), ==, 0);
	end_restless();
}

TEST(who_waits_for_any_that_goes_on_all_the_time_waits_no_longer_than_its_time)
{
	begin_restless("futex: before sleep", go_on);
	ASSERT_INT(dma_fence_wait_any_timeout(&world.here, 1, false, SHORT, NULL), ==, 0);
	end_restless();
}

/*
 * Once.
 */

static void change_once(const char *label)
{
	if (strcmp(label, world.at))
		return;
	os_race_hook(NULL);
	world.change();
}

static void begin_once(const char *at, void (*change)(void))
{
	begin();
	world.at = at;
	world.change = change;
	os_race_hook(change_once);
}

/* Of a member, of whom nobody has asked yet. */
static void seem_evicted(bool is_evicted)
{
	store_seq_cst(&world.place->word,
		      place_word(is_evicted ? PLACE_EVICTED : PLACE_LIVE, world.enemy->self->id));
}

static void seem_live(void)
{
	seem_evicted(false);
}

TEST(what_seemed_to_have_failed_has_not_succeeded_for_who_wants_a_callback)
{
	struct counting_cb none;

	begin_once("shared fence: looked at by the watcher", seem_live);
	seem_evicted(true);
	ASSERT_INT(dma_fence_add_callback(world.here, &none.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -ECANCELED);
	end();
}

static struct counting_cb counter[2];

/* One has signalled; of it and of the other one somebody has just been told. */
static void seem_evicted_or_live(const char *label)
{
	if (!strcmp(label, "watch: before a shared fence"))
		seem_evicted(!counter[0].calls && !counter[1].calls);
}

TEST(who_has_a_callback_is_called_of_what_seemed_to_have_failed)
{
	struct dma_fence *there = make_fence(), *here;

	begin();
	counter[0].calls = counter[1].calls = 0;
	here = pass_fence(world.enemy, there, world.host);
	ASSERT_INT(dma_fence_add_callback(here, &counter[0].cb, count_call), ==, 0);
	ASSERT_INT(dma_fence_add_callback(world.here, &counter[1].cb, count_call), ==, 0);
	dma_fence_signal(there);
	os_race_hook(seem_evicted_or_live);
	dma_buf_pool_watch(world.host);
	ASSERT_INT(counter[0].calls, ==, 1);
	ASSERT_INT(counter[1].calls, ==, 1);
	ASSERT_INT(dma_fence_get_status(here), ==, 1);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -ECANCELED);
	dma_fence_put(here);
	dma_fence_put(there);
	end();
}

/* The log, from as many as there may be to none. */
static void clear_log(void)
{
	store_relaxed(&shm()->commit, 0);
}

TEST(who_locks_a_log_that_an_enemy_clears_goes_by_what_it_has_seen)
{
	const struct commit full = { .length = limits.fences };
	const struct pool_shape *shape;
	struct dma_resv *resv;

	begin_once("shared resv: mirrored", clear_log);
	resv = world.dmabuf->resv;
	shape = &world.host->shape;
	for (uint32_t i = 0; i < limits.fences; i++)
		*shm_entry(shape, shm(), 0, i) = entry_pack(
			&(struct point){ world.enemy->self->id, i, 9, DMA_RESV_USAGE_READ }, 0);
	store_release(&shm()->commit, commit_pack(&full));
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, -ENOSPC);
	dma_resv_unlock(resv);
	end();
}
