/* SPDX-License-Identifier: MIT */
/*
 * Who gives way where two processes want what the other one has. The peer does what it is told, one step
 * after the other; what would wait for ever if nobody gave way, waits for some seconds.
 */
#include "share/shared-lock.h"
#include "share/shared-log.h"
#include "share/shared-resv.h"
#include "world.h"

#define A_MOMENT (SECOND / 100) /* that the other one does not let go in */
#define FOREVER	 (5 * SECOND)	/* that nobody waits, unless something is wrong */

enum deed { BEGIN, LOCK, LOCK_PLAIN, LOCK_INTERRUPTIBLE, LOCK_SLOW, LOCK_SLOW_INTERRUPTIBLE, IS_BUSY,
	    UNLOCK, END };

struct step {
	enum deed deed;
	unsigned int which;
	uint64_t stamp;	 /* for BEGIN: how old it shall be, if not 0 */
	int64_t timeout; /* for LOCK */
};

/*
 * The peer.
 */

static int begin_there(struct ww_acquire_ctx *ctx, uint64_t stamp)
{
	ww_acquire_init(ctx, &reservation_ww_class);
	if (stamp)
		ctx->stamp = stamp;
	return 0;
}

static int lock_slowly_there(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	dma_resv_lock_slow(resv, ctx);
	return dma_resv_locking_ctx(resv) == ctx ? 0 : -EINVAL;
}

static void handle_signal(int signal)
{
	(void)signal;
}

/* Signals do something in this call only. */
static int lock_slowly_unless_told_there(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	const struct sigaction action = { .sa_handler = handle_signal };
	int err;

	sigaction(SIGUSR1, &action, NULL);
	err = dma_resv_lock_slow_interruptible(resv, ctx);
	signal(SIGUSR1, SIG_IGN);
	return err;
}

static int unlock_there(struct dma_resv *resv)
{
	dma_resv_unlock(resv);
	return 0;
}

static int end_there(struct ww_acquire_ctx *ctx)
{
	ww_acquire_fini(ctx);
	return 0;
}

static int do_there(const struct there *there, struct ww_acquire_ctx *ctx, const struct step *step)
{
	struct dma_resv *resv = there->dmabuf[step->which]->resv;

	switch (step->deed) {
	case BEGIN:
		return begin_there(ctx, step->stamp);
	case LOCK:
		return dma_resv_lock_timeout(resv, ctx, step->timeout);
	case LOCK_PLAIN:
		return dma_resv_lock(resv, ctx);
	case LOCK_INTERRUPTIBLE:
		return dma_resv_lock_interruptible(resv, ctx);
	case LOCK_SLOW:
		return lock_slowly_there(resv, ctx);
	case LOCK_SLOW_INTERRUPTIBLE:
		return lock_slowly_unless_told_there(resv, ctx);
	case IS_BUSY:
		return !dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE);
	case UNLOCK:
		return unlock_there(resv);
	case END:
		return end_there(ctx);
	default:
		return -ENOSYS;
	}
}

static void lock_as_told(int sock)
{
	struct there there = arrive(sock, 2);
	struct ww_acquire_ctx ctx;
	struct step step;

	signal(SIGUSR1, SIG_IGN);
	while (peer_hear(sock, &step, sizeof(step))) {
		const int err = do_there(&there, &ctx, &step);

		peer_tell(sock, &err, sizeof(err));
		if (step.deed == END)
			break;
	}
	depart(&there);
}

/*
 * The test.
 */

enum { A, B };

static void tell(const struct world *world, const struct step *step)
{
	peer_tell(world->peer.sock, step, sizeof(*step));
}

static int hear(const struct world *world)
{
	int err = -ENOMSG;

	ASSERT_TRUE(peer_hear(world->peer.sock, &err, sizeof(err)));
	return err;
}

static int let(const struct world *world, enum deed deed, unsigned int which)
{
	tell(world, &(struct step){ .deed = deed, .which = which, .timeout = FOREVER });
	return hear(world);
}

static void begin(struct world *world, struct ww_acquire_ctx *ctx)
{
	begin_world(world, 2, lock_as_told);
	ww_acquire_init(ctx, &reservation_ww_class);
}

static void end(struct world *world)
{
	ASSERT_INT(let(world, END, A), ==, 0);
	end_world(world, 0);
}

/* The peer wants A for a moment, and does not get it. */
static void try_in_vain(const struct world *world)
{
	tell(world, &(struct step){ .deed = LOCK, .which = A, .timeout = A_MOMENT });
	ASSERT_INT(hear(world), ==, -ETIME);
}

/* This has A, under @ctx, the peer B; the peer is as old as @its_stamp says, or younger. */
static void lock_one_each(struct world *world, struct ww_acquire_ctx *ctx, uint64_t its_stamp)
{
	ASSERT_INT(dma_resv_lock(world->dmabuf[A]->resv, ctx), ==, 0);
	tell(world, &(struct step){ .deed = BEGIN, .stamp = its_stamp });
	ASSERT_INT(hear(world), ==, 0);
	ASSERT_INT(let(world, LOCK, B), ==, 0);
}

static void unlock_all(struct world *world, struct ww_acquire_ctx *ctx)
{
	dma_resv_unlock(world->dmabuf[A]->resv);
	dma_resv_unlock(world->dmabuf[B]->resv);
	ww_acquire_fini(ctx);
}

/* Until somebody sleeps on the lock of A, or the peer says that it has it, which is wrong. */
static void await_waiter(const struct world *world)
{
	const struct shared_resv *shared = shared_resv_of(world->dmabuf[A]->resv);
	char byte;

	while (!(load_acquire(&shared->shm->lock) & LOCK_WAITERS))
		ASSERT_INT(recv(world->peer.sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT), <, 0);
}

/* @lock gives way, and @slow takes the lock when it is free. */
static void give_way(enum deed lock, enum deed slow)
{
	struct dma_fence *fence = make_fence();
	struct ww_acquire_ctx ctx;
	struct world world;

	begin(&world, &ctx);
	lock_one_each(&world, &ctx, 0);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[B]->resv, &ctx, A_MOMENT), ==, -ETIME);
	ASSERT_INT(let(&world, lock, A), ==, -EDEADLK);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[B]->resv, &ctx, FOREVER), ==, 0);
	tell(&world, &(struct step){ .deed = slow, .which = A });
	await_waiter(&world);
	add_under_lock(world.dmabuf[A]->resv, fence, DMA_RESV_USAGE_WRITE);
	unlock_all(&world, &ctx);
	ASSERT_INT(hear(&world), ==, 0);
	ASSERT_FALSE(dma_resv_trylock(world.dmabuf[A]->resv));
	ASSERT_INT(let(&world, IS_BUSY, A), ==, true); /* it came after this one */
	ASSERT_INT(let(&world, LOCK, B), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, A), ==, 0);
	end(&world);
	signal_and_put(fence);
}

TEST(of_two_processes_the_younger_gives_way)
{
	give_way(LOCK, LOCK_SLOW);
}

TEST(it_gives_way_in_whatever_way_it_locks)
{
	give_way(LOCK_PLAIN, LOCK_SLOW);
	give_way(LOCK_INTERRUPTIBLE, LOCK_SLOW_INTERRUPTIBLE);
}

/* In time, or by a handler; and may wait for it again. */
TEST(who_gave_way_may_give_up_waiting_for_that_too)
{
	struct ww_acquire_ctx ctx;
	struct world world;

	begin(&world, &ctx);
	lock_one_each(&world, &ctx, 0);
	ASSERT_INT(let(&world, LOCK, A), ==, -EDEADLK);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	try_in_vain(&world);
	tell(&world, &(struct step){ .deed = LOCK_SLOW_INTERRUPTIBLE, .which = A });
	while (recv(world.peer.sock, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
		kill(world.peer.pid, SIGUSR1);
	ASSERT_INT(hear(&world), ==, -EINTR);
	tell(&world, &(struct step){ .deed = LOCK_SLOW_INTERRUPTIBLE, .which = A });
	dma_resv_unlock(world.dmabuf[A]->resv);
	ww_acquire_fini(&ctx);
	ASSERT_INT(hear(&world), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, A), ==, 0);
	end(&world);
}

TEST(the_older_takes_what_the_younger_has_given_up)
{
	struct ww_acquire_ctx ctx;
	struct world world;

	begin(&world, &ctx);
	lock_one_each(&world, &ctx, ctx.stamp - SECOND);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[B]->resv, &ctx, FOREVER), ==, -EDEADLK);
	tell(&world, &(struct step){ .deed = LOCK, .which = A, .timeout = FOREVER });
	dma_resv_unlock(world.dmabuf[A]->resv);
	ASSERT_INT(hear(&world), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, A), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	dma_resv_lock_slow(world.dmabuf[B]->resv, &ctx);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[A]->resv, &ctx, FOREVER), ==, 0);
	unlock_all(&world, &ctx);
	end(&world);
}

TEST(of_two_that_are_as_old_both_give_way)
{
	struct ww_acquire_ctx ctx;
	struct world world;

	begin(&world, &ctx);
	lock_one_each(&world, &ctx, ctx.stamp);
	ASSERT_INT(let(&world, LOCK, A), ==, -EDEADLK);
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[B]->resv, &ctx, FOREVER), ==, -EDEADLK);
	dma_resv_unlock(world.dmabuf[A]->resv);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	ww_acquire_fini(&ctx);
	end(&world);
}

TEST(who_holds_nothing_gives_way_to_nobody)
{
	struct ww_acquire_ctx ctx;
	struct world world;

	begin(&world, &ctx);
	lock_one_each(&world, &ctx, 0);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	try_in_vain(&world);
	dma_resv_unlock(world.dmabuf[A]->resv);
	ww_acquire_fini(&ctx);
	ASSERT_INT(let(&world, LOCK, A), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, A), ==, 0);
	end(&world);
}

/* Who has it holds nothing else that it could be waiting for. */
TEST(nobody_gives_way_to_who_locks_without_a_context)
{
	struct world world;

	begin_world(&world, 2, lock_as_told);
	lock_one_each(&world, NULL, 0);
	try_in_vain(&world);
	dma_resv_unlock(world.dmabuf[A]->resv);
	ASSERT_INT(let(&world, LOCK, A), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, A), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	end(&world);
}

/*
 * A thread of this process that waits for the peer with nothing but its own lock of A: whoever of this
 * process wants A meets that one first, and the peer only behind it.
 */

struct first {
	struct dma_resv *resv;
	bool has_ctx;
};

static void want_a(void *arg)
{
	const struct first *first = arg;
	struct ww_acquire_ctx ctx;

	ww_acquire_init(&ctx, &reservation_ww_class);
	if (dma_resv_lock(first->resv, first->has_ctx ? &ctx : NULL))
		abort();
	dma_resv_unlock(first->resv);
	ww_acquire_fini(&ctx);
}

/* The peer has A, and is older than this, which has B; the youngest comes before this. */
static void give_way_behind_one_who_waits(bool has_ctx)
{
	struct ww_acquire_ctx ctx;
	struct test_thread *thread;
	struct world world;
	struct first first;

	begin_world(&world, 2, lock_as_told);
	ASSERT_INT(let(&world, BEGIN, A), ==, 0);
	ASSERT_INT(let(&world, LOCK, A), ==, 0);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock(world.dmabuf[B]->resv, &ctx), ==, 0);
	first = (struct first){ world.dmabuf[A]->resv, has_ctx };
	thread = test_thread_start(want_a, &first);
	await_waiter(&world);
	tell(&world, &(struct step){ .deed = LOCK, .which = B, .timeout = 2 * FOREVER });
	ASSERT_INT(dma_resv_lock_timeout(world.dmabuf[A]->resv, &ctx, FOREVER), ==, -EDEADLK);
	dma_resv_unlock(world.dmabuf[B]->resv);
	ASSERT_INT(hear(&world), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, A), ==, 0);
	ASSERT_INT(let(&world, UNLOCK, B), ==, 0);
	ASSERT_INT(let(&world, END, A), ==, 0);
	test_thread_join(thread);
	dma_resv_lock_slow(world.dmabuf[A]->resv, &ctx);
	dma_resv_unlock(world.dmabuf[A]->resv);
	ww_acquire_fini(&ctx);
	end_world(&world, 0);
}

TEST(one_gives_way_to_the_holder_also_behind_one_who_waits_for_it)
{
	give_way_behind_one_who_waits(true);
	give_way_behind_one_who_waits(false);
}
