/* SPDX-License-Identifier: MIT */
/* A forked child of a member is none: every call says so, or does nothing, and the parent does not notice. */
#define _GNU_SOURCE
#include "members.h"
#include "puppet.h"

#include <poll.h>

#include "os/file.h"
#include "share/member.h"
#include "share/watcher.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 4, .fences = 4, .timelines = 4,
};

/* What a member has, when it forks. */
static struct {
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;
	struct dma_fence *own, *fence; /* of this process; of another one */
	struct dma_buf_pool_fence value;
	struct dma_buf_pool_handle handle;
	struct dma_buf_pool_message invitation;
	struct dma_fence_timeline *tl;
	struct peer peer;
	int fd;
	void *map;
} world;

static void begin(void)
{
	struct dma_buf_pool_fence origin;
	struct answer answer;

	world.peer = puppet_fork();
	ASSERT_INT(dma_buf_pool_create(&limits, &world.pool), ==, 0);
	puppet_admit(&world.peer, world.pool, 0);
	answer = puppet_obey(&world.peer, &(struct order){ .deed = EXPORT });
	world.fence = dma_buf_pool_import_fence(world.pool, &answer.value);
	world.own = make_fence();
	ASSERT_INT(dma_buf_pool_export_fence(world.pool, world.own, &world.value), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(world.pool, "buffer", 4096, 0, &world.dmabuf), ==, 0);
	ASSERT_INT(dma_buf_pool_get_handle(world.dmabuf, &world.handle), ==, 0);
	ASSERT_INT(dma_buf_pool_invite(world.pool, 0, &world.invitation), ==, 0);
	dma_buf_pool_message_close(&world.invitation);
	world.tl = dma_fence_timeline_create("shared");
	ASSERT_INT(dma_buf_pool_share_timeline(world.pool, world.tl, &origin), ==, 0);
	world.fd = dma_buf_pool_watch_fd(world.pool);
	world.map = world.pool->self->map;
}

static void end(void)
{
	ASSERT_INT(dma_buf_pool_status(world.pool), ==, 0);
	ASSERT_FALSE(dma_fence_is_signaled(world.own));
	dma_fence_put(world.own);
	dma_fence_put(world.fence);
	dma_fence_timeline_destroy(world.tl);
	dma_buf_put(world.dmabuf);
	puppet_quit(&world.peer);
	leave(world.pool);
}

/* How a child ended that ran @func: 0, if that returned. */
static int run_in_child(void (*func)(void))
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL); /* cmocka would go on with its next test, here */
		signal(SIGABRT, SIG_DFL);
		alarm(60);
		func();
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -errno;
}

/* @func must return in a child. */
static void in_child(void (*func)(void))
{
	test_forks_beside_threads();
	begin();
	ASSERT_INT(run_in_child(func), ==, 0);
	end();
}

/*
 * Calls.
 */

static void call_all(void)
{
	struct dma_buf_pool_message message = { .count = 0 };
	struct dma_buf_pool_fence value;
	struct dma_fence *fence = make_fence();
	struct dma_fence_timeline *tl = dma_fence_timeline_create("child's");
	struct dma_buf *dmabuf;
	int ends[2];

	PEER_MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	PEER_MUST(dma_buf_pool_status(world.pool) == -ECHILD);
	PEER_MUST(dma_buf_pool_self(world.pool) == world.handle.owner);
	PEER_MUST(dma_buf_pool_serve(world.pool, ends[0], 0, SECOND, NULL) == -ECHILD);
	PEER_MUST(dma_buf_pool_invite(world.pool, 0, &message) == -ECHILD);
	PEER_MUST(dma_buf_pool_admit(world.pool, &world.invitation, &message, NULL) == -ECHILD);
	PEER_MUST(dma_buf_pool_await(world.pool, SECOND) == -ECHILD);
	PEER_MUST(dma_buf_pool_evict(world.pool, world.handle.owner + 2) == -ECHILD);
	dma_buf_pool_uninvite(world.pool, &world.invitation);
	PEER_MUST(dma_buf_pool_alloc(world.pool, "no", 4096, 0, &dmabuf) == -ECHILD);
	PEER_MUST(dma_buf_pool_get_buf(world.pool, &world.handle, &dmabuf) == -ECHILD);
	PEER_MUST(dma_buf_pool_export_fence(world.pool, fence, &value) == -ECHILD);
	PEER_MUST(dma_buf_pool_export_fence(world.pool, world.own, &value) == -ECHILD);
	PEER_MUST(dma_buf_pool_lease_fence(world.pool, fence, SECOND) == -ECHILD);
	PEER_MUST(dmabuf_ptr_err(dma_buf_pool_import_fence(world.pool, &world.value)) == -ECHILD);
	PEER_MUST(dma_buf_pool_share_timeline(world.pool, tl, &value) == -ECHILD);
	PEER_MUST(dma_buf_pool_watch_fd(world.pool) == -ECHILD);
	dma_buf_pool_watch(world.pool);
	dma_buf_pool_leave(world.pool);
}

TEST(every_call_in_a_child_says_so)
{
	in_child(call_all);
}

static void never_called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	PEER_MUST(false);
}

static void use_fences(void)
{
	struct dma_fence_cb cb;

	PEER_MUST(dma_fence_add_callback(world.fence, &cb, never_called) == -ENOENT);
	PEER_MUST(dma_fence_get_status(world.fence) == -ECHILD);
	PEER_MUST(!dma_fence_wait(world.fence, false));
	PEER_MUST(dma_fence_is_signaled(world.fence));
	PEER_MUST(!dma_fence_signal(world.own));
	PEER_MUST(dma_fence_get_status(world.own) == 1);
	dma_fence_put(dma_fence_timeline_emit(world.tl));
	PEER_MUST(!dma_fence_timeline_signal(world.tl, 1, 0));
	dma_fence_put(world.fence);
	dma_fence_put(world.own);
	dma_fence_timeline_destroy(world.tl);
	dma_buf_pool_leave(world.pool);
}

TEST(other_members_are_dead_to_a_child_and_its_own_fences_are_private)
{
	in_child(use_fences);
}

static void wait_for_fence(void)
{
	PEER_MUST(!dma_fence_wait(world.fence, true));
	PEER_MUST(dma_fence_get_status(world.fence) == -ECHILD);
}

TEST(a_child_waits_for_nobody)
{
	in_child(wait_for_fence);
}

static void use_buffer(void)
{
	struct dma_resv *resv = world.dmabuf->resv;
	struct dma_buf_pool_handle handle;
	struct dma_fence **fences;
	unsigned int count;

	PEER_MUST(dma_resv_lock(resv, NULL) == -ECHILD);
	PEER_MUST(dma_resv_lock_interruptible(resv, NULL) == -ECHILD);
	PEER_MUST(!dma_resv_trylock(resv));
	PEER_MUST(dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP));
	PEER_MUST(dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false, SECOND) > 0);
	PEER_MUST(!dma_resv_get_fences(resv, DMA_RESV_USAGE_BOOKKEEP, &count, &fences));
	PEER_MUST(!count);
	free(fences);
	PEER_MUST(!dma_buf_pool_get_handle(world.dmabuf, &handle));
	dma_buf_put(world.dmabuf);
	leave(world.pool);
}

TEST(a_buffer_cannot_be_locked_by_a_child)
{
	in_child(use_buffer);
}

static void leave_first(void)
{
	dma_buf_pool_leave(world.pool);
	PEER_MUST(dma_resv_lock(world.dmabuf->resv, NULL) == -ECHILD);
	dma_fence_put(world.fence);
	dma_buf_put(world.dmabuf);
	dmabuf_rcu_barrier();
}

TEST(a_child_may_leave_and_put_in_any_order)
{
	in_child(leave_first);
}

/* What a parent does with the lock is not its child's. */
static void go_on_under_lock(void)
{
	struct dma_fence *fence = make_fence();

	dma_resv_add_fence(world.dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	PEER_MUST(dma_resv_reserve_fences(world.dmabuf->resv, 1) == -ECHILD);
	dma_resv_unlock(world.dmabuf->resv);
	signal_and_put(fence);
	dma_buf_put(world.dmabuf);
	dma_buf_pool_leave(world.pool);
}

TEST(a_child_that_was_forked_under_a_lock_drops_its_own)
{
	pid_t pid;
	int status;

	test_forks_beside_threads();
	begin();
	ASSERT_INT(dma_resv_lock(world.dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(world.dmabuf->resv, 1), ==, 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		go_on_under_lock();
		_exit(0);
	}
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(status, ==, 0);
	dma_resv_add_fence(world.dmabuf->resv, world.own, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(world.dmabuf->resv);
	ASSERT_FALSE(dma_resv_test_signaled(world.dmabuf->resv, DMA_RESV_USAGE_WRITE));
	end();
}

/*
 * What it has.
 */

static unsigned int count_sockets(void)
{
	unsigned int count = 0;

	for (int fd = 3; fd < 1000; fd++) {
		int type;
		socklen_t size = sizeof(type);

		count += !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_SEQPACKET;
	}
	return count;
}

static void has_no_channel(void)
{
	PEER_MUST(!count_sockets());
}

TEST(a_child_keeps_no_channel_open)
{
	in_child(has_no_channel);
}

/* Where its parent has its timelines, it may have something else. */
static void has_its_own_memory(void)
{
	const size_t size = os_page_size();
	char *own = mmap(world.map, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	PEER_MUST(own == world.map);
	own[0] = 1;
	dma_fence_put(world.fence);
	signal_and_put(world.own);
	dma_fence_timeline_destroy(world.tl);
	dma_buf_put(world.dmabuf);
	leave(world.pool);
	own[size - 1] = 1;
}

TEST(a_childs_memory_is_its_own)
{
	in_child(has_its_own_memory);
}

/* And its children. */
static void has_a_child(void)
{
	PEER_MUST(!run_in_child(call_all));
	call_all();
}

TEST(a_childs_child_is_no_member_either)
{
	in_child(has_a_child);
}

/* With a pool of its own, and as a member of its parent's. */
static void begins_anew(void)
{
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;

	PEER_MUST(!dma_buf_pool_create(&limits, &pool));
	PEER_MUST(!dma_buf_pool_status(pool));
	PEER_MUST(!dma_buf_pool_alloc(pool, "new", 4096, 0, &dmabuf));
	PEER_MUST(!dma_resv_lock(dmabuf->resv, NULL));
	dma_resv_unlock(dmabuf->resv);
	watcher_need(pool);
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool);
}

TEST(a_child_may_have_pools_of_its_own)
{
	in_child(begins_anew);
}

static void join_there(void)
{
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;

	PEER_MUST(!dma_buf_pool_join(world.fd, PEER_PATIENCE, &pool));
	PEER_MUST(!dma_buf_pool_get_buf(pool, &world.handle, &dmabuf));
	PEER_MUST(!dma_resv_lock(dmabuf->resv, NULL));
	dma_resv_unlock(dmabuf->resv);
	PEER_MUST(!dma_fence_get_status(dma_buf_pool_import_fence(pool, &world.value)));
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool);
}

TEST(a_child_may_become_a_member)
{
	int ends[2], status;
	pid_t pid;

	test_forks_beside_threads();
	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	begin();
	dma_buf_pool_uninvite(world.pool, &world.invitation);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		world.fd = ends[1];
		join_there();
		_exit(0);
	}
	ASSERT_INT(dma_buf_pool_serve(world.pool, ends[0], 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(status, ==, 0);
	close(ends[0]);
	close(ends[1]);
	end();
}

/*
 * What its parent has.
 */

static void look(void)
{
	dma_buf_pool_watch(world.pool);
}

TEST(a_child_takes_no_news_from_its_parent)
{
	struct counting_cb counter = { .calls = 0 };
	struct pollfd entry;

	test_forks_beside_threads();
	begin();
	ASSERT_INT(dma_fence_add_callback(world.fence, &counter.cb, count_call), ==, 0);
	ASSERT_INT(puppet_deed(&world.peer, SIGNAL), ==, 0);
	entry = (struct pollfd){ .fd = world.fd, .events = POLLIN };
	ASSERT_INT(poll(&entry, 1, 20000), ==, 1);
	ASSERT_INT(run_in_child(look), ==, 0);
	dma_buf_pool_watch(world.pool);
	ASSERT_INT(counter.calls, ==, 1);
	end();
}

/* A thread that does not exist in the child. */
static struct {
	uint32_t has, may_drop; /* atomic */
} locks;

DMABUF_UNCHECKED("it has them all, in no order")
static void hold_locks(void *unused)
{
	(void)unused;
	if (ww_mutex_lock(&world.pool->mail_lock, NULL))
		abort();
	dmabuf_spin_lock(&world.pool->lock);
	dmabuf_spin_lock(&world.pool->own.lock);
	dmabuf_spin_lock(&world.pool->watch_lock);
	store_release(&locks.has, 1);
	WAIT_UNTIL(load_acquire(&locks.may_drop));
	dmabuf_spin_unlock(&world.pool->watch_lock);
	dmabuf_spin_unlock(&world.pool->own.lock);
	dmabuf_spin_unlock(&world.pool->lock);
	ww_mutex_unlock(&world.pool->mail_lock);
}

static void end_all(void)
{
	alarm(10);
	use_fences();
	dma_buf_put(world.dmabuf);
	dmabuf_rcu_barrier();
}

TEST(locks_that_another_thread_had_are_free_in_a_child)
{
	struct test_thread *thread;

	test_forks_beside_threads();
	begin();
	locks.has = locks.may_drop = 0;
	thread = test_thread_start(hold_locks, NULL);
	WAIT_UNTIL(load_acquire(&locks.has));
	ASSERT_INT(run_in_child(end_all), ==, 0);
	store_release(&locks.may_drop, 1);
	test_thread_join(thread);
	end();
}

/* The child lives: it is not what the others wait for; though the library did not see it come. */
static void die_before_child(unsigned int flags)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool;
	struct dma_fence *fence;
	struct answer answer;
	pid_t child;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	puppet_admit(&peer, pool, 0);
	answer = puppet_obey(&peer, &(struct order){ .deed = EXPORT });
	fence = dma_buf_pool_import_fence(pool, &answer.value);
	answer = puppet_obey(&peer, &(struct order){ .deed = FORK, .flags = flags });
	child = answer.err;
	ASSERT_INT(child, >, 0);
	puppet_kill(&peer);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, -EOWNERDEAD);
	kill(child, SIGKILL);
	dma_fence_put(fence);
	leave(pool);
}

TEST(a_member_is_dead_though_its_child_lives)
{
	die_before_child(0);
	die_before_child(1);
}

TEST(who_runs_another_program_is_dead)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool;
	struct dma_fence *fence;
	struct answer answer;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	puppet_admit(&peer, pool, 0);
	answer = puppet_obey(&peer, &(struct order){ .deed = EXPORT });
	fence = dma_buf_pool_import_fence(pool, &answer.value);
	puppet_tell(&peer, &(struct order){ .deed = END, .way = EXECUTED });
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, -EOWNERDEAD);
	puppet_kill(&peer);
	dma_fence_put(fence);
	leave(pool);
}
