/* SPDX-License-Identifier: MIT */
/* Who signals a fence of a pool calls the system only if somebody waits for it, in whatever process. */
#define _GNU_SOURCE
#include "../os/forbid.h"
#include "members.h"
#include "puppet.h"

#include <sys/syscall.h>

#include "share/layout.h"
#include "share/pool.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 1, .fences = 4, .timelines = 4,
};

enum { FENCES = 3 };

/* Points of one timeline, one after the other. */
struct points {
	struct dma_fence *fence[FENCES];
	struct dma_buf_pool_fence value[FENCES];
	struct dma_fence_timeline *tl; /* or NULL: they are carried */
};

static void make_points(struct dma_buf_pool *pool, bool is_carried, struct points *points)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_buf_pool_fence origin;

	points->tl = is_carried ? NULL : dma_fence_timeline_create("points");
	if (points->tl && dma_buf_pool_share_timeline(pool, points->tl, &origin))
		abort();
	for (unsigned int i = 0; i < FENCES; i++) {
		points->fence[i] = points->tl ? dma_fence_timeline_emit(points->tl)
					      : make_fence_with(&plain_ops, NULL, context, i + 1);
		if (dma_buf_pool_export_fence(pool, points->fence[i], &points->value[i]))
			abort();
	}
}

static void signal_point(const struct points *points, unsigned int i)
{
	if (points->tl)
		dma_fence_timeline_signal(points->tl, points->fence[i]->seqno, 0);
	else
		dma_fence_signal(points->fence[i]);
}

static void put_points(struct points *points)
{
	for (unsigned int i = 0; i < FENCES; i++)
		dma_fence_put(points->fence[i]);
	if (points->tl)
		dma_fence_timeline_destroy(points->tl);
}

/* How often somebody is woken by the signal of point @i. */
static unsigned int count_wakes(const struct points *points, unsigned int i)
{
	count_syscalls();
	signal_point(points, i);
	os_race_hook(NULL);
	return syscall_wakes;
}

static void import_there(const struct peer *puppet, const struct dma_buf_pool_fence *value)
{
	const struct order order = { .deed = IMPORT, .value = *value };

	ASSERT_INT(puppet_obey(puppet, &order).err, ==, 0);
}

/* Until the puppet waits for @value, of this process, or is about to. */
static void await_waiter(struct dma_buf_pool *pool, const struct dma_buf_pool_fence *value)
{
	const struct shm_await *await =
		shm_await(&pool->shape, pool->base, member_place(value->member), value->timeline);

	WAIT_UNTIL(load_acquire(&await->watermark) >= value->seqno);
}

static void signal_with_and_without_waiters(bool is_carried)
{
	struct dma_buf_pool *pool = NULL;
	struct peer puppet = puppet_fork();
	struct points points;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	puppet_admit(&puppet, pool, 0);
	make_points(pool, is_carried, &points);

	import_there(&puppet, &points.value[0]);
	ASSERT_INT(puppet_deed(&puppet, ASK), ==, 0);
	ASSERT_INT(count_wakes(&points, 0), ==, 0);
	ASSERT_INT(puppet_deed(&puppet, ASK), ==, 1);

	import_there(&puppet, &points.value[1]);
	puppet_tell(&puppet, &(struct order){ .deed = WAIT });
	await_waiter(pool, &points.value[1]);
	ASSERT_INT(count_wakes(&points, 1), ==, 1);
	ASSERT_INT(puppet_hear(&puppet).err, ==, 1);

	import_there(&puppet, &points.value[2]);
	ASSERT_INT(count_wakes(&points, 2), ==, 0);
	ASSERT_INT(puppet_deed(&puppet, ASK), ==, 1);

	puppet_quit(&puppet);
	put_points(&points);
	leave(pool);
}

TEST(who_signals_a_point_of_a_timeline_wakes_nobody_unless_somebody_waits)
{
	signal_with_and_without_waiters(false);
}

TEST(who_signals_a_fence_that_is_carried_wakes_nobody_unless_somebody_waits)
{
	signal_with_and_without_waiters(true);
}

/*
 * The same, proved by the kernel: of a thread that may not call it.
 */

#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 SYS_clock_gettime
#endif

/* This thread's next call, but for the time, which some machines have to ask the kernel for, is the process's end. */
static bool forbid_all(void)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 2, 0, SYS_clock_gettime },
		{ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_clock_gettime64 },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};

	return forbid_by(code, sizeof(code) / sizeof(code[0]));
}

struct silence {
	struct points point[2];
	bool is_done; /* atomic */
};

/* What a thread does once only is done with the first points. It never ends, for that is a call, too. */
static void signal_in_silence(void *arg)
{
	struct silence *silence = arg;

	for (unsigned int i = 0; i < FENCES; i++) {
		signal_point(&silence->point[0], i);
		signal_point(&silence->point[1], i);
		if (!i && !forbid_all())
			_exit(NOTHING_CAN_BE_FORBIDDEN);
	}
	store_release(&silence->is_done, true);
	for (;;)
		;
}

static void be_silent(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct silence silence = { .is_done = false };

	for (unsigned int i = 0; i < 2; i++) {
		make_points(pool, i, &silence.point[i]);
		for (unsigned int k = 0; k < FENCES; k++)
			peer_tell(sock, &silence.point[i].value[k], sizeof(struct dma_buf_pool_fence));
	}
	PEER_MUST(peer_await(sock));
	test_thread_start(signal_in_silence, &silence);
	WAIT_UNTIL(load_acquire(&silence.is_done));
}

TEST(who_signals_what_nobody_waits_for_calls_no_system)
{
	struct dma_fence *fence[2 * FENCES];
	struct dma_buf_pool *pool = NULL;
	struct peer peer;
	int ended;

	if (dmabuf_lockdep_is_on() || TEST_SANITIZED)
		test_skip(); /* those may need memory */
	peer = peer_fork(be_silent);
	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(pool, peer.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	for (unsigned int i = 0; i < 2 * FENCES; i++) {
		struct dma_buf_pool_fence value;

		ASSERT_TRUE(peer_hear(peer.sock, &value, sizeof(value)));
		fence[i] = dma_buf_pool_import_fence(pool, &value);
		ASSERT_FALSE(dmabuf_is_err(fence[i]));
	}
	peer_go(peer.sock);
	ended = peer_reap(&peer);
	for (unsigned int i = 0; i < 2 * FENCES; i++) {
		if (!ended)
			ASSERT_INT(dma_fence_get_status(fence[i]), ==, 1);
		dma_fence_put(fence[i]);
	}
	leave(pool);
	skip_if_nothing_can_be_forbidden(ended);
	ASSERT_INT(ended, ==, 0);
}
