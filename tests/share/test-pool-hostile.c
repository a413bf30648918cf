/* SPDX-License-Identifier: MIT */
/*
 * A member that writes nonsense over all that it can write, while others work. Claims: they do not crash, nor
 * touch what is not theirs (the sanitizers say so); no wait lasts longer than its time-out; and
 * no fence of another member signals without an error before its owner signals it.
 */
#include <dmabuf/dmabuf.h>
#include <sys/mman.h>

#include "../fence/fences.h"
#include "peers.h"
#include "share/member.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 4, .fences = 4, .timelines = 4,
};

static uint64_t *begun; /* in memory that all share: rounds of the enemy */

static uint64_t draw(uint32_t *random)
{
	const uint64_t high = test_random(random), low = test_random(random);

	return high << 32 ^ low >> 8;
}

static uint32_t below(uint32_t *random, uint32_t limit)
{
	return (uint32_t)(draw(random) % limit);
}

/* A value that means something, to somebody. */
static uint64_t nonsense(struct dma_buf_pool *pool, uint32_t *random)
{
	const uint32_t ids[] = { pool->self->id, pool->inviter, member_id(2, 1), member_id(3, 9) };
	const struct commit commit = {
		.length = below(random, 40), .half = below(random, 2),
		.takeovers = below(random, 9), .flips = below(random, 9),
	};
	const struct point point = {
		.id = ids[below(random, 4)], .timeline = below(random, 5), .seqno = below(random, 9),
		.usage = (enum dma_resv_usage)below(random, 4),
	};

	switch (below(random, 6)) {
	case 0:
		return draw(random);
	case 1:
		return ids[below(random, 4)] | below(random, 2);
	case 2:
		return commit_pack(&commit);
	case 3:
		return entry_pack(&point, below(random, 3)).where;
	case 4:
		return below(random, 4);
	default:
		return UINT64_MAX;
	}
}

static void scribble(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	const uint64_t words = pool_file_size(&pool->shape) / sizeof(uint64_t);
	uint32_t random;

	PEER_MUST(peer_hear(sock, &random, sizeof(random)));
	for (;;) {
		uint64_t *base = pool->base;
		/* Not the head but for its last words, nor places, now and then. */
		const uint64_t from = draw(&random) % 8 ? 40 : 8;

		store_relaxed(&base[from + draw(&random) % (words - from)], nonsense(pool, &random));
		fetch_add_relaxed(begun, 1);
		if (draw(&random) % 4096 == 0)
			usleep(500);
	}
}

static void work_once(struct dma_buf_pool *pool, struct dma_buf *dmabuf, struct dma_fence *fence)
{
	struct dma_resv *resv = dmabuf->resv;
	struct dma_buf_pool_fence value;
	struct dma_fence **fences, *other;
	unsigned int n;

	if (!dma_resv_lock_timeout(resv, NULL, SECOND / 1000)) {
		if (!dma_resv_reserve_fences(resv, 1))
			dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_READ);
		dma_resv_unlock(resv);
	}
	(void)dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP);
	if (!dma_resv_get_fences(resv, DMA_RESV_USAGE_BOOKKEEP, &n, &fences)) {
		while (n)
			dma_fence_put(fences[--n]);
		free(fences);
	}
	(void)dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false, SECOND / 1000);
	if (!dma_buf_pool_export_fence(pool, fence, &value)) {
		other = dma_buf_pool_import_fence(pool, &value);
		if (!dmabuf_is_err(other))
			dma_fence_put(other);
	}
}

/* A third member, who knows a fence of the test's that does not signal. */
static void look_on(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf_pool_fence value;
	struct dma_fence *fence;
	char byte;

	PEER_MUST(peer_hear(sock, &value, sizeof(value)));
	fence = dma_buf_pool_import_fence(pool, &value);
	PEER_MUST(!dmabuf_is_err(fence));
	peer_go(sock);
	while (recv(sock, &byte, 1, MSG_DONTWAIT) < 0) {
		/* Failed it may be, if the enemy evicts the owner: signalled it is not. */
		PEER_MUST(dma_fence_get_status(fence) <= 0);
		PEER_MUST(dma_fence_wait_timeout(fence, false, SECOND / 1000) == 0 ||
			  dma_fence_get_status(fence) < 0);
	}
	dma_fence_put(fence);
	_exit(0);
}

static void attack(uint32_t seed)
{
	struct peer enemy = peer_fork(scribble), witness = peer_fork(look_on);
	struct dma_fence *fence = make_fence(), *still = make_fence();
	struct dma_buf_pool_fence value;
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf[2];
	uint64_t before;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(pool, enemy.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(pool, witness.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_INT(dma_buf_pool_alloc(pool, NULL, 4096, 0, &dmabuf[i]), ==, 0);
	ASSERT_INT(dma_buf_pool_export_fence(pool, still, &value), ==, 0);
	peer_tell(witness.sock, &value, sizeof(value));
	ASSERT_TRUE(peer_await(witness.sock));
	before = load_relaxed(begun);
	peer_tell(enemy.sock, &seed, sizeof(seed));
	for (unsigned int i = 0; i < 200 || load_relaxed(begun) - before < 2000; i++)
		work_once(pool, dmabuf[i % 2], fence);
	ASSERT_FALSE(dma_fence_is_signaled(still));
	peer_go(witness.sock);
	ASSERT_INT(peer_reap(&witness), ==, 0);
	peer_kill(&enemy);
	ASSERT_INT(peer_reap(&enemy), ==, -SIGKILL);
	dma_fence_signal(fence);
	dma_fence_signal(still);
	dma_fence_put(fence);
	dma_fence_put(still);
	for (unsigned int i = 0; i < 2; i++)
		dma_buf_put(dmabuf[i]);
	dma_buf_pool_leave(pool);
	dmabuf_rcu_barrier();
}

TORTURE(an_enemy_in_the_pool_gives_errors_and_nothing_else)
{
	uint32_t random = test_thread_seed();

	test_forks_beside_threads();
	begun = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(begun != MAP_FAILED);
	for (unsigned int i = test_rounds(10); i; i--) {
		attack(test_random(&random));
		test_operation();
	}
	munmap(begun, 4096);
}
