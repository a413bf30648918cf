/* SPDX-License-Identifier: MIT */
/*
 * D002 to D006: who holds what, and under which context. Each way to break a rule is reported,
 * and its corrected twin is not.
 */
#include "rules.h"

#include <dmabuf/dma-resv.h>

#include "resv/ww-mutex-internal.h"

static DEFINE_WW_CLASS(wound_wait);
static DEFINE_WD_CLASS(wait_die);

/*
 * D002: one reservation inside another.
 */

struct pair {
	struct dma_resv outer, inner;
	struct ww_acquire_ctx ctx, other;
};

static void begin(struct pair *pair)
{
	dma_resv_init(&pair->outer);
	dma_resv_init(&pair->inner);
	ww_acquire_init(&pair->ctx, &reservation_ww_class);
	ww_acquire_init(&pair->other, &reservation_ww_class);
}

static void end(struct pair *pair)
{
	ww_acquire_fini(&pair->other);
	ww_acquire_fini(&pair->ctx);
	dma_resv_fini(&pair->inner);
	dma_resv_fini(&pair->outer);
}

STEP void lock_outer(struct pair *pair, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(dma_resv_lock(&pair->outer, ctx), ==, 0);
	STAYS;
}

STEP void lock_inner(struct pair *pair, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(dma_resv_lock(&pair->inner, ctx), ==, 0);
	STAYS;
}

STEP void lock_inner_interruptible(struct pair *pair, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(dma_resv_lock_interruptible(&pair->inner, ctx), ==, 0);
	STAYS;
}

static void unlock(struct pair *pair)
{
	dma_resv_unlock(&pair->inner);
	dma_resv_unlock(&pair->outer);
}

TEST(reservation_inside_another_without_a_context_is_reported)
{
	struct pair pair;

	begin(&pair);
	lock_outer(&pair, NULL);
	ASSERT_REPORTED(lock_inner(&pair, NULL), "D002", "here:", "lock_inner",
			"which this thread has, from here:", "lock_outer",
			"What to do: take all reservation locks under one ww_acquire_ctx");
	dma_resv_unlock(&pair.inner);
	ASSERT_REPORTED(lock_inner_interruptible(&pair, NULL), "D002", "here:",
			"lock_inner_interruptible", "from here:", "lock_outer");
	unlock(&pair);
	end(&pair);
}

TEST(reservation_inside_one_of_a_context_without_it_is_reported)
{
	struct pair pair;

	begin(&pair);
	lock_outer(&pair, &pair.ctx);
	ASSERT_REPORTED(lock_inner(&pair, NULL), "D002", "lock_inner", "from here:",
			"lock_outer");
	unlock(&pair);
	end(&pair);
}

TEST(reservation_under_a_context_inside_one_without_is_reported)
{
	struct pair pair;

	begin(&pair);
	lock_outer(&pair, NULL);
	ASSERT_REPORTED(lock_inner(&pair, &pair.ctx), "D002", "lock_inner", "from here:",
			"lock_outer");
	unlock(&pair);
	end(&pair);
}

TEST(reservation_inside_one_of_another_context_is_reported)
{
	struct pair pair;

	begin(&pair);
	lock_outer(&pair, &pair.ctx);
	ASSERT_REPORTED(lock_inner(&pair, &pair.other), "D002", "lock_inner", "from here:",
			"lock_outer");
	unlock(&pair);
	end(&pair);
}

/* Who has got a lock by trylock holds it like any other. */
TEST(reservation_inside_a_tried_one_is_reported)
{
	struct pair pair;

	begin(&pair);
	ASSERT_TRUE(dma_resv_trylock(&pair.outer));
	ASSERT_REPORTED(lock_inner(&pair, NULL), "D002", "lock_inner", "from here:",
			"reservation_inside_a_tried_one");
	dma_resv_unlock(&pair.inner);
	ASSERT_REPORTED(lock_inner(&pair, &pair.ctx), "D002", "lock_inner");
	unlock(&pair);
	end(&pair);
}

STEP void lock_mutex(struct ww_mutex *mutex)
{
	ASSERT_INT(ww_mutex_lock(mutex, NULL), ==, 0);
	STAYS;
}

TEST(mutex_inside_another_of_its_class_is_reported)
{
	struct ww_mutex outer, inner;

	ww_mutex_init(&outer, &wound_wait);
	ww_mutex_init(&inner, &wound_wait);
	ASSERT_INT(ww_mutex_lock(&outer, NULL), ==, 0);
	ASSERT_REPORTED(lock_mutex(&inner), "D002", "wound_wait", "lock_mutex", "from here:",
			"mutex_inside_another");
	ww_mutex_unlock(&inner);
	ww_mutex_unlock(&outer);
}

TEST(mutex_inside_one_of_another_class_is_not)
{
	struct ww_mutex outer, inner;

	ww_mutex_init(&outer, &wound_wait);
	ww_mutex_init(&inner, &wait_die);
	lock_mutex(&outer);
	lock_mutex(&inner);
	ww_mutex_unlock(&outer);
	ww_mutex_unlock(&inner);
}

TEST(reservations_under_one_context_is_not)
{
	struct pair pair;

	begin(&pair);
	lock_outer(&pair, &pair.ctx);
	lock_inner(&pair, &pair.ctx);
	unlock(&pair);
	lock_inner(&pair, &pair.ctx);
	lock_outer(&pair, &pair.ctx);
	unlock(&pair);
	end(&pair);
}

TEST(reservation_tried_inside_another_is_not)
{
	struct pair pair;

	begin(&pair);
	lock_outer(&pair, NULL);
	ASSERT_TRUE(dma_resv_trylock(&pair.inner));
	unlock(&pair);
	lock_outer(&pair, &pair.ctx);
	ASSERT_TRUE(dma_resv_trylock(&pair.inner));
	unlock(&pair);
	lock_outer(&pair, &pair.ctx);
	ASSERT_TRUE(ww_mutex_trylock(&pair.inner.lock, &pair.ctx));
	unlock(&pair);
	end(&pair);
}

/*
 * D003: recursion.
 */

STEP void take_twice(lock_kind *kind, const char *lock)
{
	take(kind, lock);
	take(kind, lock);
	drop(lock);
	drop(lock);
	STAYS;
}

STEP void might_take_again(lock_kind *kind, const char *lock)
{
	take(kind, lock);
	dmabuf_might_lock(kind, lock, 0);
	drop(lock);
	STAYS;
}

TEST(lock_taken_by_its_holder_is_reported)
{
	static lock_kind queues = { .name = "queue" };
	static lock_kind nodes = { .name = "node", .flags = DMABUF_LOCK_BY_OBJECT };
	const char lock = 0;

	ASSERT_FATAL(take_twice(&queues, &lock), "D003", "queue", "here:", "take_twice",
		     "taken last:", "take_twice", "What to do: take it once");
	ASSERT_FATAL(take_twice(&nodes, &lock), "D003", "node", "take_twice");
	ASSERT_FATAL(might_take_again(&queues, &lock), "D003", "might_take_again",
		     "taken last:", "might_take_again");
}

TEST(lock_of_a_recursive_class_is_not)
{
	static lock_kind queues = { .name = "queue", .flags = DMABUF_LOCK_RECURSIVE };
	const char lock = 0;

	take_twice(&queues, &lock);
	might_take_again(&queues, &lock);
	take_twice(&queues, &lock);
}

static void drop_gate(void *gate)
{
	drop(gate);
}

/* A forked child takes them, in the order that they have, and drops what it has. */
static void go_through_gate(lock_kind *inner, const char *gate, lock_kind *outer, const char *lock)
{
	in_thread(drop_gate, (void *)(uintptr_t)gate); /* its parent's */
	take(outer, lock);
	take(inner, gate);
	drop(gate);
	drop(lock);
}

TEST(lock_that_processes_share_stays_with_the_parent)
{
	static lock_kind gates = { "gate", DMABUF_LOCK_PROCESS_SHARED };
	static lock_kind queues = { .name = "queue" }, roots = { .name = "root" };
	const char gate = 0, queue = 0, root = 0;

	take(&queues, &queue);
	take(&gates, &gate);
	drop(&gate);
	drop(&queue);

	take(&roots, &root);
	take(&gates, &gate);
	IN_CHILD(go_through_gate(&gates, &gate, &queues, &queue));
	ASSERT_FATAL(take(&roots, &root), "D003", "root");
	ASSERT_FATAL(take_twice(&queues, &queue), "D003", "queue");
	drop(&gate);
	ASSERT_FATAL(take_twice(&gates, &gate), "D003", "gate");
	drop(&root);
}

STEP void lock_twice(struct dma_resv *resv)
{
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	STAYS;
}

STEP void lock_inside_context(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(dma_resv_lock(resv, ctx), ==, 0);
	ASSERT_INT(dma_resv_lock_interruptible(resv, NULL), ==, 0);
	STAYS;
}

TEST(reservation_locked_by_its_holder_is_reported)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv resv;

	dma_resv_init(&resv);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_FATAL(lock_twice(&resv), "D003", "here:", "lock_twice", "taken last:",
		     "lock_twice", "What to do: take it once");
	ASSERT_FATAL(lock_inside_context(&resv, &ctx), "D003", "lock_inside_context",
		     "taken last:", "lock_inside_context");
	ww_acquire_fini(&ctx);
	dma_resv_fini(&resv);
}

TEST(reservation_locked_again_under_its_context_is_not)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv resv;

	dma_resv_init(&resv);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock(&resv, &ctx), ==, 0);
	ASSERT_INT(dma_resv_lock(&resv, &ctx), ==, -EALREADY);
	ASSERT_FALSE(dma_resv_trylock(&resv));
	dma_resv_unlock(&resv);
	ww_acquire_fini(&ctx);
	dma_resv_fini(&resv);
}

/*
 * D004: unlock by another thread.
 */

STEP void unlock_elsewhere(void *resv)
{
	dma_resv_unlock(resv);
	STAYS;
}

STEP void drop_elsewhere(void *lock)
{
	drop(lock);
	STAYS;
}

STEP void take_and_hand_over(lock_kind *kind, char *lock)
{
	take(kind, lock);
	in_thread(drop_elsewhere, lock);
	STAYS;
}

STEP void lock_and_hand_over(struct dma_resv *resv)
{
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	in_thread(unlock_elsewhere, resv);
	STAYS;
}

STEP void mutex_unlock_elsewhere(void *mutex)
{
	ww_mutex_unlock(mutex);
	STAYS;
}

STEP void mutex_hand_over(struct ww_mutex *mutex)
{
	ASSERT_INT(ww_mutex_lock(mutex, NULL), ==, 0);
	in_thread(mutex_unlock_elsewhere, mutex);
	STAYS;
}

TEST(unlock_by_another_thread_is_reported)
{
	static lock_kind queues = { .name = "queue" };
	struct ww_mutex mutex;
	struct dma_resv resv;
	char lock = 0;

	dma_resv_init(&resv);
	ww_mutex_init(&mutex, &wound_wait);
	ASSERT_FATAL(take_and_hand_over(&queues, &lock), "D004", "here:", "drop_elsewhere",
		     "taken last:", "take_and_hand_over", "What to do: let the thread unlock");
	ASSERT_FATAL(mutex_hand_over(&mutex), "D004", "here:", "mutex_unlock_elsewhere",
		     "taken last:", "mutex_hand_over");
	ww_mutex_destroy(&mutex);
	dma_resv_fini(&resv);
}

/* A reservation is committed first, and that wants the holder, too. */
TEST(unlock_of_a_reservation_by_another_thread_is_reported)
{
	struct dma_resv resv;

	dma_resv_init(&resv);
	ASSERT_FATAL(lock_and_hand_over(&resv), "D004", "reservation", "here:", "unlock_elsewhere",
		     "taken last:", "lock_and_hand_over", "What to do: let the thread unlock");
	ASSERT_FATAL(unlock_elsewhere(&resv), "D004", "reservation", "here:", "unlock_elsewhere");
	dma_resv_fini(&resv);
}

TEST(unlock_by_the_holder_is_not)
{
	static lock_kind queues = { .name = "queue" };
	char lock = 0;

	take(&queues, &lock);
	drop(&lock);
	in_thread(drop_elsewhere, &lock); /* nobody holds it */
	take(&queues, &lock);
	drop(&lock);
	drop(&lock); /* as after a lock that was not got */
}

/*
 * D005 and D006: backing off.
 */

struct three {
	struct ww_mutex held, contended, another;
	struct ww_acquire_ctx ctx;
};

/* @held is held, and @contended wants it to be dropped. */
static void back_off_from(struct three *three, struct ww_class *ww_class)
{
	ww_mutex_init(&three->held, ww_class);
	ww_mutex_init(&three->contended, ww_class);
	ww_mutex_init(&three->another, ww_class);
	ww_acquire_init(&three->ctx, ww_class);
	ASSERT_INT(ww_mutex_lock(&three->held, &three->ctx), ==, 0);
	ww_mutex_inject_deadlocks(true);
	ASSERT_INT(ww_mutex_lock(&three->contended, &three->ctx), ==, -EDEADLK);
	ww_mutex_inject_deadlocks(false);
}

STEP void go_on(struct three *three)
{
	ASSERT_INT(ww_mutex_lock(&three->another, &three->ctx), ==, 0);
	STAYS;
}

STEP void try_to_go_on(struct three *three)
{
	ASSERT_INT(ww_mutex_trylock(&three->another, &three->ctx), ==, 1);
	STAYS;
}

STEP void lock_slowly(struct ww_mutex *mutex, struct ww_acquire_ctx *ctx)
{
	ww_mutex_lock_slow(mutex, ctx);
	STAYS;
}

STEP void lock_slowly_interruptible(struct ww_mutex *mutex, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(ww_mutex_lock_slow_interruptible(mutex, ctx), ==, 0);
	STAYS;
}

TEST(lock_after_backing_off_with_others_held_is_reported)
{
	struct ww_class *const classes[] = { &wound_wait, &wait_die };

	for (unsigned int i = 0; i < 2; i++) {
		struct three three;

		back_off_from(&three, classes[i]);
		IN_CHILD(ASSERT_REPORTED(go_on(&three), "D005", "still holds 1", "here:", "go_on",
					 "What to do: after -EDEADLK unlock all"));
		IN_CHILD(ASSERT_REPORTED(try_to_go_on(&three), "D005", "here:", "try_to_go_on"));
		ww_mutex_unlock(&three.held);
		ww_acquire_fini(&three.ctx);
	}
}

TEST(slow_lock_with_others_held_is_reported)
{
	struct three three;

	back_off_from(&three, &wound_wait);
	ASSERT_FATAL(lock_slowly(&three.contended, &three.ctx), "D005", "still holds 1", "here:",
		     "lock_slowly", "What to do: after -EDEADLK unlock all");
	ASSERT_FATAL(lock_slowly_interruptible(&three.contended, &three.ctx), "D005",
		     "lock_slowly_interruptible");
	ww_mutex_unlock(&three.held);
	ww_acquire_fini(&three.ctx);
}

TEST(slow_lock_after_backing_off_is_not)
{
	struct three three;

	back_off_from(&three, &wait_die);
	ww_mutex_unlock(&three.held);
	lock_slowly(&three.contended, &three.ctx);
	go_on(&three);
	ww_mutex_unlock(&three.contended);
	ww_mutex_unlock(&three.another);
	ww_acquire_fini(&three.ctx);
}

/* It need not be the contended one that comes first; it only should. */
TEST(lock_after_dropping_all_is_not)
{
	struct three three;

	back_off_from(&three, &wait_die);
	ww_mutex_unlock(&three.held);
	go_on(&three);
	ww_mutex_unlock(&three.another);
	ww_acquire_fini(&three.ctx);
}

TEST(slow_lock_without_contention_is_reported)
{
	struct ww_acquire_ctx ctx;
	struct ww_mutex mutex;

	ww_mutex_init(&mutex, &wound_wait);
	ww_acquire_init(&ctx, &wound_wait);
	ASSERT_REPORTED(lock_slowly(&mutex, &ctx), "D006", "here:", "lock_slowly",
			"What to do: call the slow variant only");
	ww_mutex_unlock(&mutex);
	ASSERT_REPORTED(lock_slowly_interruptible(&mutex, &ctx), "D006", "here:",
			"lock_slowly_interruptible");
	ww_mutex_unlock(&mutex);
	ww_acquire_fini(&ctx);
}

TEST(slow_lock_of_another_than_the_contended_is_reported)
{
	struct three three;

	back_off_from(&three, &wound_wait);
	ww_mutex_unlock(&three.held);
	ASSERT_REPORTED(lock_slowly(&three.another, &three.ctx), "D006", "here:", "lock_slowly");
	ww_mutex_unlock(&three.another);
	ww_acquire_fini(&three.ctx);
}

STEP void lock_resv_slowly(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	dma_resv_lock_slow(resv, ctx);
	STAYS;
}

TEST(slow_lock_of_a_reservation_without_contention_is_reported)
{
	struct pair pair;

	begin(&pair);
	ASSERT_REPORTED(lock_resv_slowly(&pair.outer, &pair.ctx), "D006", "here:",
			"lock_resv_slowly");
	dma_resv_unlock(&pair.outer);
	end(&pair);
}
