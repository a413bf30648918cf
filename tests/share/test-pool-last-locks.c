/* SPDX-License-Identifier: MIT */
/*
 * Members that end while they hold 1 to 8 locks, with something staged under each: a fence added in one
 * buffer, one put in the place of another in the next. Each lock is had by the next who wants it, and
 * what was committed there is there, and nothing else.
 */
#include <dmabuf/drm-exec.h>

#include "ends.h"
#include "world.h"

struct orders {
	enum way way;
	unsigned int locks;
};

/*
 * The member.
 */

static void lock_there(struct there *there, struct drm_exec *exec, unsigned int n)
{
	drm_exec_init(exec, 0, n);
	drm_exec_until_all_locked (exec) {
		for (unsigned int i = 0; i < n; i++) {
			const int err = drm_exec_prepare_resv(exec, there->dmabuf[i]->resv, 1);

			drm_exec_retry_on_contention(exec);
			PEER_MUST(!err);
		}
	}
}

/* In the place of the one that is there, or beside it. */
static void stage_there(struct dma_resv *resv, struct dma_fence *fence, bool replaces)
{
	struct dma_fence *first;

	PEER_MUST(!dma_resv_get_singleton(resv, DMA_RESV_USAGE_READ, &first) && first);
	if (replaces)
		PEER_MUST(!dma_resv_replace_fences(resv, first->context, fence, DMA_RESV_USAGE_READ));
	else
		dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
	dma_fence_put(first);
}

static void end_with_locks(int sock)
{
	struct there there = arrive(sock, WORLD_BUFFERS);
	struct orders orders;
	struct drm_exec exec;

	PEER_MUST(peer_hear(sock, &orders, sizeof(orders)));
	lock_there(&there, &exec, orders.locks);
	for (unsigned int i = 0; i < orders.locks; i++)
		stage_there(there.dmabuf[i]->resv, make_fence(), i % 2);
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	end_there(orders.way);
}

/*
 * The test.
 */

/* What is there, failed or not, is @fence[0] to @fence[@n - 1]; the latest comes first. */
static void check_fences(struct dma_resv *resv, struct dma_fence *const *fence, unsigned int n)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *found;

	dma_resv_get_snapshot(resv, &set);
	dma_resv_snapshot_for_each(found, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP) {
		ASSERT_INT(n, >, 0);
		ASSERT_PTR(found, ==, fence[--n]);
	}
	dma_resv_put_snapshot(&set);
	ASSERT_INT(n, ==, 0);
}

/* What is in a buffer before a member comes, and what is added when it has gone. */
struct content {
	struct dma_fence *fence[2];
};

static void fill(struct dma_resv *resv, struct content *content)
{
	*content = (struct content){ { make_fence(), make_fence() } };
	add(resv, content->fence[0], DMA_RESV_USAGE_READ);
}

static bool is_free(struct dma_resv *resv)
{
	if (!dma_resv_trylock(resv))
		return false;
	dma_resv_unlock(resv);
	return true;
}

static void recover(struct dma_resv *resv, struct content *content)
{
	ASSERT_INT(dma_resv_lock_timeout(resv, NULL, PEER_PATIENCE), ==, 0);
	check_fences(resv, content->fence, 1);
	add_under_lock(resv, content->fence[1], DMA_RESV_USAGE_READ);
	dma_resv_unlock(resv);
	check_fences(resv, content->fence, 2);
}

static void empty(struct dma_resv *resv, struct content *content)
{
	signal_and_put_all(content->fence, 2);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	dma_resv_prune_fences(resv);
	dma_resv_unlock(resv);
}

static void die_with_locks(const struct world *world, const struct peer *peer,
			   const struct orders *orders)
{
	struct content content[WORLD_BUFFERS];

	welcome(world, peer);
	for (unsigned int i = 0; i < WORLD_BUFFERS; i++)
		fill(world->dmabuf[i]->resv, &content[i]);
	peer_tell(peer->sock, orders, sizeof(*orders));
	ASSERT_TRUE(peer_await(peer->sock));
	for (unsigned int i = 0; i < WORLD_BUFFERS; i++)
		ASSERT_INT(is_free(world->dmabuf[i]->resv), ==, i >= orders->locks);
	peer_go(peer->sock);
	for (unsigned int i = 0; i < WORLD_BUFFERS; i++)
		recover(world->dmabuf[i]->resv, &content[i]);
	for (unsigned int i = 0; i < WORLD_BUFFERS; i++)
		empty(world->dmabuf[i]->resv, &content[i]);
}

/* One member after the other. */
static void die_with_one_to_eight_locks(enum way way)
{
	struct peer member[WORLD_BUFFERS];
	struct world world;

	for (unsigned int i = 0; i < WORLD_BUFFERS; i++)
		member[i] = peer_fork(end_with_locks);
	make_world(&world, WORLD_BUFFERS);
	for (unsigned int i = 0; i < WORLD_BUFFERS; i++) {
		const struct orders orders = { .way = way, .locks = i + 1 };

		die_with_locks(&world, &member[i], &orders);
		if (way == EXECUTED)
			kill_survivor(&member[i]);
		else
			ASSERT_INT(peer_reap(&member[i]), ==, end_status(way));
	}
	put_world(&world);
}

TEST(locks_of_who_was_killed_are_had_by_the_next)
{
	die_with_one_to_eight_locks(KILLED);
}

TEST(locks_of_who_made_a_wrong_access_are_had_by_the_next)
{
	die_with_one_to_eight_locks(SEGMENTATION_FAULT);
}

TEST(locks_of_who_aborted_are_had_by_the_next)
{
	die_with_one_to_eight_locks(ABORTED);
}

TEST(locks_of_who_did_not_leave_are_had_by_the_next)
{
	die_with_one_to_eight_locks(GONE);
}

TEST(locks_of_whose_program_has_ended_are_had_by_the_next)
{
	die_with_one_to_eight_locks(EXITED);
}

/* Its process lives on, as another program. */
TEST(locks_of_who_became_another_program_are_had_by_the_next)
{
	die_with_one_to_eight_locks(EXECUTED);
}
