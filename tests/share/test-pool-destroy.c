/* SPDX-License-Identifier: MIT */
/*
 * The end of a pool, for all at once: whoever ends it, whatever the others are doing, and wherever the one
 * who does it is killed.
 */
#include "members.h"
#include "puppet.h"
#include "waiting.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 2, .fences = 2, .timelines = 4,
};

/* Members that are this process: the one that ends it, and others, the first of which has a fence. */
static struct {
	struct dma_buf_pool *host, *owner, *third;
	struct dma_fence *there, *hosts, *thirds; /* the owner's, as each of them sees it */
	struct dma_fence *kept; /* of the third, by the host: the two have a channel as long as it is there */
	struct dma_buf_pool_fence value;
	struct dma_buf *dmabuf; /* the owner's */
} world;

static void begin(void)
{
	struct dma_buf_pool_fence value;

	world.host = create_pool(&limits);
	world.owner = add_member(world.host);
	world.third = add_member(world.host);
	world.there = make_fence();
	ASSERT_INT(dma_buf_pool_export_fence(world.owner, world.there, &world.value), ==, 0);
	world.hosts = import(world.host, &world.value);
	world.thirds = import(world.third, &world.value);
	ASSERT_INT(dma_buf_pool_export_fence(world.third, world.there, &value), ==, 0);
	world.kept = import(world.host, &value);
	ASSERT_INT(dma_buf_pool_alloc(world.owner, "owner's", 4096, 0, &world.dmabuf), ==, 0);
}

static void destroy_host(void)
{
	dma_buf_pool_destroy(world.host);
}

static void end(void)
{
	dma_fence_put(world.hosts);
	dma_fence_put(world.kept);
	dma_fence_put(world.thirds);
	signal_and_put(world.there);
	dma_buf_put(world.dmabuf);
	dma_buf_pool_leave(world.owner);
	leave(world.third);
}

/*
 * What the others find.
 */

TEST(every_call_of_a_member_says_that_the_pool_is_over)
{
	struct dma_buf_pool_message message;
	struct dma_buf_pool_handle handle;
	struct dma_buf_pool_fence value;
	struct dma_fence_timeline *tl = dma_fence_timeline_create("end");
	struct dma_buf *dmabuf;
	uint32_t thirds;

	begin();
	thirds = dma_buf_pool_self(world.third);
	ASSERT_INT(dma_buf_pool_get_handle(world.dmabuf, &handle), ==, 0);
	ASSERT_INT(dma_buf_begin_cpu_access(world.dmabuf, DMA_FROM_DEVICE), ==, 0);
	destroy_host();
	ASSERT_INT(dma_buf_pool_status(world.third), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_status(world.owner), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_export_fence(world.third, world.there, &value), ==, -ESTALE);
	ASSERT_INT(dmabuf_ptr_err(dma_buf_pool_import_fence(world.third, &world.value)), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_share_timeline(world.third, tl, &value), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_alloc(world.third, "late", 4096, 0, &dmabuf), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_get_buf(world.third, &handle, &dmabuf), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_invite(world.third, 0, &message), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_evict(world.owner, thirds), ==, -ESTALE);
	ASSERT_INT(dma_resv_lock(world.dmabuf->resv, NULL), ==, -ESTALE);
	ASSERT_INT(dma_buf_end_cpu_access(world.dmabuf, DMA_FROM_DEVICE), ==, -ESTALE);
	dma_fence_timeline_destroy(tl);
	end();
}

TEST(what_has_not_signalled_is_cancelled_for_all_but_its_owner)
{
	begin();
	destroy_host();
	ASSERT_INT(dma_fence_get_status(world.hosts), ==, -ECANCELED);
	dma_fence_signal(world.there);
	ASSERT_INT(dma_fence_get_status(world.there), ==, 1);
	ASSERT_INT(dma_fence_get_status(world.thirds), ==, -ECANCELED); /* it looks only now */
	end();
}

TEST(what_had_signalled_has_signalled)
{
	begin();
	dma_fence_signal(world.there);
	destroy_host();
	ASSERT_INT(dma_fence_get_status(world.hosts), ==, 1);
	ASSERT_INT(dma_fence_get_status(world.thirds), ==, 1);
	end();
}

TEST(a_watcher_is_told)
{
	struct counting_cb counter = { .calls = 0 };

	begin();
	ASSERT_INT(dma_buf_pool_watch_fd(world.third), >=, 0);
	ASSERT_INT(dma_fence_add_callback(world.thirds, &counter.cb, count_call), ==, 0);
	dma_buf_pool_watch(world.third);
	destroy_host();
	ASSERT_INT(counter.calls, ==, 0);
	dma_buf_pool_watch(world.third);
	ASSERT_INT(counter.calls, ==, 1);
	end();
}

/* Not by a slice, nor by the watcher: the one who ends it wakes. */
TEST(who_sleeps_until_one_signals_is_woken)
{
	struct waiting waiting = { .fences = &world.thirds, .count = 1, .idx = 99 };
	struct test_thread *thread;

	begin();
	thread = start(&waiting);
	destroy_host();
	join(thread);
	ASSERT_INT(waiting.waiter.ret, >, 0);
	ASSERT_INT(dma_fence_get_status(world.thirds), ==, -ECANCELED);
	end();
}

/* Nothing of what it does then shows, and nothing breaks. */
TEST(who_has_a_lock_then_may_drop_it)
{
	struct dma_fence *fence = make_fence();

	begin();
	ASSERT_INT(dma_resv_lock(world.dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(world.dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(world.dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	destroy_host();
	ASSERT_INT(dma_resv_reserve_fences(world.dmabuf->resv, 1), ==, -ESTALE);
	dma_resv_unlock(world.dmabuf->resv);
	ASSERT_INT(dma_resv_lock(world.dmabuf->resv, NULL), ==, -ESTALE);
	signal_and_put(fence);
	end();
}

TEST(there_is_an_end_also_after_all_evictions)
{
	begin();
	store_relaxed(&pool_head(world.host)->evictions, ENTRY_MOST_EVICTIONS);
	destroy_host();
	ASSERT_INT(dma_buf_pool_status(world.third), ==, -ESTALE);
	ASSERT_INT(dma_fence_get_status(world.thirds), ==, -ECANCELED);
	end();
}

/*
 * Who cannot end it.
 */

TEST(who_is_no_member_only_leaves)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *guest;
	int status;
	pid_t pid;

	begin();
	dma_buf_pool_destroy(NULL);
	ASSERT_INT(dma_buf_pool_invite(world.host, 0, &invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &guest), ==, 0);
	dma_buf_pool_destroy(guest);
	dma_buf_pool_uninvite(world.host, &invitation);
	dma_buf_pool_message_close(&invitation);
	dma_buf_pool_message_close(&answer);
	ASSERT_INT(dma_buf_pool_evict(world.host, dma_buf_pool_self(world.third)), ==, 0);
	dma_buf_pool_destroy(world.third);
	world.third = NULL;
	pid = fork();
	if (!pid) {
		dma_buf_pool_destroy(world.owner);
		_exit(0);
	}
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(status, ==, 0);
	ASSERT_INT(dma_buf_pool_status(world.host), ==, 0);
	ASSERT_INT(dma_buf_pool_status(world.owner), ==, 0);
	ASSERT_INT(dma_fence_get_status(world.hosts), ==, 0);
	destroy_host();
	end();
}

/* It was about to, and slept over it. */
static void evict_host(void)
{
	ASSERT_INT(dma_buf_pool_evict(world.third, dma_buf_pool_self(world.host)), ==, 0);
}

TEST(who_is_evicted_in_the_middle_of_it_only_leaves)
{
	static const char *const labels[] = { "destroy: before the look", "destroy: before the end" };

	for (unsigned int i = 0; i < 2; i++) {
		begin();
		do_at(labels[i], evict_host);
		destroy_host();
		os_race_hook(NULL);
		ASSERT_INT(dma_buf_pool_status(world.third), ==, 0);
		ASSERT_INT(dma_fence_get_status(world.thirds), ==, 0);
		dma_fence_signal(world.there);
		ASSERT_INT(dma_fence_get_status(world.thirds), ==, 1);
		end();
	}
}

static void evict_owner(void)
{
	ASSERT_INT(dma_buf_pool_evict(world.third, dma_buf_pool_self(world.owner)), ==, 0);
}

TEST(the_eviction_of_another_does_not_keep_it_from_its_end)
{
	begin();
	do_at("destroy: before the end", evict_owner);
	destroy_host();
	os_race_hook(NULL);
	ASSERT_INT(dma_buf_pool_status(world.third), ==, -ESTALE);
	end();
}

TEST(who_evicts_meanwhile_hears_of_the_end)
{
	static const char *const labels[] = { "evict: begun", "evict: counted" };
	uint32_t id;

	for (unsigned int i = 0; i < 2; i++) {
		begin();
		id = dma_buf_pool_self(world.owner);
		do_at(labels[i], destroy_host);
		/* The later one was not kept from it any more. */
		ASSERT_INT(dma_buf_pool_evict(world.third, id), ==, i ? 0 : -ESTALE);
		os_race_hook(NULL);
		ASSERT_INT(dma_buf_pool_status(world.third), ==, -ESTALE);
		ASSERT_INT(dma_fence_get_status(world.thirds), ==, -ECANCELED);
		end();
	}
}

/* An enemy: the word is not what was read there. */
static void count_up(const char *label)
{
	static uint32_t times;

	if (!strcmp(label, "destroy: before the end") && times++ < 1000000)
		fetch_add_relaxed(&pool_head(world.host)->evictions, 1);
}

TEST(an_enemy_keeps_nobody_in_it_for_ever)
{
	begin();
	os_race_hook(count_up);
	destroy_host();
	os_race_hook(NULL);
	ASSERT_INT(dma_buf_pool_status(world.third), ==, 0);
	end();
}

/*
 * Newcomers.
 */

TEST(invitations_are_void)
{
	struct dma_buf_pool_message invitation[2], answer;
	struct dma_buf_pool *guest, *late = NULL;

	world.host = create_pool(&limits);
	world.third = add_member(world.host);
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_INT(dma_buf_pool_invite(world.third, 0, &invitation[i]), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation[0], &answer, &guest), ==, 0);
	destroy_host();
	ASSERT_INT(dma_buf_pool_admit(world.third, &invitation[0], &answer, NULL), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_status(guest), ==, -ESTALE);
	ASSERT_INT(dma_buf_pool_await(guest, PEER_PATIENCE), ==, -ESTALE);
	dma_buf_pool_message_close(&answer);
	ASSERT_INT(dma_buf_pool_accept(&invitation[1], &answer, &late), ==, -ESTALE);
	ASSERT_PTR(late, ==, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		dma_buf_pool_uninvite(world.third, &invitation[i]);
		dma_buf_pool_message_close(&invitation[i]);
	}
	dma_buf_pool_leave(guest);
	leave(world.third);
}

/* The test lets somebody in, and at @label the pool ends. What becomes of the newcomer. */
static int end_in_serve(const char *label, int64_t timeout, int *ret_served)
{
	struct peer newcomer;
	int link[2], joined;

	make_link(link);
	newcomer = puppet_fork();
	world.host = create_pool(&limits);
	world.third = add_member(world.host);
	puppet_tell(&newcomer, &(struct order){ .deed = JOIN, .sock = link[1] });
	do_at(label, destroy_host);
	*ret_served = dma_buf_pool_serve(world.third, link[0], 0, timeout, NULL);
	os_race_hook(NULL);
	joined = puppet_hear(&newcomer).err;
	if (!joined)
		joined = puppet_deed(&newcomer, STATUS);
	puppet_quit(&newcomer);
	close_link(link);
	leave(world.third);
	return joined;
}

TEST(who_is_in_the_middle_of_joining_hears_of_the_end)
{
	static const char *const late[] = { "door: told all of each other", "door: made known" };
	int served;

	/* It does not answer any more. */
	ASSERT_INT(end_in_serve("serve: about to invite", SECOND / 10, &served), ==, -ESTALE);
	ASSERT_INT(served, ==, -ETIMEDOUT);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_INT(end_in_serve(late[i], PEER_PATIENCE, &served), ==, -ESTALE);
		ASSERT_INT(served, ==, 0); /* it was let in before anybody looked again */
	}
}

/*
 * Other processes.
 */

enum { PUPPETS = 2 };

/* The test is a member, and both puppets are, the first of which has a fence, and the test that of it. */
static struct {
	struct dma_buf_pool *pool;
	struct peer puppet[PUPPETS];
	uint32_t id[PUPPETS];
	struct dma_buf_pool_fence value;
	struct dma_fence *fence;
} crowd;

static void gather(void)
{
	struct answer answer;

	for (unsigned int i = 0; i < PUPPETS; i++)
		crowd.puppet[i] = puppet_fork();
	crowd.pool = create_pool(&limits);
	for (unsigned int i = 0; i < PUPPETS; i++)
		crowd.id[i] = puppet_admit(&crowd.puppet[i], crowd.pool, 0);
	answer = puppet_obey(&crowd.puppet[0], &(struct order){ .deed = EXPORT });
	ASSERT_INT(answer.err, ==, 0);
	crowd.value = answer.value;
	crowd.fence = import(crowd.pool, &crowd.value);
}

static void disperse(void)
{
	for (unsigned int i = 0; i < PUPPETS; i++) {
		if (crowd.puppet[i].pid)
			puppet_quit(&crowd.puppet[i]);
	}
	dma_fence_put(crowd.fence);
	leave(crowd.pool);
}

static int status_of(unsigned int i)
{
	return puppet_deed(&crowd.puppet[i], STATUS);
}

static void make_second_destroy(void)
{
	ASSERT_INT(puppet_deed(&crowd.puppet[1], DESTROY), ==, 0);
}

TEST(a_waiter_in_another_process_wakes)
{
	gather();
	ASSERT_INT(puppet_obey(&crowd.puppet[1],
			       &(struct order){ .deed = IMPORT, .value = crowd.value }).err, ==, 0);
	puppet_tell(&crowd.puppet[1], &(struct order){ .deed = WAIT });
	dma_buf_pool_destroy(crowd.pool);
	crowd.pool = NULL;
	ASSERT_INT(puppet_hear(&crowd.puppet[1]).err, ==, -ECANCELED);
	ASSERT_INT(status_of(0), ==, -ESTALE);
	ASSERT_INT(status_of(1), ==, -ESTALE);
	disperse();
}

TEST(who_waits_for_any_wakes)
{
	uint32_t idx = 99;

	gather();
	do_at(SLEEP, make_second_destroy);
	ASSERT_INT(dma_fence_wait_any_timeout(&crowd.fence, 1, false, PEER_PATIENCE, &idx), >, 0);
	os_race_hook(NULL);
	ASSERT_INT(idx, ==, 0);
	ASSERT_INT(dma_fence_get_status(crowd.fence), ==, -ECANCELED);
	ASSERT_INT(dma_buf_pool_status(crowd.pool), ==, -ESTALE);
	disperse();
}

TEST(who_waits_for_a_lock_hears_of_the_end)
{
	struct dma_buf_pool_handle handle;
	struct dma_buf *dmabuf;

	gather();
	ASSERT_INT(dma_buf_pool_alloc(crowd.pool, "locked", 4096, 0, &dmabuf), ==, 0);
	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	ASSERT_INT(puppet_obey(&crowd.puppet[0], &(struct order){ .deed = GET, .handle = handle }).err,
		   ==, 0);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	puppet_tell(&crowd.puppet[0], &(struct order){ .deed = LOCK });
	make_second_destroy();
	ASSERT_INT(puppet_hear(&crowd.puppet[0]).err, ==, -ESTALE);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
	disperse();
}

TEST(one_that_is_stopped_keeps_nobody_from_it)
{
	gather();
	kill(crowd.puppet[0].pid, SIGSTOP);
	make_second_destroy();
	ASSERT_INT(dma_fence_wait(crowd.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(crowd.fence), ==, -ECANCELED);
	kill(crowd.puppet[0].pid, SIGCONT);
	ASSERT_INT(status_of(0), ==, -ESTALE);
	disperse();
}

/* Who hears of both at once does not find it dead. */
TEST(what_was_cancelled_stays_that_when_its_owner_dies)
{
	gather();
	make_second_destroy();
	puppet_kill(&crowd.puppet[0]);
	crowd.puppet[0].pid = 0;
	dma_buf_pool_watch(crowd.pool);
	ASSERT_INT(dma_fence_get_status(crowd.fence), ==, -ECANCELED);
	disperse();
}

/*
 * At each point of it.
 */

/* The second one is gone, or done. It has ended the pool, or not: all agree. */
static void check_agreement(bool must_be_over)
{
	const int status = dma_buf_pool_status(crowd.pool);

	ASSERT_TRUE(status == -ESTALE || (!must_be_over && !status));
	ASSERT_INT(status_of(0), ==, status);
	ASSERT_INT(dma_fence_get_status(crowd.fence), ==, status ? -ECANCELED : 0);
	ASSERT_INT(puppet_deed(&crowd.puppet[0], SIGNAL), ==, 0);
	ASSERT_INT(dma_fence_wait(crowd.fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(crowd.fence), ==, status ? -ECANCELED : 1);
}

static void tell_to_destroy(unsigned int points, enum way way)
{
	gather();
	puppet_tell(&crowd.puppet[1],
		    &(struct order){ .deed = DESTROY, .points = points, .way = way });
}

TEST(killed_in_destroy)
{
	bool survives = false, was_over = false;

	for (unsigned int nth = 1; !survives; nth++) {
		tell_to_destroy(nth, KILLED);
		survives = puppet_has_answered(&crowd.puppet[1]) && puppet_hear(&crowd.puppet[1]).has_survived;
		if (!survives) {
			ASSERT_INT(peer_reap(&crowd.puppet[1]), ==, -SIGKILL);
			crowd.puppet[1].pid = 0;
		}
		check_agreement(survives || was_over);
		was_over |= dma_buf_pool_status(crowd.pool) != 0;
		disperse();
	}
	ASSERT_TRUE(was_over);
}

/* Evicted, where that is still possible: then the pool goes on, whatever it does when it goes on. */
TEST(stopped_in_destroy)
{
	bool survives = false;

	for (unsigned int nth = 1; !survives; nth++) {
		int err = -ENOENT;

		tell_to_destroy(nth, STOPPED);
		if (puppet_await_stop(&crowd.puppet[1])) {
			err = dma_buf_pool_evict(crowd.pool, crowd.id[1]);
			ASSERT_TRUE(!err || err == -ESTALE);
			kill(crowd.puppet[1].pid, SIGCONT);
		}
		survives = puppet_hear(&crowd.puppet[1]).has_survived;
		ASSERT_INT(dma_buf_pool_status(crowd.pool), ==, err ? -ESTALE : 0);
		check_agreement(err);
		disperse();
	}
}

/*
 * All at once.
 */

static struct dma_buf_pool *both[2];

static void destroy_it(unsigned int index, void *arg)
{
	(void)arg;
	if (index < 2)
		dma_buf_pool_destroy(both[index]);
	else
		dma_fence_signal(world.there);
}

static void invite_and_admit(void *arg)
{
	int err;

	(void)arg;
	do {
		struct dma_buf_pool_message invitation, answer;
		struct dma_buf_pool *guest;

		err = dma_buf_pool_invite(world.owner, 0, &invitation);
		if (err)
			break;
		if (!dma_buf_pool_accept(&invitation, &answer, &guest)) {
			err = dma_buf_pool_admit(world.owner, &invitation, &answer, NULL);
			err = err == -EAGAIN ? 0 : err; /* boxes are full of cards: the two do not read */
			dma_buf_pool_message_close(&answer);
			dma_buf_pool_leave(guest);
		}
		dma_buf_pool_uninvite(world.owner, &invitation);
		dma_buf_pool_message_close(&invitation);
	} while (!err);
	ASSERT_INT(err, ==, -ESTALE);
}

TORTURE(two_may_end_it_at_once)
{
	for (unsigned int i = 0; i < test_rounds(20); i++) {
		struct test_thread *thread;
		int status;

		begin();
		both[0] = world.host;
		both[1] = world.third;
		test_race_begin();
		thread = test_thread_start(invite_and_admit, NULL);
		test_threads(3, destroy_it, NULL);
		test_thread_join(thread);
		test_race_end();
		world.third = NULL;
		ASSERT_INT(dma_buf_pool_status(world.owner), ==, -ESTALE);
		status = dma_fence_get_status(world.hosts);
		ASSERT_TRUE(status == 1 || status == -ECANCELED);
		ASSERT_INT(dma_fence_get_status(world.thirds), ==, status);
		end();
		test_operation();
	}
}
