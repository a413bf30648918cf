/* SPDX-License-Identifier: MIT */
/*
 * A member that ends, in one way or another, or is stopped and evicted, at each labelled point of its life,
 * one after the other: in joining, locking, adding, committing, in compaction, in signalling, in leaving.
 * After each, the test locks the buffer, finds nothing that should not be there, adds a fence of its own,
 * and finds that again when the member that was stopped has gone on and ended.
 */
#define _GNU_SOURCE
#include <dmabuf/dmabuf.h>
#include <sys/mman.h>

#include "../fence/fences.h"
#include "ends.h"
#include "share/shared-log.h"
#include "share/shared-resv.h"

enum { FENCES = 4, ADDS = 14 }; /* so many that the log is written anew */

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 1, .fences = FENCES, .timelines = 4,
};

static struct dma_buf_pool *pool; /* the test's own */
static struct dma_buf *dmabuf;

/* What the test and the member tell each other, in memory that both have. */
struct board {
	uint32_t member; /* atomic: who it is; 0: it has not joined */
	uint32_t points; /* atomic: how many it has passed */
};

static struct board *board;

/*
 * The member.
 */

static unsigned int nth; /* the point at which it ends */
static enum way how;

static void maybe_end(const char *label)
{
	(void)label;
	if (fetch_add_relaxed(&board->points, 1) + 1 == nth)
		end_there(how);
}

/* From here on it may have been evicted, and told so. */
static bool goes_on(int err)
{
	PEER_MUST(!err || err == -ESTALE);
	return !err;
}

static bool add_there(struct dma_buf *buf, struct dma_fence *fence)
{
	if (!goes_on(dma_resv_lock(buf->resv, NULL)))
		return false;
	if (goes_on(dma_resv_reserve_fences(buf->resv, 1)))
		dma_resv_add_fence(buf->resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(buf->resv);
	return true;
}

/* One that is shared as it is, and one whose fences are carried. */
static void live(struct dma_buf_pool *own, struct dma_buf *buf)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("member");
	struct dma_fence *carried = make_fence();
	struct dma_buf_pool_fence origin;

	if (goes_on(dma_buf_pool_share_timeline(own, tl, &origin)) && add_there(buf, carried)) {
		for (unsigned int i = 1; i <= ADDS; i++) {
			struct dma_fence *fence = dma_fence_timeline_emit(tl);
			const bool added = add_there(buf, fence);

			dma_fence_put(fence);
			if (!added)
				break;
		}
	}
	signal_and_put(carried);
	dma_fence_timeline_fail(tl, -EIO);
	dma_fence_timeline_destroy(tl);
}

static void member(int sock)
{
	struct dma_buf_pool_handle handle;
	struct dma_buf_pool *own;
	struct dma_buf *buf;

	dma_buf_put(dmabuf); /* its parent's are nothing to it */
	dma_buf_pool_leave(pool);
	PEER_MUST(peer_hear(sock, &nth, sizeof(nth)) && peer_hear(sock, &how, sizeof(how)));
	os_race_hook(maybe_end);
	if (dma_buf_pool_join(sock, PEER_PATIENCE, &own))
		_exit(0); /* nobody waits for one who is stopped on the way */
	store_release(&board->member, dma_buf_pool_self(own));
	if (!peer_hear(sock, &handle, sizeof(handle)))
		_exit(0);
	if (goes_on(dma_buf_pool_get_buf(own, &handle, &buf))) {
		live(own, buf);
		dma_buf_put(buf);
	}
	dma_buf_pool_leave(own);
}

/*
 * The test.
 */

static void add_here(struct dma_fence *fence)
{
	ASSERT_INT(dma_resv_lock_timeout(dmabuf->resv, NULL, PEER_PATIENCE), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_READ);
	dma_resv_unlock(dmabuf->resv);
	ASSERT_INT(dma_buf_pool_status(pool), ==, 0);
}

/* @fence is there, and of what else is there nothing is left to wait for. */
static void check_set(struct dma_fence *fence)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	unsigned int found = 0;
	struct dma_fence *it;

	dma_resv_get_snapshot(dmabuf->resv, &set);
	dma_resv_snapshot_for_each(it, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP) {
		if (it == fence) {
			ASSERT_INT(cursor.fence_usage, ==, DMA_RESV_USAGE_READ);
			found++;
		} else {
			ASSERT_INT(dma_fence_wait_timeout(it, false, PEER_PATIENCE), >, 0);
			ASSERT_INT(dma_fence_get_status(it), !=, 0);
		}
	}
	dma_resv_put_snapshot(&set);
	ASSERT_INT(found, ==, 1);
}

/* What lies in shared memory for all to see. */
struct seen {
	uint64_t word;
	struct commit commit;
	struct point point[2 * FENCES + 2];
};

static struct seen look(void)
{
	struct shared_resv *shared = shared_resv_of(dmabuf->resv);
	struct seen seen;

	memset(&seen, 0, sizeof(seen));
	seen.commit = shared_log_look(&shared->pool->shape, shared->shm, &seen.word);
	ASSERT_TRUE(shared_log_read(&shared->pool->shape, shared->shm, &seen.commit, seen.point));
	return seen;
}

/* Until it has ended or stopped. True: it has stopped. */
static bool await_stop(const struct peer *peer, int *ret_status)
{
	ASSERT_INT(waitpid(peer->pid, ret_status, WUNTRACED), ==, peer->pid);
	return WIFSTOPPED(*ret_status);
}

/* Until it has ended, or is another program, which has no socket. */
static void await_end(const struct peer *peer)
{
	char byte;

	while (recv(peer->sock, &byte, 1, 0) > 0)
		;
}

static void lock_here(void)
{
	ASSERT_INT(dma_resv_lock_timeout(dmabuf->resv, NULL, PEER_PATIENCE), ==, 0);
	dma_resv_unlock(dmabuf->resv);
}

/* It is evicted, and goes on. Nothing changes by that, whether the next holder has committed or not. */
static void let_go_on(const struct peer *peer, bool commits, int *ret_status)
{
	const uint32_t id = load_acquire(&board->member);
	struct dma_fence *fence = make_fence();
	struct seen before, after;
	int err;

	err = id ? dma_buf_pool_evict(pool, id) : -ENOENT;
	ASSERT_TRUE(!err || err == -ENOENT); /* it has left already */
	if (commits)
		add_here(fence);
	else
		lock_here();
	before = look();
	kill(peer->pid, SIGCONT);
	ASSERT_INT(waitpid(peer->pid, ret_status, 0), ==, peer->pid);
	after = look();
	if (id)
		ASSERT_TRUE(!memcmp(&before, &after, sizeof(before)));
	if (commits)
		check_set(fence);
	signal_and_put(fence);
}

/* True: it is a member now. */
static bool let_join(const struct peer *peer, unsigned int point, enum way way)
{
	const int64_t patience = way == STOPPED ? SECOND / 20 : PEER_PATIENCE;
	struct dma_buf_pool_handle handle;

	store_relaxed(&board->points, 0);
	store_release(&board->member, 0);
	peer_tell(peer->sock, &point, sizeof(point));
	peer_tell(peer->sock, &way, sizeof(way));
	if (dma_buf_pool_serve(pool, peer->sock, 0, patience, NULL))
		return false;
	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	peer_tell(peer->sock, &handle, sizeof(handle));
	return true;
}

/* Those that ended before the log was written anew in their lives, and after, and after the second time. */
static unsigned int ended_after[8];

static bool has_passed(unsigned int point)
{
	return load_relaxed(&board->points) >= point;
}

static void check_afterwards(void)
{
	struct dma_fence *fence = make_fence();

	add_here(fence);
	check_set(fence);
	signal_and_put(fence);
}

/* False: it has no so many points. */
static bool stop_at(unsigned int point)
{
	struct peer peer = peer_fork(member);
	const bool served = let_join(&peer, point, STOPPED);
	int status;

	if (!served)
		shutdown(peer.sock, SHUT_RDWR); /* it need not wait for us any more */
	if (await_stop(&peer, &status))
		let_go_on(&peer, point % 3, &status);
	close(peer.sock);
	ASSERT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	check_afterwards();
	return has_passed(point) || (!served && stop_at(point)); /* it was slow, and not stopped: again */
}

/* Another program now. The one before may not outlive it: by then somebody else has had its place. */
static void keep_alive(struct peer survivor)
{
	static struct peer last;

	if (last.pid)
		kill_survivor(&last);
	last = survivor;
}

/* False: it has no so many points. */
static bool end_once_at(unsigned int point, enum way way)
{
	struct peer peer = peer_fork(member);
	const uint32_t flips = look().commit.flips;

	let_join(&peer, point, way);
	await_end(&peer);
	ended_after[(look().commit.flips - flips) % 8]++;
	check_afterwards();
	if (way == EXECUTED && has_passed(point))
		keep_alive(peer);
	else
		ASSERT_INT(peer_reap(&peer), ==, has_passed(point) ? end_status(way) : 0);
	return has_passed(point);
}

/* In each of the ways that are to be tried there. */
static bool end_at(unsigned int point)
{
	bool has_ended = true;

	for (unsigned int i = ways_a_point(); i && has_ended; i--)
		has_ended = end_once_at(point, next_way());
	return has_ended;
}

static void end_everywhere(bool stops)
{
	unsigned int point;

	board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(board != MAP_FAILED);
	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(pool, NULL, 4096, 0, &dmabuf), ==, 0);
	for (point = 1; stops ? stop_at(point) : end_at(point); point++)
		;
	keep_alive((struct peer){ 0 });
	ASSERT_INT(point, >, 100);
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool);
	munmap(board, 4096);
	dmabuf_rcu_barrier();
}

TEST(a_member_may_end_in_any_way_at_each_point)
{
	test_forks_beside_threads();
	end_everywhere(false);
	ASSERT_TRUE(ended_after[0] && ended_after[1]); /* so some ended in that */
}

TEST(a_member_may_be_stopped_and_evicted_at_each_point)
{
	test_forks_beside_threads();
	end_everywhere(true);
}
