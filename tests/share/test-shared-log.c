/* SPDX-License-Identifier: MIT */
/* The log in shared memory, word by word; and what a lock has to do with evictions. */
#include <dmabuf/dma-buf-pool.h>
#include <errno.h>

#include "members.h"
#include "harness.h"
#include "share/shared-log.h"
#include "share/shared-resv.h"

static const struct pool_shape shape = { .members = 2, .buffers = 1, .fences = 4, .timelines = 2 };

/* Room for a reservation's head and both halves. */
static union {
	struct shm_resv resv;
	char bytes[sizeof(struct shm_resv) + 64 * sizeof(struct shm_entry)];
} memory;

static const struct point first = { .id = 0x100, .timeline = 1, .seqno = 5, .usage = DMA_RESV_USAGE_WRITE };
static const struct point second = { .id = 0x202, .timeline = 0, .seqno = 7, .usage = DMA_RESV_USAGE_READ };

static struct shm_resv *begin(void)
{
	memset(&memory, 0, sizeof(memory));
	return &memory.resv;
}

static void assert_point(const struct point *point, const struct point *expected)
{
	ASSERT_INT(point->id, ==, expected->id);
	ASSERT_INT(point->timeline, ==, expected->timeline);
	ASSERT_INT(point->seqno, ==, expected->seqno);
	ASSERT_INT(point->usage, ==, expected->usage);
}

static bool commits(struct shm_resv *shm, const struct commit *old, const struct commit *new)
{
	return shared_log_commit(shm, commit_pack(old), commit_pack(new));
}

/* One entry, of the first half, for all to see. */
static struct commit commit_one(struct shm_resv *shm, const struct point *point, uint32_t evictions)
{
	const struct commit none = commit_unpack(shm->commit), one = { .length = 1 };

	ASSERT_TRUE(shared_log_write(&shape, shm, 0, 0, point, evictions));
	ASSERT_TRUE(commits(shm, &none, &one));
	return one;
}

TEST(what_is_committed_is_read)
{
	struct shm_resv *shm = begin();
	struct point point;
	struct commit seen;
	uint64_t word;

	commit_one(shm, &first, 0);
	seen = shared_log_look(&shape, shm, &word);
	ASSERT_INT(seen.length, ==, 1);
	ASSERT_TRUE(shared_log_read(&shape, shm, &seen, &point));
	assert_point(&point, &first);
}

TEST(who_was_revoked_writes_over_nothing)
{
	struct shm_resv *shm = begin();
	struct point point;
	struct commit seen;
	uint64_t word;

	commit_one(shm, &first, 2); /* by one who took the lock after the second eviction */
	ASSERT_FALSE(shared_log_write(&shape, shm, 0, 0, &second, 1));
	seen = shared_log_look(&shape, shm, &word);
	ASSERT_TRUE(shared_log_read(&shape, shm, &seen, &point));
	assert_point(&point, &first);
	ASSERT_TRUE(shared_log_write(&shape, shm, 0, 0, &second, 2));
}

/* Else one who was revoked, and has not written yet, could still write over it. */
TEST(a_word_that_is_there_already_is_of_the_latest_count)
{
	struct shm_resv *shm = begin();

	ASSERT_TRUE(shared_log_write(&shape, shm, 0, 0, &first, 1));
	ASSERT_TRUE(shared_log_write(&shape, shm, 0, 0, &first, 2));
	ASSERT_INT(shm_entry(&shape, shm, 0, 0)->where >> ENTRY_EVICTIONS_SHIFT, ==, 2);
	ASSERT_INT(shm_entry(&shape, shm, 0, 0)->seqno >> ENTRY_EVICTIONS_SHIFT, ==, 2);
	ASSERT_FALSE(shared_log_write(&shape, shm, 0, 0, &first, 1));
}

TEST(who_lost_the_lock_commits_nothing)
{
	struct shm_resv *shm = begin();
	const struct commit none = commit_unpack(0), one = { .length = 1 };
	uint64_t word;

	ASSERT_TRUE(shared_log_write(&shape, shm, 0, 0, &first, 0));
	shm->lock = second.id | LOCK_WAITERS;
	shared_log_take_over(shm, first.id); /* it has been taken from that one, too */
	ASSERT_INT(shm->commit, ==, 0);
	shared_log_take_over(shm, second.id);
	ASSERT_FALSE(commits(shm, &none, &one));
	ASSERT_INT(shared_log_look(&shape, shm, &word).length, ==, 0);
}

/* While somebody reads, another set is written where it reads, and a third one. */
TEST(a_reader_notices_that_the_halves_were_flipped)
{
	struct shm_resv *shm = begin();
	struct commit seen, other, third;
	struct point point;
	uint64_t word;

	commit_one(shm, &first, 0);
	seen = shared_log_look(&shape, shm, &word);
	other = (struct commit){ .length = 1, .half = 1, .flips = 1 };
	ASSERT_TRUE(shared_log_write(&shape, shm, 1, 0, &second, 0));
	ASSERT_TRUE(commits(shm, &seen, &other));
	third = (struct commit){ .length = 1, .half = 0, .flips = 2 };
	ASSERT_TRUE(shared_log_write(&shape, shm, 0, 0, &second, 0));
	ASSERT_FALSE(shared_log_read(&shape, shm, &seen, &point));
	ASSERT_TRUE(commits(shm, &other, &third));
	ASSERT_FALSE(shared_log_read(&shape, shm, &seen, &point));
}

TEST(a_length_that_no_log_has_is_not_believed)
{
	struct shm_resv *shm = begin();
	uint64_t word;

	shm->commit = UINT64_MAX;
	ASSERT_INT(shared_log_look(&shape, shm, &word).length, ==, half_capacity(&shape));
}

/*
 * The lock.
 */

static struct dma_buf_pool *pool;
static void evict_somebody(const char *label)
{
	if (!strcmp(label, "shared resv: locked"))
		fetch_add_relaxed(&pool_head(pool)->evictions, 1);
}

static const struct dma_buf_pool_limits limits = { 2, 1, 4, 2 };

TEST(a_holder_has_the_count_of_evictions_after_it_took_the_lock)
{
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(pool, NULL, 4096, 0, &dmabuf), ==, 0);
	os_race_hook(evict_somebody);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	os_race_hook(NULL);
	ASSERT_INT(shared_resv_of(dmabuf->resv)->evictions, ==, 1);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
	leave(pool);
}

static struct shm_resv *restless;

static void flip(const char *label)
{
	struct commit commit;

	if (strcmp(label, "shared log: before it is read") != 0)
		return;
	commit = commit_unpack(restless->commit);
	commit.flips++;
	restless->commit = commit_pack(&commit);
}

/* No member does that: it flips the halves whenever somebody reads them, for ever. */
TEST(who_never_lets_a_log_be_read_ends_the_membership)
{
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(pool, NULL, 4096, 0, &dmabuf), ==, 0);
	restless = shared_resv_of(dmabuf->resv)->shm;
	restless->commit++; /* there is something to read */
	os_race_hook(flip);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0); /* it is noticed under the lock */
	ASSERT_INT(dma_buf_pool_status(pool), ==, -EPROTO);
	dma_resv_unlock(dmabuf->resv);
	os_race_hook(NULL);
	ASSERT_INT(dma_buf_pool_await(pool, 0), ==, -EPROTO);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, -EPROTO);
	dma_buf_put(dmabuf);
	leave(pool);
}

static struct dma_buf *looked_at;
static unsigned int looks;

/* As a callback may, that is called since somebody is found dead. */
static void look(const char *label)
{
	struct dma_fence *fence;

	if (strcmp(label, "shared log: before it is read") != 0 || looks++)
		return;
	ASSERT_INT(dma_resv_get_singleton(looked_at->resv, DMA_RESV_USAGE_READ, &fence), ==, 0);
	ASSERT_PTR(fence, ==, NULL);
}

TEST(a_callback_that_looks_while_its_thread_does_waits_for_nobody)
{
	struct dma_fence *fence;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(pool, NULL, 4096, 0, &looked_at), ==, 0);
	shared_resv_of(looked_at->resv)->shm->commit++; /* there is something to read */
	os_race_hook(look);
	ASSERT_INT(dma_resv_get_singleton(looked_at->resv, DMA_RESV_USAGE_READ, &fence), ==, 0);
	ASSERT_INT(looks, ==, 1);
	shared_resv_of(looked_at->resv)->shm->commit++;
	looks = 0;
	ASSERT_INT(dma_resv_lock(looked_at->resv, NULL), ==, 0); /* the container is its thread's */
	ASSERT_INT(looks, ==, 1);
	os_race_hook(NULL);
	dma_resv_unlock(looked_at->resv);
	dma_buf_put(looked_at);
	leave(pool);
}

/* A dead member had the lock: whoever takes it over says so in the commit word. */
TEST(taking_a_lock_over_changes_the_commit_word)
{
	struct shared_resv *shared;
	struct dma_buf *dmabuf;
	struct commit before;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(pool, NULL, 4096, 0, &dmabuf), ==, 0);
	shared = shared_resv_of(dmabuf->resv);
	before = commit_unpack(shared->shm->commit);
	store_relaxed(&shared->shm->lock, member_id(1, 1)); /* whom nobody knows */
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	ASSERT_INT(commit_unpack(shared->shm->commit).takeovers, ==, before.takeovers + 1);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
	leave(pool);
}

/*
 * Evictions, which the words of the log count.
 */

TEST(there_is_an_end_of_evictions)
{
	struct dma_buf_pool *member;
	uint32_t id;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	member = add_member(pool);
	id = dma_buf_pool_self(member);
	pool_head(pool)->evictions = ENTRY_MOST_EVICTIONS;
	ASSERT_INT(dma_buf_pool_evict(pool, id), ==, -EOVERFLOW);
	ASSERT_INT(dma_buf_pool_status(member), ==, 0);
	pool_head(pool)->evictions--;
	ASSERT_INT(dma_buf_pool_evict(pool, id), ==, 0);
	ASSERT_INT(pool_head(pool)->evictions, ==, ENTRY_MOST_EVICTIONS);
	ASSERT_INT(dma_buf_pool_await(member, 0), ==, -ESTALE);
	dma_buf_pool_leave(member);
	leave(pool);
}
