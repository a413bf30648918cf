/* SPDX-License-Identifier: MIT */
/*
 * Locking: a pool's watch_lock (short) guards the lists of its members. It is taken under the locks of
 * fences, whose enable_signaling op comes here; fences are asked without it. The list of pools has a lock
 * of its own, which is held while the thread is started, so that nobody goes on without a watcher.
 */
#include "share/watcher.h"

#include <errno.h>

#include "fence/fence.h"
#include "os/channel.h"
#include "os/fault.h"
#include "os/file.h"
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

	err = os_set_add(member->pool->set, member->channel, key_of(member, false), true);
	if (err)
		return err;
	err = os_set_add(member->pool->set, member->process, key_of(member, true), true);
	if (err)
		os_set_remove(member->pool->set, member->channel);
	return err;
}

static void await(const struct member *member, bool is_process)
{
	os_set_await(member->pool->set, is_process ? member->process : member->channel,
		     key_of(member, is_process), true);
}

void watcher_again(const struct member *member)
{
	await(member, false);
	await(member, true);
}

void watcher_unmember(const struct member *member)
{
	os_set_remove(member->pool->set, member->channel);
	os_set_remove(member->pool->set, member->process);
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

static void look(struct dma_buf_pool *pool)
{
	struct os_set_event events[BATCH];
	unsigned int count;

	do {
		count = os_set_take(pool->set, events, BATCH, false);
		if (count)
			mail_read(pool);
		for (unsigned int i = 0; i < count; i++) {
			if (events[i].key == ALARM_KEY)
				look_at_leases(pool);
			else
				await_member(pool, (unsigned int)(events[i].key / 2));
		}
	} while (count == BATCH);
}

/*
 * Who looks.
 */

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
static struct dma_buf_pool *pools DMABUF_GUARDED_BY(lock);
/* Of the sets of pools whose application does not look itself. Constant once it is made. */
static int all DMABUF_GUARDED_BY(lock) = -1;
static uint64_t pools_so_far DMABUF_GUARDED_BY(lock);

static struct dma_buf_pool *get_by_serial(uint64_t serial) DMABUF_EXCLUDES(lock)
{
	struct dma_buf_pool *pool;

	dmabuf_spin_lock(&lock);
	for (pool = pools; pool && pool->serial != serial; pool = pool->next)
		;
	if (pool && !pool_get_unless_dead(pool))
		pool = NULL;
	dmabuf_spin_unlock(&lock);
	return pool;
}

static void look_for_ever(void)
{
	int own;

	dmabuf_spin_lock(&lock);
	own = all;
	dmabuf_spin_unlock(&lock);
	for (;;) {
		struct os_set_event events[BATCH];
		const unsigned int count = os_set_take(own, events, BATCH, true);

		for (unsigned int i = 0; i < count; i++) {
			struct dma_buf_pool *pool = get_by_serial(events[i].key);

			if (!pool)
				continue;
			look(pool);
			os_set_await(own, pool->set, pool->serial, true);
			pool_put(pool);
		}
		os_thread_flush(); /* it may sleep for long, and what it deferred should not */
	}
}

static int start_thread(void) DMABUF_REQUIRES(lock)
{
	int err;

	if (all >= 0)
		return 0;
	all = os_set_create();
	if (all < 0)
		return all;
	err = os_thread_start(look_for_ever);
	if (err) {
		os_file_close(all);
		all = -1;
	}
	return err;
}

void watcher_need(struct dma_buf_pool *pool)
{
	int err = 0;

	if (load_acquire(&pool->watcher) != WATCHED_BY_NOBODY)
		return;
	dmabuf_spin_lock(&lock);
	if (pool->watcher == WATCHED_BY_NOBODY) {
		err = start_thread();
		if (!err)
			err = os_set_add(all, pool->set, pool->serial, true);
		if (!err)
			store_release(&pool->watcher, WATCHED_BY_THREAD);
	}
	dmabuf_spin_unlock(&lock);
	dmabuf_warn_on(err, "a pool's fence has a callback, and nobody will call it: there can be no thread "
			    "(%d); call dma_buf_pool_watch()", err);
}

int watcher_open(struct dma_buf_pool *pool)
{
	pool->set = os_set_create();
	if (pool->set < 0)
		return pool->set;
	alarm_init(pool);
	dmabuf_spin_lock(&lock);
	pool->serial = ++pools_so_far;
	pool->next = pools;
	pools = pool;
	dmabuf_spin_unlock(&lock);
	return 0;
}

void watcher_close(struct dma_buf_pool *pool)
{
	struct dma_buf_pool **link;

	dmabuf_spin_lock(&lock);
	for (link = &pools; *link != pool; link = &(*link)->next)
		;
	*link = pool->next;
	if (pool->watcher == WATCHED_BY_THREAD)
		os_set_remove(all, pool->set);
	dmabuf_spin_unlock(&lock);
	os_file_close(pool->set);
	alarm_close(pool);
}

int dma_buf_pool_watch_fd(struct dma_buf_pool *pool)
{
	int fd = -EBUSY;

	if (!pool_is_here(pool))
		return -ECHILD;
	dmabuf_spin_lock(&lock);
	if (pool->watcher != WATCHED_BY_THREAD) {
		store_release(&pool->watcher, WATCHED_BY_APPLICATION);
		fd = pool->set;
	}
	dmabuf_spin_unlock(&lock);
	return fd;
}

void dma_buf_pool_watch(struct dma_buf_pool *pool)
{
	look(pool);
}

/*
 * Fork: the child is no member. It has its parent's channels until they are closed, and none of the
 * memory.
 */

static void forget_all(void) DMABUF_REQUIRES(lock)
{
	for (struct dma_buf_pool *pool = pools; pool; pool = pool->next)
		pool_fork(pool);
	if (all >= 0)
		os_file_close(all);
	all = -1;
}

static struct os_fork_hook forget_in_child = { .lock = &lock, .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
