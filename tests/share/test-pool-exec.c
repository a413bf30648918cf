/* SPDX-License-Identifier: MIT */
/*
 * Locking shared and private buffers together, beside another process and other threads that want some of
 * the same: who is younger gives way and starts over, and in the end everybody has had all of them.
 */
#include <dmabuf/drm-exec.h>
#include <sys/mman.h>

#include "world.h"

enum { A, B };

static unsigned int count_fences(struct dma_resv *resv)
{
	return count_in_snapshot(resv, DMA_RESV_USAGE_BOOKKEEP);
}

/* Locked together in this order; what happens before the last one is wanted for the first time. */
struct together {
	struct dma_resv *resv[3];
	void (*before_last)(struct together *together);
	const struct world *world;
	unsigned int rounds;
};

static void lock_together(struct together *together, struct drm_exec *exec)
{
	drm_exec_init(exec, 0, 3);
	drm_exec_until_all_locked (exec) {
		together->rounds++;
		for (unsigned int i = 0; i < 3; i++) {
			int err;

			if (i == 2 && together->rounds == 1)
				together->before_last(together);
			err = drm_exec_prepare_resv(exec, together->resv[i], 1);
			drm_exec_retry_on_contention(exec);
			ASSERT_INT(err, ==, 0);
		}
	}
}

/* All of them get a fence, and are unlocked. */
static struct dma_fence *publish(struct together *together, struct drm_exec *exec)
{
	struct dma_fence *fence = make_fence();

	for (unsigned int i = 0; i < 3; i++)
		dma_resv_add_fence(together->resv[i], fence, DMA_RESV_USAGE_WRITE);
	drm_exec_fini(exec);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_FALSE(dma_resv_test_signaled(together->resv[i], DMA_RESV_USAGE_WRITE));
	return fence;
}

/*
 * The peer is older.
 */

static void want_b_then_a(int sock)
{
	struct there there = arrive(sock, 2);
	struct dma_fence *fence = make_fence();
	struct ww_acquire_ctx ctx;

	ww_acquire_init(&ctx, &reservation_ww_class);
	PEER_MUST(!dma_resv_lock(there.dmabuf[B]->resv, &ctx));
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	PEER_MUST(!dma_resv_lock(there.dmabuf[A]->resv, &ctx));
	for (unsigned int i = 0; i < 2; i++) {
		PEER_MUST(!count_fences(there.dmabuf[i]->resv));
		add_under_lock(there.dmabuf[i]->resv, fence, DMA_RESV_USAGE_READ);
		dma_resv_unlock(there.dmabuf[i]->resv);
	}
	ww_acquire_fini(&ctx);
	PEER_MUST(peer_await(sock));
	PEER_MUST(count_fences(there.dmabuf[A]->resv) == 2 && count_fences(there.dmabuf[B]->resv) == 2);
	signal_and_put(fence);
	depart(&there);
}

static void tell_to_go_on(struct together *together)
{
	peer_go(together->world->peer.sock);
}

TEST(who_is_younger_starts_over_and_takes_all)
{
	struct dma_resv private;
	struct dma_fence *fence;
	struct drm_exec exec;
	struct world world;
	struct together together = { .before_last = tell_to_go_on, .world = &world };

	begin_world(&world, 2, want_b_then_a);
	dma_resv_init(&private);
	together.resv[0] = &private;
	together.resv[1] = world.dmabuf[A]->resv;
	together.resv[2] = world.dmabuf[B]->resv;
	ASSERT_TRUE(peer_await(world.peer.sock));
	lock_together(&together, &exec);
	ASSERT_INT(together.rounds, ==, 2);
	ASSERT_INT(count_fences(world.dmabuf[A]->resv), ==, 1);
	ASSERT_INT(count_fences(world.dmabuf[B]->resv), ==, 1);
	fence = publish(&together, &exec);
	peer_go(world.peer.sock);
	end_world(&world, 0);
	signal_and_put(fence);
	dma_resv_fini(&private);
}

/*
 * The peer is younger.
 */

static void give_way(int sock)
{
	struct there there = arrive(sock, 2);
	struct ww_acquire_ctx ctx;

	PEER_MUST(peer_await(sock));
	ww_acquire_init(&ctx, &reservation_ww_class);
	PEER_MUST(!dma_resv_lock(there.dmabuf[B]->resv, &ctx));
	peer_go(sock);
	PEER_MUST(dma_resv_lock(there.dmabuf[A]->resv, &ctx) == -EDEADLK);
	dma_resv_unlock(there.dmabuf[B]->resv);
	dma_resv_lock_slow(there.dmabuf[A]->resv, &ctx);
	PEER_MUST(count_fences(there.dmabuf[A]->resv) == 1);
	PEER_MUST(!dma_resv_lock(there.dmabuf[B]->resv, &ctx));
	PEER_MUST(count_fences(there.dmabuf[B]->resv) == 1);
	dma_resv_unlock(there.dmabuf[A]->resv);
	dma_resv_unlock(there.dmabuf[B]->resv);
	ww_acquire_fini(&ctx);
	peer_go(sock);
	depart(&there);
}

static void let_it_have_the_last(struct together *together)
{
	peer_go(together->world->peer.sock);
	ASSERT_TRUE(peer_await(together->world->peer.sock));
}

TEST(who_is_older_waits_and_takes_all_at_once)
{
	struct dma_resv private;
	struct dma_fence *fence;
	struct drm_exec exec;
	struct world world;
	struct together together = { .before_last = let_it_have_the_last, .world = &world };

	begin_world(&world, 2, give_way);
	dma_resv_init(&private);
	together.resv[0] = world.dmabuf[A]->resv;
	together.resv[1] = &private;
	together.resv[2] = world.dmabuf[B]->resv;
	lock_together(&together, &exec);
	ASSERT_INT(together.rounds, ==, 1);
	fence = publish(&together, &exec);
	ASSERT_TRUE(peer_await(world.peer.sock));
	end_world(&world, 0);
	signal_and_put(fence);
	dma_resv_fini(&private);
}

/*
 * A thread of this process has what is private, and is older; the peer only looks.
 */

static void count_when_asked(int sock)
{
	struct there there = arrive(sock, 2);

	while (peer_await(sock)) {
		const unsigned int n = count_fences(there.dmabuf[A]->resv);

		peer_tell(sock, &n, sizeof(n));
	}
	depart(&there);
}

static unsigned int count_there(struct world *world)
{
	unsigned int n = 99;

	peer_go(world->peer.sock);
	ASSERT_TRUE(peer_hear(world->peer.sock, &n, sizeof(n)));
	return n;
}

static struct {
	struct dma_resv *private, *shared;
	struct dma_fence *fence;
	bool has_first, wants_second; /* atomic */
} older;

static void want_private_then_shared(void *arg)
{
	struct ww_acquire_ctx ctx;

	(void)arg;
	ww_acquire_init(&ctx, &reservation_ww_class);
	if (dma_resv_lock(older.private, &ctx))
		abort();
	store_release(&older.has_first, true);
	WAIT_UNTIL(load_acquire(&older.wants_second));
	if (dma_resv_lock(older.shared, &ctx))
		abort();
	add_under_lock(older.shared, older.fence, DMA_RESV_USAGE_READ);
	dma_resv_unlock(older.shared);
	dma_resv_unlock(older.private);
	ww_acquire_fini(&ctx);
}

static void let_it_want_the_second(struct together *together)
{
	(void)together;
	store_release(&older.wants_second, true);
}

TEST(what_is_shared_is_given_up_for_something_private)
{
	struct dma_resv private;
	struct test_thread *thread;
	struct dma_fence *fence;
	struct drm_exec exec;
	struct world world;
	struct together together = { .before_last = let_it_want_the_second, .world = &world };

	begin_world(&world, 2, count_when_asked);
	dma_resv_init(&private);
	older.private = &private;
	older.shared = world.dmabuf[A]->resv;
	older.fence = make_fence();
	older.has_first = older.wants_second = false;
	thread = test_thread_start(want_private_then_shared, NULL);
	WAIT_UNTIL(load_acquire(&older.has_first));
	together.resv[0] = world.dmabuf[A]->resv;
	together.resv[1] = world.dmabuf[B]->resv;
	together.resv[2] = &private;
	lock_together(&together, &exec);
	test_thread_join(thread);
	ASSERT_INT(together.rounds, ==, 2);
	ASSERT_INT(count_there(&world), ==, 1);
	fence = publish(&together, &exec);
	ASSERT_INT(count_there(&world), ==, 2);
	signal_and_put(fence);
	signal_and_put(older.fence);
	dma_resv_fini(&private);
	shutdown(world.peer.sock, SHUT_RDWR);
	end_world(&world, 0);
}

/*
 * All against all: two threads here, and two there.
 */

enum { SHARED = 2, PRIVATE = 2, ALL = SHARED + PRIVATE, THREADS = 2, PROCESSES = 2 };

/* In memory that both have from the beginning. */
static struct board {
	unsigned int failed;	     /* atomic */
	unsigned int count[SHARED][2]; /* under the buffers' locks */
} *board;

/* What a process's threads lock, and count under those locks. */
struct crowd {
	struct dma_resv *resv[ALL];
	unsigned int (*count[ALL])[2];
	struct dma_resv private[PRIVATE];
	unsigned int private_count[PRIVATE][2];
	unsigned int rounds;
};

static int lock_in_any_order(struct crowd *crowd, struct drm_exec *exec, uint32_t *random)
{
	const unsigned int first = (test_random(random) >> 16) % ALL;
	const unsigned int step = 1 + 2 * ((test_random(random) >> 16) % 2);
	int err = 0;

	drm_exec_init(exec, 0, ALL);
	drm_exec_until_all_locked (exec) {
		err = 0;
		for (unsigned int k = 0; !err && k < ALL; k++) {
			err = drm_exec_prepare_resv(exec, crowd->resv[(first + step * k) % ALL], 1);
			drm_exec_retry_on_contention(exec);
		}
		if (err)
			break;
	}
	return err;
}

/* False: somebody else is at it. */
static bool count_one(unsigned int (*count)[2])
{
	const unsigned int before = load_relaxed(&(*count)[0]);

	store_relaxed(&(*count)[0], before + 1);
	test_yield();
	if (load_relaxed(&(*count)[1]) != before)
		return false;
	store_relaxed(&(*count)[1], before + 1);
	return load_relaxed(&(*count)[0]) == before + 1;
}

static void take_turns(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;
	uint32_t random = test_thread_seed() + index;

	for (unsigned int i = crowd->rounds; i; i--) {
		struct dma_fence *fence = make_fence();
		struct drm_exec exec;
		bool is_fine;

		is_fine = !lock_in_any_order(crowd, &exec, &random);
		for (unsigned int k = 0; is_fine && k < ALL; k++) {
			is_fine = count_one(crowd->count[k]);
			dma_resv_add_fence(crowd->resv[k], fence, DMA_RESV_USAGE_READ);
		}
		drm_exec_fini(&exec);
		signal_and_put(fence);
		if (!is_fine)
			fetch_add_relaxed(&board->failed, 1);
		test_operation();
	}
}

static void let_them(struct crowd *crowd, struct dma_buf *const *dmabuf)
{
	crowd->rounds = test_rounds(100);
	for (unsigned int i = 0; i < ALL; i++) {
		const unsigned int k = i - SHARED;

		crowd->resv[i] = i < SHARED ? dmabuf[i]->resv : &crowd->private[k];
		crowd->count[i] = i < SHARED ? &board->count[i] : &crowd->private_count[k];
		if (i >= SHARED)
			dma_resv_init(&crowd->private[k]);
	}
	test_threads(THREADS, take_turns, crowd);
	for (unsigned int i = 0; i < PRIVATE; i++)
		dma_resv_fini(&crowd->private[i]);
}

static void let_them_there(int sock)
{
	struct there there = arrive(sock, SHARED);
	struct crowd crowd = { .rounds = 0 };

	let_them(&crowd, there.dmabuf);
	depart(&there);
}

TORTURE(all_have_all_of_them_one_after_the_other)
{
	struct crowd crowd = { .rounds = 0 };
	struct world world;

	board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(board != MAP_FAILED);
	begin_world(&world, SHARED, let_them_there);
	let_them(&crowd, world.dmabuf);
	end_world(&world, 0);
	ASSERT_INT(board->failed, ==, 0);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_INT(board->count[i][1], ==, PROCESSES * THREADS * crowd.rounds);
		ASSERT_INT(crowd.private_count[i][1], ==, THREADS * crowd.rounds);
	}
	munmap(board, 4096);
}
