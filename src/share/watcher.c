/* SPDX-License-Identifier: MIT */
/*
 * Locking: a pool's watch_lock (short) guards the lists of its members. It is taken under the locks of
 * fences, whose enable_signaling op comes here; fences are asked without it.
 */
#include "share/watcher.h"

#include <errno.h>

#include "fence/fence.h"
#include "os/channel.h"
#include "os/fault.h"
#include "os/list.h"
#include "os/poll.h"
#include "os/process.h"
#include "os/report.h"
#include "os/thread.h"
#include "share/alarm.h"
#include "share/lease.h"
#include "share/mail.h"
#include "share/shared-fence.h"

enum { BATCH = 16 };

/* Two descriptors a place. */
static uint64_t key_of(const struct member *member, bool is_process)
{
	return 2 * (uint64_t)member_place(member->id) + is_process;
}

int watcher_member(struct member *member)
{
	int err;

	err = os_set_add(pool_set(member->pool), member->channel, key_of(member, false), true);
	if (err)
		return err;
	err = os_set_add(pool_set(member->pool), member->process, key_of(member, true), true);
	if (err)
		os_set_remove(pool_set(member->pool), member->channel);
	return err;
}

static void await(const struct member *member, bool is_process)
{
	os_set_await(pool_set(member->pool), is_process ? member->process : member->channel,
		     key_of(member, is_process), true);
}

void watcher_again(const struct member *member)
{
	await(member, false);
	await(member, true);
}

void watcher_unmember(const struct member *member)
{
	os_set_remove(pool_set(member->pool), member->channel);
	os_set_remove(pool_set(member->pool), member->process);
}

/*
 * Fences.
 */

/* Whoever signals @fence must ring us. True: it is too late for that. */
static bool await_ring(const struct shared_fence *fence)
{
	const struct member *member = fence->member;
	struct dma_buf_pool *pool = member->pool;
	struct shm_await *awaited = shm_await(&pool->shape, pool->base, member_place(member->id),
					    fence->timeline);

	fetch_or_seq_cst(&awaited->watchers, (uint64_t)1 << member_place(pool->self->id));
	return shared_fence_await(fence) >= fence->base.seqno;
}

/* Nobody rings when a lease ends. */
static void await_leases(const struct member *member)
{
	struct dma_buf_pool *pool = member->pool;
	const int64_t next = lease_next(member);
	int err;

	if (next == NO_LEASE)
		return;
	dmabuf_spin_lock(&pool->watch_lock);
	err = list_is_empty(&member->watched) ? 0 : alarm_set(pool, next);
	dmabuf_spin_unlock(&pool->watch_lock);
	dmabuf_warn_on(err, "a pool's fence has a callback, and nobody will look when its lease ends: there "
			    "can be no timer (%d)", err);
}

int watcher_add(struct shared_fence *fence)
{
	struct member *member = fence->member;
	struct dma_buf_pool *pool = member->pool;
	int status;

	if (!pool_is_here(pool))
		return -ECHILD;
	watcher_need(pool);
	dmabuf_spin_lock(&pool->watch_lock);
	list_add_before(&fence->node, &member->watched);
	dmabuf_spin_unlock(&pool->watch_lock);
	await_ring(fence);
	await_leases(member);
	status = member_point_status(member, fence->timeline, fence->base.seqno);
	if (status)
		watcher_remove(fence);
	return status;
}

void watcher_remove(struct shared_fence *fence)
{
	struct dma_buf_pool *pool = fence->member->pool;

	if (!pool_is_here(pool))
		return; /* the lists may be as another thread of the parent was changing them */
	dmabuf_spin_lock(&pool->watch_lock);
	list_remove(&fence->node);
	dmabuf_spin_unlock(&pool->watch_lock);
}

DMABUF_UNCHECKED("needs no read section: the lock keeps the fence where it is")
static bool get_unless_dead(struct shared_fence *fence)
{
	return dma_fence_get_rcu(&fence->base);
}

/* One that is watched and has signalled, taken off the list, with a reference; or NULL. And how it is. */
static struct shared_fence *take_signaled(struct member *member, int *ret_status)
{
	struct shared_fence *fence, *found = NULL;

	dmabuf_spin_lock(&member->pool->watch_lock);
	list_for_each_entry(fence, &member->watched, node) {
		*ret_status = member_point_status(member, fence->timeline, fence->base.seqno);
		if (*ret_status && get_unless_dead(fence)) {
			found = fence;
			list_remove(&fence->node);
			break;
		}
	}
	dmabuf_spin_unlock(&member->pool->watch_lock);
	return found;
}

/* Ask once more to be rung for what is left. True: for one of them it is too late. */
static bool await_rest(const struct member *member)
{
	const struct shared_fence *fence;
	bool is_late = false;

	dmabuf_spin_lock(&member->pool->watch_lock);
	list_for_each_entry(fence, &member->watched, node)
		is_late |= await_ring(fence);
	dmabuf_spin_unlock(&member->pool->watch_lock);
	return is_late;
}

static void signal_all(struct member *member)
{
	struct shared_fence *fence;
	int status;

	do {
		while ((fence = take_signaled(member, &status))) {
			OS_RACE_POINT("watch: before a shared fence");
			shared_fence_end(fence, status); /* an enemy may have changed what it is now */
			dma_fence_put(&fence->base);
		}
	} while (await_rest(member));
	await_leases(member);
}

void watcher_rung(struct member *member)
{
	signal_all(member);
}

static void signal_judged(struct dmabuf_work *work)
{
	struct member *member = container_of(work, struct member, work);

	signal_all(member);
	member_put(member);
}

/* Maybe under the lock of one of these fences, which has just been asked. */
void watcher_judged(struct member *member)
{
	member_ref(member);
	member->work.func = signal_judged;
	os_work_queue(&member->work);
}

/*
 * Looking.
 */

static void await_member(struct dma_buf_pool *pool, unsigned int place)
{
	struct member *member = member_in_place(pool, place);

	if (!member)
		return;
	member_check(member);
	/* Its end would be said again and again. */
	if (member->channel >= 0 && !os_channel_is_closed(member->channel))
		await(member, false);
	if (member->channel >= 0 && !os_process_has_ended(member->process))
		await(member, true);
	member_put(member);
}

static void look_at_leases(struct dma_buf_pool *pool)
{
	alarm_rang(pool);
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		struct member *member = member_in_place(pool, i);

		if (!member)
			continue;
		member_check(member);
		signal_all(member); /* its owner may have signalled in time, and stopped before it rang */
		member_put(member);
	}
}

static struct dma_buf_pool *pool_of(struct os_watch *watch)
{
	return container_of(watch, struct dma_buf_pool, watch);
}

/* How much there was; BATCH: there may be more. */
static unsigned int look_once(struct dma_buf_pool *pool)
{
	struct os_set_event events[BATCH];
	const unsigned int count = os_set_take(pool_set(pool), events, BATCH, false);

	if (count)
		mail_read(pool);
	for (unsigned int i = 0; i < count; i++) {
		if (events[i].key == ALARM_KEY)
			look_at_leases(pool);
		else
			await_member(pool, (unsigned int)(events[i].key / 2));
	}
	return count;
}

/* By the thread, which looks at others, too, before it is told of the rest: an enemy may have more all the time. */
static void look(struct os_watch *watch)
{
	look_once(pool_of(watch));
}

/*
 * Who looks.
 */

static bool get_pool(struct os_watch *watch)
{
	return pool_get_unless_dead(pool_of(watch));
}

static void put_pool(struct os_watch *watch)
{
	pool_put(pool_of(watch));
}

/* The child is no member. It has its parent's channels until they are closed, and none of the memory. */
static void fork_pool(struct os_watch *watch)
{
	pool_fork(pool_of(watch));
}

static const struct os_watch_ops ops = {
	.get = get_pool,
	.put = put_pool,
	.look = look,
	.fork = fork_pool,
};

void watcher_need(struct dma_buf_pool *pool)
{
	const int err = pool_is_here(pool) ? os_watch_need(&pool->watch) : 0;

	dmabuf_warn_on(err, "a pool's fence has a callback, and nobody will call it: there can be no thread "
			    "(%d); call dma_buf_pool_watch()", err);
}

int watcher_open(struct dma_buf_pool *pool)
{
	pool->watch.set = -1;
	alarm_init(pool);
	return os_watch_open(&pool->watch, &ops);
}

void watcher_close(struct dma_buf_pool *pool)
{
	os_watch_close(&pool->watch);
	alarm_close(pool);
}

int dma_buf_pool_watch_fd(struct dma_buf_pool *pool)
{
	return pool_is_here(pool) ? os_watch_fd(&pool->watch) : -ECHILD;
}

void dma_buf_pool_watch(struct dma_buf_pool *pool)
{
	while (look_once(pool) == BATCH)
		;
}
