/* SPDX-License-Identifier: MIT */
/*
 * A member that writes nonsense over all that it can write (enemy.h), while two others work (victim.h). Claims:
 * they do not crash, nor touch what is not theirs (the sanitizers say so); no call lasts longer than its
 * time-out; and no point of another member succeeds before its owner signals it, for anybody.
 */
#define _GNU_SOURCE
#include "victim.h"

static const struct dma_buf_pool_limits limits = {
	.members = 5, .buffers = 8, .fences = 4, .timelines = 6,
};

enum { CALLS = 150 };

static uint64_t *deeds; /* of the enemy, in memory that all share */

static void harm(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct enemy enemy;
	uint32_t seed;

	peer_go(sock);
	PEER_MUST(peer_hear(sock, &seed, sizeof(seed)));
	enemy = make_enemy(pool, seed);
	for (unsigned int i = 0; !(enemy.ways & ENEMY_COUNTS) || i < CALLS; i++) {
		enemy_once(&enemy);
		fetch_add_relaxed(deeds, 1);
		if (!below(&enemy.random, 4096))
			usleep(500);
	}
	count_for_ever(&enemy, deeds);
}

/* What the test tells the other victim. */
struct meeting {
	struct dma_buf_pool_fence value;
	uint32_t enemy;
	uint32_t seed;
};

static void suffer(int sock)
{
	struct victim victim = { .watches = true };
	struct meeting meeting;
	char byte;

	victim_is_peer = true;
	victim.pool = peer_join(sock);
	victim_begin(&victim);
	peer_tell(sock, &victim.own_value, sizeof(victim.own_value));
	PEER_MUST(peer_hear(sock, &meeting, sizeof(meeting)));
	victim.enemy = meeting.enemy;
	victim.random = meeting.seed;
	victim_meet(&victim, &meeting.value);
	peer_go(sock);
	while (recv(sock, &byte, 1, MSG_DONTWAIT) < 0)
		victim_once(&victim);
	victim_forget(&victim);
	victim_end(&victim);
	peer_go(sock);
}

static void attack(uint32_t seed)
{
	struct peer enemy = peer_fork(harm), other = peer_fork(suffer);
	struct victim victim = { .random = ~seed | 1 };
	struct meeting meeting = { .seed = seed ^ 0x5555 };
	struct dma_buf_pool_fence theirs;
	uint64_t before;
	char byte;

	ASSERT_INT(dma_buf_pool_create(&limits, &victim.pool), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(victim.pool, enemy.sock, 0, PEER_PATIENCE, &victim.enemy), ==, 0);
	ASSERT_TRUE(peer_await(enemy.sock)); /* it knows that it is in */
	ASSERT_INT(dma_buf_pool_serve(victim.pool, other.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	victim_begin(&victim);
	ASSERT_TRUE(peer_hear(other.sock, &theirs, sizeof(theirs)));
	victim_meet(&victim, &theirs);
	meeting.enemy = victim.enemy;
	meeting.value = victim.own_value;
	peer_tell(other.sock, &meeting, sizeof(meeting));
	ASSERT_TRUE(peer_await(other.sock));
	before = load_relaxed(deeds);
	peer_tell(enemy.sock, &seed, sizeof(seed));
	for (unsigned int i = 0; i < CALLS || load_relaxed(deeds) - before < CALLS; i++) {
		victim_once(&victim);
		ASSERT_INT(recv(enemy.sock, &byte, 1, MSG_DONTWAIT), ==, -1); /* it has not ended */
	}
	victim_forget(&victim);
	peer_go(other.sock);
	/* It signals, or ends: whoever waits hears of it. */
	ASSERT_INT(dma_fence_wait_timeout(victim.theirs, false, PEER_PATIENCE), >, 0);
	ASSERT_TRUE(peer_await(other.sock));
	ASSERT_INT(peer_reap(&other), ==, 0);
	peer_kill(&enemy);
	ASSERT_INT(peer_reap(&enemy), ==, -SIGKILL);
	victim_end(&victim);
}

/* Where the sanitizers look on: that is what it is for. */
#define ATTACKS (TEST_SANITIZED ? 40 : 10)

TORTURE(an_enemy_in_the_pool_gives_errors_and_nothing_else)
{
	uint32_t random = test_thread_seed();

	test_forks_beside_threads();
	deeds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(deeds != MAP_FAILED);
	for (unsigned int i = test_rounds(ATTACKS); i; i--) {
		attack(test_random(&random));
		test_operation();
	}
	munmap(deeds, 4096);
}
