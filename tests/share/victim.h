/* SPDX-License-Identifier: MIT */
/*
 * A member that does what members do, beside one that writes nonsense. It asks for nothing but this: each call
 * returns, one with a time-out in time; and two fences, its own and another victim's, which nobody signals, are
 * never seen to have succeeded.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include <dmabuf/dmabuf.h>
#include <sys/syscall.h>
#include <time.h>

#include "../fence/fences.h"
#include "enemy.h"

enum { BUFFERS = 3, WATCHED = 6 };

struct watched {
	struct dma_fence_cb cb;
	struct dma_fence *fence; /* NULL: none */
	bool is_still;
};

struct victim {
	struct dma_buf_pool *pool;
	uint32_t random;
	uint32_t enemy; /* its id */
	bool watches;	/* by itself: there is no thread */
	timer_t timer;
	struct dma_buf *dmabuf[BUFFERS];
	struct dma_fence *own, *theirs; /* that nobody signals */
	struct dma_buf_pool_fence own_value, their_value;
	struct watched watched[WATCHED];
};

static bool victim_is_peer;

/* In the test, or in a peer. */
#define HOLDS(condition)                             \
	do {                                         \
		if (victim_is_peer)                  \
			PEER_MUST(condition);        \
		else                                 \
			ASSERT_TRUE(condition);      \
	} while (0)

/*
 * Time.
 */

#define SHORTLY (SECOND / 1000)
#define BUSY_MACHINE (5 * SECOND) /* a turn on a processor, among others; and sanitizers */

static inline void in_time(int64_t deadline)
{
	HOLDS(os_remaining_ns(deadline + BUSY_MACHINE) > 0);
}

static inline int64_t shortly(struct victim *victim)
{
	return below(&victim->random, 4) ? below(&victim->random, 100) * (SHORTLY / 100) : 0;
}

static inline void nothing(int number)
{
	(void)number;
}

/* Calls that take no time-out are ended by a handler that runs now and then. */
static inline void make_timer(struct victim *victim)
{
	const struct sigaction action = { .sa_handler = nothing };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigaction(SIGUSR2, &action, NULL);
	HOLDS(!timer_create(CLOCK_MONOTONIC, &event, &victim->timer));
}

static inline void set_timer(struct victim *victim, bool on)
{
	const struct timespec often = { .tv_nsec = on ? 2000000 : 0 };
	const struct itimerspec spec = { often, often };

	HOLDS(!timer_settime(victim->timer, 0, &spec, NULL));
}

/*
 * What must not succeed.
 */

static inline void check_still(struct dma_fence *fence)
{
	HOLDS(dma_fence_get_status(fence) <= 0);
}

static inline struct dma_fence *import_any(struct dma_buf_pool *pool, const struct dma_buf_pool_fence *value)
{
	struct dma_fence *fence = dma_buf_pool_import_fence(pool, value);

	return dmabuf_is_err(fence) ? NULL : fence;
}

static inline void check_still_value(struct dma_buf_pool *pool, const struct dma_buf_pool_fence *value)
{
	struct dma_fence *fence = import_any(pool, value);

	if (!fence)
		return;
	check_still(fence);
	dma_fence_put(fence);
}

/* True: it has signalled. */
static inline bool wait_shortly(struct victim *victim, struct dma_fence *fence)
{
	const int64_t time = shortly(victim), deadline = os_deadline_ns(time);
	const int64_t left = dma_fence_wait_timeout(fence, false, time);

	in_time(deadline);
	return left > 0;
}

static inline void wait_for_still(struct victim *victim)
{
	struct dma_fence *still = below(&victim->random, 2) ? victim->own : victim->theirs;

	HOLDS(!dma_fence_is_signaled(victim->own));
	if (wait_shortly(victim, still))
		HOLDS(dma_fence_get_status(still) < 0);
	check_still(still);
	check_still_value(victim->pool, &victim->own_value);
	check_still_value(victim->pool, &victim->their_value);
}

/*
 * Fences.
 */

/* A point of the enemy's, or one that nobody has. */
static inline struct dma_buf_pool_fence some_point(struct victim *victim)
{
	uint32_t *random = &victim->random;
	const bool is_enemys = below(random, 4);

	return (struct dma_buf_pool_fence){
		.member = is_enemys ? victim->enemy : some_id(victim->pool, random),
		.timeline = below(random, victim->pool->shape.timelines + !is_enemys),
		.seqno = below(random, 8) ? below(random, 9) : enemy_draw(random),
	};
}

/* Or NULL. */
static inline struct dma_fence *some_fence(struct victim *victim)
{
	const struct dma_buf_pool_fence value = some_point(victim);

	return import_any(victim->pool, &value);
}

static inline void import_some(struct victim *victim)
{
	struct dma_fence *fence = some_fence(victim);

	if (!fence)
		return;
	(void)dma_fence_get_status(fence);
	if (wait_shortly(victim, fence)) /* and so it stays */
		HOLDS(dma_fence_get_status(fence) && dma_fence_is_signaled(fence));
	dma_fence_put(fence);
}

static inline void export_one(struct victim *victim)
{
	struct dma_fence *fence = make_fence(), *same;
	struct dma_buf_pool_fence value;

	if (!dma_buf_pool_export_fence(victim->pool, fence, &value)) {
		same = import_any(victim->pool, &value);
		if (same)
			check_still(same);
		if (below(&victim->random, 2))
			(void)!dma_buf_pool_lease_fence(victim->pool, fence, 1000 * SECOND);
		dma_fence_signal(fence);
		if (same)
			HOLDS(dma_fence_get_status(same) == 1);
		dma_fence_put(same);
	}
	signal_and_put(fence);
}

static inline void use_timeline(struct victim *victim)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("victim");
	struct dma_buf_pool_fence origin;
	struct dma_fence *fence;

	HOLDS(tl);
	(void)!dma_buf_pool_share_timeline(victim->pool, tl, &origin);
	fence = dma_fence_timeline_emit(tl);
	HOLDS(fence && !dma_fence_is_signaled(fence));
	HOLDS(!dma_fence_timeline_signal(tl, 1, 0));
	HOLDS(dma_fence_get_status(fence) == 1);
	dma_fence_put(fence);
	dma_fence_timeline_destroy(tl);
}

static inline void wait_for_any(struct victim *victim)
{
	const int64_t time = shortly(victim), deadline = os_deadline_ns(time);
	struct dma_fence *fences[] = { victim->own, victim->theirs, some_fence(victim) };
	const uint32_t count = fences[2] && below(&victim->random, 2) ? 3 : 2;
	uint32_t which;

	if (dma_fence_wait_any_timeout(fences, count, false, time, &which) > 0)
		HOLDS(which == 2 || (which == 1 && dma_fence_get_status(victim->theirs) < 0));
	in_time(deadline);
	dma_fence_put(fences[2]);
}

static inline void was_called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	const struct watched *watched = container_of(cb, struct watched, cb);

	if (watched->is_still)
		HOLDS(fence->error < 0);
}

static inline void forget_watched(struct watched *watched)
{
	if (!watched->fence)
		return;
	dma_fence_remove_callback(watched->fence, &watched->cb);
	dma_fence_put(watched->fence);
	watched->fence = NULL;
}

/* A callback that stays for a while. */
static inline void watch_some(struct victim *victim)
{
	struct watched *watched = &victim->watched[below(&victim->random, WATCHED)];
	const bool is_still = below(&victim->random, 2);
	const struct dma_buf_pool_fence value = is_still ? victim->their_value : some_point(victim);

	forget_watched(watched);
	watched->fence = import_any(victim->pool, &value);
	watched->is_still = is_still;
	if (!watched->fence)
		return;
	if (dma_fence_add_callback(watched->fence, &watched->cb, was_called) && is_still)
		HOLDS(dma_fence_get_status(watched->fence) < 0);
}

static inline void watch(struct victim *victim)
{
	dma_buf_pool_watch(victim->pool);
}

/*
 * Reservations.
 */

static inline struct dma_resv *some_own_resv(struct victim *victim)
{
	return victim->dmabuf[below(&victim->random, BUFFERS)]->resv;
}

static inline enum dma_resv_usage some_usage(struct victim *victim)
{
	return (enum dma_resv_usage)below(&victim->random, DMA_RESV_USAGE_BOOKKEEP + 1);
}

/* Under its lock: some fences, one over another, or what is left. */
static inline void change(struct victim *victim, struct dma_resv *resv)
{
	struct dma_fence *fence = make_fence();

	switch (below(&victim->random, 4)) {
	case 0:
		(void)!dma_resv_replace_fences(resv, victim->own->context, fence, DMA_RESV_USAGE_READ);
		break;
	case 1:
		dma_resv_prune_fences(resv);
		break;
	default:
		break;
	}
	for (unsigned int i = below(&victim->random, 12); i; i--) {
		struct dma_fence *added[] = { fence, victim->own, victim->theirs, some_fence(victim) };
		const unsigned int which = below(&victim->random, added[3] ? 4 : 3);

		if (!dma_resv_reserve_fences(resv, 1))
			dma_resv_add_fence(resv, added[which], some_usage(victim));
		dma_fence_put(added[3]);
	}
	signal_and_put(fence);
}

static inline void lock_one(struct victim *victim)
{
	struct dma_resv *resv = some_own_resv(victim);
	const int64_t time = shortly(victim), deadline = os_deadline_ns(time);
	const int err = dma_resv_lock_timeout(resv, NULL, time);

	in_time(deadline);
	if (err)
		return;
	change(victim, resv);
	dma_resv_unlock(resv);
}

static inline void try_one(struct victim *victim)
{
	struct dma_resv *resv = some_own_resv(victim);

	if (!dma_resv_trylock(resv))
		return;
	change(victim, resv);
	dma_resv_unlock(resv);
}

static inline void lock_all(struct victim *victim)
{
	struct drm_exec exec;
	int err = 0;

	set_timer(victim, true);
	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 0);
	drm_exec_until_all_locked(&exec) {
		for (unsigned int i = 0; i < BUFFERS; i++) {
			err = drm_exec_prepare_resv(&exec, victim->dmabuf[i]->resv, 1);
			drm_exec_retry_on_contention(&exec);
			if (err)
				goto out;
		}
	}
	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_resv_add_fence(victim->dmabuf[i]->resv, victim->own, some_usage(victim));
out:
	drm_exec_fini(&exec);
	set_timer(victim, false);
}

static inline void look_at_one(struct victim *victim)
{
	struct dma_resv *resv = some_own_resv(victim);
	struct dma_resv_snapshot set;
	struct dma_fence **fences;
	unsigned int n;

	(void)dma_resv_test_signaled(resv, some_usage(victim));
	if (!dma_resv_get_fences(resv, some_usage(victim), &n, &fences)) {
		while (n)
			dma_fence_put(fences[--n]);
		free(fences);
	}
	if (dma_resv_get_snapshot(resv, &set))
		dma_resv_put_snapshot(&set);
}

static inline void wait_for_one(struct victim *victim)
{
	const int64_t time = shortly(victim), deadline = os_deadline_ns(time);

	(void)dma_resv_wait_timeout(some_own_resv(victim), some_usage(victim), below(&victim->random, 2), time);
	in_time(deadline);
}

/*
 * Buffers and members.
 */

static inline void make_buffer(struct victim *victim)
{
	struct dma_buf *dmabuf;

	if (dma_buf_pool_alloc(victim->pool, NULL, 4096,
			       below(&victim->random, 2) * DMA_BUF_POOL_OWNER_WRITES, &dmabuf))
		return;
	dma_buf_put(dmabuf);
}

/* One that somebody has, or says so. */
static inline void get_buffer(struct victim *victim)
{
	struct dma_buf_pool *pool = victim->pool;
	struct dma_buf_pool_handle handle;
	struct dma_buf *dmabuf;

	handle.buffer = below(&victim->random, pool->shape.buffers + 1);
	handle.owner = some_id(pool, &victim->random);
	handle.number = 2 * below(&victim->random, 8) + 1;
	if (handle.buffer < pool->shape.buffers && below(&victim->random, 2)) {
		dmabuf_spin_lock(&pool->lock); /* as it was told */
		handle.owner = pool->memory[handle.buffer].owner;
		handle.number = pool->memory[handle.buffer].number;
		dmabuf_spin_unlock(&pool->lock);
	}
	if (dma_buf_pool_get_buf(pool, &handle, &dmabuf))
		return;
	(void)dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false, 0);
	dma_buf_put(dmabuf);
}

static inline void use_data(struct victim *victim)
{
	struct dma_buf *dmabuf = victim->dmabuf[below(&victim->random, BUFFERS)];
	uint32_t holder;

	set_timer(victim, true);
	if (!dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL))
		(void)dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
	set_timer(victim, false);
	(void)dma_buf_pool_lock_holder(dmabuf, &holder);
}

/* The enemy as the last: then it is heard no more, but it writes. */
static inline void evict_some(struct victim *victim)
{
	const uint32_t id = below(&victim->random, 8) ? some_id(victim->pool, &victim->random) : victim->enemy;

	(void)dma_buf_pool_status(victim->pool);
	if (below(&victim->random, 16) == 0 && id != victim->their_value.member)
		(void)dma_buf_pool_evict(victim->pool, id);
}

/* A guest, of whom all hear; or one who does not come. */
static inline void invite_one(struct victim *victim)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *guest = NULL;

	if (below(&victim->random, 8) || dma_buf_pool_invite(victim->pool, 0, &invitation))
		return;
	if (below(&victim->random, 2) && !dma_buf_pool_accept(&invitation, &answer, &guest)) {
		const int err = dma_buf_pool_admit(victim->pool, &invitation, &answer, NULL);

		if (err)
			dma_buf_pool_uninvite(victim->pool, &invitation);
		else
			(void)!dma_buf_pool_await(guest, SHORTLY);
		dma_buf_pool_message_close(&answer);
		check_still_value(guest, &victim->own_value);
		check_still_value(guest, &victim->their_value);
		dma_buf_pool_leave(guest);
	} else {
		dma_buf_pool_uninvite(victim->pool, &invitation);
	}
	dma_buf_pool_message_close(&invitation);
}

/* One that gets no answer: it is in time, too. */
static inline void serve_nobody(struct victim *victim)
{
	const int64_t time = shortly(victim), deadline = os_deadline_ns(time);
	int ends[2];

	if (below(&victim->random, 8) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return;
	HOLDS(dma_buf_pool_serve(victim->pool, ends[0], 0, time, NULL));
	in_time(deadline);
	close(ends[0]);
	close(ends[1]);
}

static inline void victim_once(struct victim *victim)
{
	static void (*const calls[])(struct victim *) = {
		wait_for_still, import_some, export_one, use_timeline, wait_for_any, watch_some, watch,
		lock_one, lock_one, try_one, lock_all, look_at_one, look_at_one, wait_for_one, make_buffer,
		get_buffer, use_data, evict_some, invite_one, serve_nobody,
	};

	calls[below(&victim->random, sizeof(calls) / sizeof(calls[0]))](victim);
}

/*
 * Its life.
 */

static inline void victim_begin(struct victim *victim)
{
	if (victim->watches)
		HOLDS(dma_buf_pool_watch_fd(victim->pool) >= 0);
	make_timer(victim);
	for (unsigned int i = 0; i < BUFFERS; i++)
		HOLDS(!dma_buf_pool_alloc(victim->pool, NULL, 4096, 0, &victim->dmabuf[i]));
	victim->own = make_fence();
	HOLDS(!dma_buf_pool_export_fence(victim->pool, victim->own, &victim->own_value));
}

static inline void victim_meet(struct victim *victim, const struct dma_buf_pool_fence *theirs)
{
	victim->their_value = *theirs;
	victim->theirs = dma_buf_pool_import_fence(victim->pool, theirs);
	HOLDS(!dmabuf_is_err(victim->theirs));
}

/* Until then nobody has signalled. */
static inline void victim_forget(struct victim *victim)
{
	for (unsigned int i = 0; i < WATCHED; i++)
		forget_watched(&victim->watched[i]);
	check_still(victim->own);
	check_still(victim->theirs);
}

static inline void victim_end(struct victim *victim)
{
	signal_and_put(victim->own);
	dma_fence_put(victim->theirs);
	for (unsigned int i = 0; i < BUFFERS; i++)
		dma_buf_put(victim->dmabuf[i]);
	dma_buf_pool_leave(victim->pool);
	timer_delete(victim->timer);
	dmabuf_rcu_barrier();
}

#endif
