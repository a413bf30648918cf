/* SPDX-License-Identifier: MIT */
/*
 * D010, and D001 where it is a fence's own lock: what a fence's signal needs, and who holds that.
 * Each way to break a rule is reported, and its corrected twin is not.
 *
 * Waits have a time limit that passes at once, so that a test goes on where a program would hang.
 */
#include "rules.h"

#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"

#define MOMENT 1

/* A fence, a lock, a reservation, and which way they are used. */
struct scene {
	struct dma_fence *fence;
	struct dma_fence *other;
	lock_kind *kind;
	const char *lock;
	struct dma_resv resv;
};

static lock_kind queues = { .name = "queue" };

static void begin(struct scene *scene)
{
	static const char locks[2];

	*scene = (struct scene){
		.fence = make_fence(),
		.other = make_fence(),
		.kind = &queues,
		.lock = &locks[0],
	};
	dma_resv_init(&scene->resv);
}

static void end(struct scene *scene)
{
	dma_fence_signal(scene->fence);
	dma_fence_signal(scene->other);
	dma_fence_put(scene->fence);
	dma_fence_put(scene->other);
	dma_resv_fini(&scene->resv);
	dmabuf_lock_forget(&scene->lock[0]);
	dmabuf_lock_forget(&scene->lock[1]);
}

/*
 * D010: the waiter holds what the signal needs.
 */

STEP void wait_under_lock(void *arg)
{
	struct scene *scene = arg;

	take(scene->kind, scene->lock);
	ASSERT_INT(dma_fence_wait_timeout(scene->fence, false, MOMENT), >=, 0);
	drop(scene->lock);
	STAYS;
}

STEP void wait_under_reservation(void *arg)
{
	struct scene *scene = arg;

	ASSERT_INT(dma_resv_lock(&scene->resv, NULL), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(scene->fence, false, MOMENT), >=, 0);
	dma_resv_unlock(&scene->resv);
	STAYS;
}

/* Of one thing after the other, a thread is not in its own way. */
static void wait_elsewhere(struct scene *scene, void (*wait)(void *arg))
{
	in_thread(wait, scene);
}

STEP void signal_under_lock(struct scene *scene)
{
	take(scene->kind, scene->lock);
	dma_fence_signal(scene->fence);
	drop(scene->lock);
	STAYS;
}

STEP void signal_under_reservation(struct scene *scene)
{
	ASSERT_INT(dma_resv_lock(&scene->resv, NULL), ==, 0);
	dma_fence_signal(scene->fence);
	dma_resv_unlock(&scene->resv);
	STAYS;
}

STEP void work_with_lock(struct scene *scene)
{
	dma_fence_begin_work(scene->fence);
	take(scene->kind, scene->lock);
	drop(scene->lock);
	dma_fence_end_work(scene->fence);
	STAYS;
}

STEP void work_with_reservation(struct scene *scene)
{
	dma_fence_begin_work(scene->fence);
	ASSERT_INT(dma_resv_lock(&scene->resv, NULL), ==, 0);
	dma_resv_unlock(&scene->resv);
	dma_fence_end_work(scene->fence);
	STAYS;
}

STEP void section_with_lock(struct scene *scene)
{
	const bool cookie = dma_fence_begin_signalling();

	take(scene->kind, scene->lock);
	drop(scene->lock);
	dma_fence_end_signalling(cookie);
	STAYS;
}

struct locking_cb {
	struct dma_fence_cb cb;
	struct scene *scene;
};

static void callback_that_does_nothing(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
}

STEP void callback_with_lock(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct scene *scene = container_of(cb, struct locking_cb, cb)->scene;

	(void)fence;
	take(scene->kind, scene->lock);
	drop(scene->lock);
	STAYS;
}

STEP void signal_with_callback(struct scene *scene)
{
	struct locking_cb cb = { .scene = scene };

	ASSERT_INT(dma_fence_add_callback(scene->fence, &cb.cb, callback_with_lock), ==, 0);
	dma_fence_signal(scene->fence);
	STAYS;
}

TEST(signal_under_a_lock_that_a_waiter_held_is_reported)
{
	struct scene scene;

	begin(&scene);
	wait_elsewhere(&scene, wait_under_lock);
	ASSERT_REPORTED(signal_under_lock(&scene), "D010", "a cycle of 2", "now: queue",
			"while a fence's signal", "signal_under_lock", "before: a fence's signal",
			"while queue", "wait_under_lock",
			"What to do: drop the lock before the wait");
	end(&scene);
}

TEST(signal_under_a_reservation_that_a_waiter_held_is_reported)
{
	struct scene scene;

	begin(&scene);
	wait_elsewhere(&scene, wait_under_reservation);
	ASSERT_REPORTED(signal_under_reservation(&scene), "D010", "now: reservation_ww_class",
			"signal_under_reservation", "before: a fence's signal",
			"wait_under_reservation");
	end(&scene);
}

/* It would have signalled without, too. */
STEP void signal_under_what_was_free(struct scene *scene)
{
	ASSERT_TRUE(dma_resv_trylock(&scene->resv));
	dmabuf_lock_acquire(scene->kind, scene->lock, DMABUF_LOCK_TRY);
	dma_fence_signal(scene->fence);
	drop(scene->lock);
	dma_resv_unlock(&scene->resv);
	STAYS;
}

TEST(signal_under_locks_got_by_trylocks_is_not)
{
	struct scene scene;

	begin(&scene);
	wait_elsewhere(&scene, wait_under_lock);
	wait_elsewhere(&scene, wait_under_reservation);
	signal_under_what_was_free(&scene);
	end(&scene);
}

TEST(work_with_a_lock_that_a_waiter_holds_is_reported)
{
	struct scene scene;

	begin(&scene);
	wait_elsewhere(&scene, wait_under_lock);
	ASSERT_REPORTED(work_with_lock(&scene), "D010", "now: queue", "work_with_lock",
			"before: a fence's signal", "wait_under_lock");
	end(&scene);

	begin(&scene);
	work_with_lock(&scene);
	ASSERT_REPORTED(wait_elsewhere(&scene, wait_under_lock), "D010",
			"now: a fence's signal", "wait_under_lock", "before: queue",
			"work_with_lock");
	end(&scene);
}

TEST(work_with_a_reservation_that_a_waiter_holds_is_reported)
{
	struct scene scene;

	begin(&scene);
	work_with_reservation(&scene);
	ASSERT_REPORTED(wait_elsewhere(&scene, wait_under_reservation), "D010",
			"now: a fence's signal", "wait_under_reservation",
			"before: reservation_ww_class", "work_with_reservation");
	end(&scene);
}

/* A section is for any fence, so what one thread does in turn two threads may do at a time. */
TEST(section_with_a_lock_that_a_waiter_holds_is_reported)
{
	static lock_kind here = { .name = "here" }, there = { .name = "there" };
	struct scene scene;

	begin(&scene);
	scene.kind = &there;
	section_with_lock(&scene);
	ASSERT_REPORTED(wait_elsewhere(&scene, wait_under_lock), "D010", "wait_under_lock",
			"before: there", "section_with_lock");
	scene.kind = &here;
	wait_under_lock(&scene);
	ASSERT_REPORTED(section_with_lock(&scene), "D010", "now: here", "section_with_lock",
			"before: a fence's signal", "wait_under_lock");
	end(&scene);
}

TEST(section_with_the_one_lock_that_a_waiter_holds_is_reported)
{
	static lock_kind nodes = { .name = "node", .flags = DMABUF_LOCK_BY_OBJECT };
	struct scene scene;

	begin(&scene);
	scene.kind = &nodes;
	wait_under_lock(&scene);
	scene.lock++;
	section_with_lock(&scene);
	scene.lock--;
	ASSERT_REPORTED(section_with_lock(&scene), "D010", "now: node", "section_with_lock",
			"before: a fence's signal", "wait_under_lock");
	end(&scene);
}

TEST(callback_with_a_lock_that_a_waiter_holds_is_reported)
{
	static lock_kind kind = { .name = "status" };
	struct scene scene;

	begin(&scene);
	scene.kind = &kind;
	wait_elsewhere(&scene, wait_under_lock);
	/* The waiter has also taken the fence's lock under its own: both are told. */
	reports_begin();
	signal_with_callback(&scene);
	reports_end();
	ASSERT_INT(reports.count, ==, 2);
	check_report(reports.text[0], "D001", WORDS("callback_with_lock", "wait_under_lock"),
		     __FILE__, __LINE__);
	check_report(reports.text[1], "D010", WORDS("now: status", "callback_with_lock",
		     "before: a fence's signal", "wait_under_lock"), __FILE__, __LINE__);
	end(&scene);
}

STEP void take_inside(void *arg)
{
	static lock_kind tables = { .name = "table" };
	struct scene *scene = arg;
	const char table = 0;

	take(&tables, &table);
	take(scene->kind, scene->lock);
	drop(scene->lock);
	drop(&table);
	STAYS;
}

STEP void work_with_table(struct scene *scene)
{
	static lock_kind unrelated = { .name = "unrelated" };
	const char lock = 0;

	dma_fence_begin_work(scene->fence);
	take(&unrelated, &lock);
	in_thread(take_inside, scene);
	drop(&lock);
	dma_fence_end_work(scene->fence);
	STAYS;
}

/* Locks that waiters do not hold may be taken by whom they please. */
TEST(work_with_another_lock_than_the_waiters_is_not)
{
	struct scene scene;

	begin(&scene);
	wait_elsewhere(&scene, wait_under_lock);
	work_with_table(&scene);
	end(&scene);
}

/* The corrected twins: the lock is dropped before the wait. */
STEP void wait_after_lock(void *arg)
{
	struct scene *scene = arg;

	take(scene->kind, scene->lock);
	drop(scene->lock);
	ASSERT_INT(dma_resv_lock(&scene->resv, NULL), ==, 0);
	dma_resv_unlock(&scene->resv);
	ASSERT_INT(dma_fence_wait_timeout(scene->fence, false, MOMENT), >=, 0);
	STAYS;
}

TEST(signal_under_a_lock_that_no_waiter_holds_is_not)
{
	static lock_kind kind = { .name = "dropped" };
	struct scene scene;

	begin(&scene);
	scene.kind = &kind;
	wait_elsewhere(&scene, wait_after_lock);
	section_with_lock(&scene);
	work_with_lock(&scene);
	work_with_reservation(&scene);
	signal_under_reservation(&scene);
	wait_elsewhere(&scene, wait_after_lock);
	end(&scene);
}

/* What was waited for with no time at all was only looked at. */
STEP void look_under_lock(void *arg)
{
	struct scene *scene = arg;

	take(scene->kind, scene->lock);
	ASSERT_INT(dma_fence_wait_timeout(scene->fence, false, 0), >=, 0);
	drop(scene->lock);
	STAYS;
}

TEST(look_under_a_lock_that_the_signaller_takes_is_not)
{
	struct scene scene;

	begin(&scene);
	wait_elsewhere(&scene, look_under_lock);
	work_with_lock(&scene);
	signal_under_lock(&scene);
	end(&scene);
}

/* One fence's waiters are not another's, and one queue is not another. */
TEST(signal_of_another_fence_or_under_another_lock_is_not)
{
	struct scene scene, two;

	begin(&scene);
	begin(&two);
	wait_elsewhere(&scene, wait_under_lock);
	wait_elsewhere(&scene, wait_under_reservation);
	work_with_lock(&two);
	signal_under_lock(&two);
	dma_fence_begin_work(scene.fence);
	work_with_reservation(&two);
	dma_fence_end_work(scene.fence);
	scene.lock++;
	work_with_lock(&scene);
	signal_under_lock(&scene);
	scene.lock--;
	end(&two);
	end(&scene);
}

/* The waiter for F holds what a third thread wants, which holds what F's signaller wants. */
STEP void third_party(void *arg)
{
	static lock_kind tables = { .name = "table" };
	struct scene *scene = arg;
	static const char table;

	take(&tables, &table);
	ASSERT_INT(dma_resv_lock(&scene->resv, NULL), ==, 0);
	dma_resv_unlock(&scene->resv);
	drop(&table);
	scene->kind = &tables;
	scene->lock = &table;
	STAYS;
}

TEST(cycle_through_a_third_thread_is_reported)
{
	struct scene scene;
	const char *lock;

	begin(&scene);
	lock = scene.lock;
	wait_elsewhere(&scene, wait_under_reservation);
	in_thread(third_party, &scene);
	ASSERT_REPORTED(work_with_lock(&scene), "D010", "a cycle of 3", "now: table",
			"work_with_lock", "before: a fence's signal", "wait_under_reservation",
			"before: reservation_ww_class", "third_party");
	scene.lock = lock;
	end(&scene);
}

/*
 * D001: a fence's lock, under which its callbacks run.
 */

STEP void add_under_lock(struct scene *scene, struct counting_cb *cb)
{
	take(scene->kind, scene->lock);
	dma_fence_add_callback(scene->fence, &cb->cb, count_call);
	drop(scene->lock);
	STAYS;
}

STEP void remove_under_lock(struct scene *scene, struct counting_cb *cb)
{
	take(scene->kind, scene->lock);
	dma_fence_remove_callback(scene->fence, &cb->cb);
	drop(scene->lock);
	STAYS;
}

STEP void signal_locked_with_callback(struct scene *scene)
{
	struct locking_cb cb = { .scene = scene };

	ASSERT_INT(dma_fence_add_callback(scene->fence, &cb.cb, callback_with_lock), ==, 0);
	dmabuf_spin_lock(dma_fence_spinlock(scene->fence));
	dma_fence_signal_locked(scene->fence);
	dmabuf_spin_unlock(dma_fence_spinlock(scene->fence));
	STAYS;
}

TEST(callback_that_takes_what_it_was_added_under_is_reported)
{
	static lock_kind kinds[] = { { .name = "own" }, { .name = "locked" } };
	struct counting_cb cb = { .calls = 0 };
	struct scene scene;

	begin(&scene);
	scene.kind = &kinds[0];
	add_under_lock(&scene, &cb);
	ASSERT_REPORTED(signal_with_callback(&scene), "D001", "now: own",
			"while a fence's lock", "callback_with_lock", "signal_with_callback",
			"before: a fence's lock", "add_under_lock");
	end(&scene);

	begin(&scene);
	scene.kind = &kinds[1];
	add_under_lock(&scene, &cb);
	ASSERT_REPORTED(signal_locked_with_callback(&scene), "D001", "now: locked",
			"callback_with_lock", "signal_locked_with_callback",
			"before: a fence's lock", "add_under_lock");
	end(&scene);
}

/* Also where the fence has signalled, and nothing is added: another time it is not so late. */
TEST(callback_added_late_under_what_it_takes_is_reported)
{
	static lock_kind kind = { .name = "late" };
	struct counting_cb cb = { .calls = 0 };
	struct scene scene;

	begin(&scene);
	scene.kind = &kind;
	signal_with_callback(&scene);
	ASSERT_REPORTED(add_under_lock(&scene, &cb), "D001", "now: a fence's lock",
			"add_under_lock", "before: late", "callback_with_lock");
	end(&scene);
}

TEST(callback_removed_under_what_it_takes_is_reported)
{
	static lock_kind kind = { .name = "removed" };
	struct counting_cb cb = { .calls = 0 };
	struct scene scene;

	begin(&scene);
	scene.kind = &kind;
	ASSERT_INT(dma_fence_add_callback(scene.fence, &cb.cb, count_call), ==, 0);
	remove_under_lock(&scene, &cb);
	ASSERT_REPORTED(signal_with_callback(&scene), "D001", "now: removed",
			"callback_with_lock", "before: a fence's lock", "remove_under_lock");
	end(&scene);
}

TEST(callback_that_takes_another_lock_is_not)
{
	static lock_kind kinds[] = { { .name = "added" }, { .name = "taken" } };
	struct counting_cb cb = { .calls = 0 };
	struct scene scene;

	begin(&scene);
	scene.kind = &kinds[0];
	add_under_lock(&scene, &cb);
	scene.kind = &kinds[1];
	scene.lock++;
	signal_with_callback(&scene);
	scene.lock--;
	end(&scene);
}

STEP void signal_under_own_callbacks_lock(struct scene *scene)
{
	struct locking_cb cb = { .scene = scene };

	ASSERT_INT(dma_fence_add_callback(scene->fence, &cb.cb, callback_with_lock), ==, 0);
	signal_under_lock(scene);
	STAYS;
}

TEST(callback_that_takes_what_its_signaller_holds_is_reported)
{
	struct scene scene;

	begin(&scene);
	ASSERT_FATAL(signal_under_own_callbacks_lock(&scene), "D003", "queue", "here:",
		     "callback_with_lock", "signal_under_lock", "taken last:",
		     "signal_under_lock");
	end(&scene);
}

/*
 * D003: the fence's own lock, taken by the program.
 */

STEP void signal_as_if_unlocked(struct dma_fence *fence)
{
	dmabuf_spin_lock(dma_fence_spinlock(fence));
	dma_fence_signal(fence);
	STAYS;
}

STEP void signal_locked(struct dma_fence *fence)
{
	dmabuf_spin_lock(dma_fence_spinlock(fence));
	dma_fence_signal_locked(fence);
	dmabuf_spin_unlock(dma_fence_spinlock(fence));
	STAYS;
}

TEST(signal_under_the_fences_own_lock_is_reported)
{
	struct locking_cb cb;
	struct dma_fence *fence = make_fence();

	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, callback_that_does_nothing), ==, 0);
	ASSERT_FATAL(signal_as_if_unlocked(fence), "D003", "the holder of its lock takes that again",
		     "call what ends in _locked", "here:", "signal_as_if_unlocked");
	signal_locked(fence);
	dma_fence_put(fence);
}
