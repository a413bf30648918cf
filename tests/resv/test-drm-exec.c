/* SPDX-License-Identifier: MIT */
/* drm_exec: many locks, in one thread and, with made-up contention, in many. */
#include "harness.h"

#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/drm-exec.h>
#include <errno.h>

#include "resv/ww-mutex-internal.h"

/* An object that notes its end. */
struct thing {
	struct drm_gem_object base;
	bool freed;
};

static void thing_free(struct drm_gem_object *obj)
{
	struct thing *thing = container_of(obj, struct thing, base);

	drm_gem_object_release(obj);
	thing->freed = true;
}

static void things_init(struct thing *things, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		things[i].freed = false;
		drm_gem_object_init(&things[i].base, NULL, thing_free);
	}
}

/* All are unlocked, and the test's reference is the last. */
static void things_fini(struct thing *things, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_FALSE(dma_resv_is_locked(things[i].base.resv));
		drm_gem_object_put(&things[i].base);
		ASSERT_TRUE(things[i].freed);
	}
}

/* The next second lock is contended, or so it says. */
static void contend_once(void)
{
	ww_mutex_inject_deadlocks(true);
}

static void contend_no_more(void)
{
	ww_mutex_inject_deadlocks(false);
}

/*
 * The loop.
 */

TEST(all_locks_are_held_until_fini)
{
	struct thing things[3];
	struct drm_exec exec;
	unsigned int rounds = 0;

	things_init(things, 3);
	drm_exec_init(&exec, 0, 3);
	drm_exec_until_all_locked(&exec) {
		rounds++;
		for (unsigned int i = 0; i < 3; i++) {
			ASSERT_INT(drm_exec_lock_obj(&exec, &things[i].base), ==, 0);
			drm_exec_retry_on_contention(&exec);
		}
	}
	ASSERT_INT(rounds, ==, 1);
	ASSERT_FALSE(drm_exec_is_contended(&exec));
	ASSERT_PTR(exec.ticket.ww_class, ==, &reservation_ww_class);
	ASSERT_TRUE(exec.ticket.is_wait_die);
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_TRUE(dma_resv_held(things[i].base.resv));
		ASSERT_PTR(dma_resv_locking_ctx(things[i].base.resv), ==, &exec.ticket);
		ASSERT_PTR(drm_exec_obj(&exec, i), ==, &things[i].base);
		ASSERT_PTR(drm_exec_resv(&exec, i), ==, things[i].base.resv);
	}
	ASSERT_PTR(drm_exec_obj(&exec, 3), ==, NULL);
	ASSERT_PTR(drm_exec_resv(&exec, 3), ==, NULL);
	drm_exec_fini(&exec);
	things_fini(things, 3);
}

TEST(fini_is_enough_without_a_loop_after_a_break_and_when_empty)
{
	struct drm_exec exec;

	drm_exec_init(&exec, 0, 0);
	drm_exec_fini(&exec);

	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		break;
	}
	drm_exec_fini(&exec);

	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
	}
	ASSERT_FALSE(drm_exec_cleanup(&exec));
	drm_exec_fini(&exec);
}

/* From inside a loop of the body, too; what was locked is given back first. */
TEST(contention_begins_the_body_again_with_nothing_else_locked)
{
	unsigned int rounds = 0, locked = 0;
	struct thing things[3];
	struct drm_exec exec;

	things_init(things, 3);
	drm_exec_init(&exec, 0, 0);
	contend_once();
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(exec.num_objects, ==, 0);
		for (unsigned int i = 0; i < 3; i++)
			ASSERT_FALSE(dma_resv_held(things[i].base.resv));
		rounds++;
		for (unsigned int i = 0; i < 3; i++) {
			const int err = drm_exec_lock_obj(&exec, &things[i].base);

			ASSERT_INT(drm_exec_is_contended(&exec), ==, err == -EDEADLK);
			drm_exec_retry_on_contention(&exec);
			ASSERT_INT(err, ==, 0);
			contend_no_more();
			locked++;
			if (rounds == 1)
				contend_once();
		}
	}
	contend_no_more();
	ASSERT_INT(rounds, ==, 2);
	ASSERT_INT(locked, ==, 1 + 3);
	/* The contended one came first, and only once. */
	ASSERT_INT(exec.num_objects, ==, 3);
	ASSERT_PTR(drm_exec_obj(&exec, 0), ==, &things[1].base);
	ASSERT_PTR(drm_exec_obj(&exec, 1), ==, &things[0].base);
	ASSERT_PTR(drm_exec_obj(&exec, 2), ==, &things[2].base);
	drm_exec_fini(&exec);
	things_fini(things, 3);
}

TEST(the_prelocked_one_is_a_duplicate_the_second_time)
{
	struct thing things[2];
	struct drm_exec exec;
	int err = 0;

	things_init(things, 2);
	drm_exec_init(&exec, 0, 0);
	contend_once();
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, 0);
		err = drm_exec_lock_obj(&exec, &things[1].base);
		drm_exec_retry_on_contention(&exec);
		ASSERT_INT(err, ==, 0);
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[1].base), ==, -EALREADY);
	}
	contend_no_more();
	drm_exec_fini(&exec);
	things_fini(things, 2);
}

/* Nobody asks for it again: it stays locked until the end, as in Linux. */
TEST(a_prelocked_one_that_is_not_wanted_any_more_does_no_harm)
{
	unsigned int rounds = 0;
	struct thing things[2];
	struct drm_exec exec;
	int err;

	things_init(things, 2);
	drm_exec_init(&exec, 0, 0);
	contend_once();
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, 0);
		if (!rounds++) {
			err = drm_exec_lock_obj(&exec, &things[1].base);
			ASSERT_INT(err, ==, -EDEADLK);
		}
		drm_exec_retry_on_contention(&exec);
		contend_no_more();
		ASSERT_INT(exec.num_objects, ==, 2);
		/* Given back by hand, it leaves no trace: what is first now was asked for. */
		drm_exec_unlock_obj(&exec, &things[1].base);
		ASSERT_INT(exec.num_objects, ==, 1);
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, -EALREADY);
	}
	ASSERT_INT(rounds, ==, 2);
	drm_exec_fini(&exec);
	things_fini(things, 2);
}

TEST(who_forgets_to_retry_gets_no_further_before_the_next_round)
{
	unsigned int rounds = 0;
	struct thing things[3];
	struct drm_exec exec;

	things_init(things, 3);
	drm_exec_init(&exec, 0, 0);
	contend_once();
	drm_exec_until_all_locked(&exec) {
		const int expected = rounds++ ? 0 : -EDEADLK;

		ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, 0);
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[1].base), ==, expected);
		contend_no_more();
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[2].base), ==, expected);
	}
	ASSERT_INT(rounds, ==, 2);
	ASSERT_INT(exec.num_objects, ==, 3);
	drm_exec_fini(&exec);
	things_fini(things, 3);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
TEST(loops_nest_and_stand_side_by_side)
{
	unsigned int outer_rounds = 0, inner_rounds = 0;
	struct drm_exec outer, inner;
	struct thing things[4];
	int err;

	things_init(things, 4);
	drm_exec_init(&outer, 0, 0);
	contend_once();
	drm_exec_until_all_locked(&outer) {
		outer_rounds++;
		drm_exec_init(&inner, 0, 0);
		drm_exec_until_all_locked(&inner) {
			inner_rounds++;
			ASSERT_INT(drm_exec_lock_obj(&inner, &things[2].base), ==, 0);
			err = drm_exec_lock_obj(&inner, &things[3].base);
			drm_exec_retry_on_contention(&inner);
			ASSERT_INT(err, ==, 0);
		}
		drm_exec_fini(&inner);
		ASSERT_INT(drm_exec_lock_obj(&outer, &things[0].base), ==, 0);
		err = drm_exec_lock_obj(&outer, &things[1].base);
		drm_exec_retry_on_contention(&outer);
		ASSERT_INT(err, ==, 0);
	}
	contend_no_more();
	drm_exec_fini(&outer);
	ASSERT_INT(outer_rounds, ==, 2);
	ASSERT_INT(inner_rounds, ==, 4);

	drm_exec_init(&outer, 0, 0);
	drm_exec_until_all_locked(&outer) {
		ASSERT_INT(drm_exec_lock_obj(&outer, &things[0].base), ==, 0);
		drm_exec_retry_on_contention(&outer);
	}
	drm_exec_fini(&outer);
	things_fini(things, 4);
}
#pragma GCC diagnostic pop

/*
 * Duplicates, and objects that share a reservation.
 */

TEST(a_duplicate_is_refused_or_ignored_as_the_flag_says)
{
	struct thing things[1];
	struct drm_exec exec;

	things_init(things, 1);
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, 0);
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, -EALREADY);
		ASSERT_INT(drm_exec_prepare_obj(&exec, &things[0].base, 1), ==, -EALREADY);
		ASSERT_INT(drm_exec_lock_resv(&exec, things[0].base.resv), ==, -EALREADY);
	}
	ASSERT_INT(exec.num_objects, ==, 1);
	drm_exec_fini(&exec);

	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&exec) {
		for (unsigned int i = 0; i < 2; i++) {
			ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, 0);
			ASSERT_INT(drm_exec_prepare_obj(&exec, &things[0].base, 1), ==, 0);
			ASSERT_INT(drm_exec_lock_resv(&exec, things[0].base.resv), ==, 0);
		}
	}
	ASSERT_INT(exec.num_objects, ==, 1);
	drm_exec_fini(&exec);
	things_fini(things, 1);
}

TEST(of_objects_that_share_a_reservation_the_first_asked_for_is_locked)
{
	struct thing mine, other, sharing;
	struct drm_exec exec;
	int err = 0;

	things_init(&mine, 1);
	things_init(&other, 1);
	sharing.freed = false;
	drm_gem_object_init(&sharing.base, other.base.resv, thing_free);
	drm_exec_init(&exec, 0, 0);
	contend_once();
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(drm_exec_lock_obj(&exec, &mine.base), ==, 0);
		/* Contended through one of the two, then asked for through the other. */
		err = drm_exec_lock_obj(&exec, err ? &sharing.base : &other.base);
		drm_exec_retry_on_contention(&exec);
		ASSERT_INT(err, ==, 0);
		ASSERT_INT(drm_exec_lock_obj(&exec, &other.base), ==, -EALREADY);
	}
	contend_no_more();
	ASSERT_PTR(drm_exec_obj(&exec, 0), ==, &sharing.base);
	drm_exec_fini(&exec);
	things_fini(&sharing, 1);
	things_fini(&other, 1);
	things_fini(&mine, 1);
}

/*
 * References.
 */

TEST(what_is_locked_or_contended_stays_alive)
{
	struct thing things[2];
	struct drm_exec exec;
	int err = 0;

	things_init(things, 2);
	drm_exec_init(&exec, 0, 0);
	contend_once();
	drm_exec_until_all_locked(&exec) {
		if (err == -EDEADLK)
			break; /* with things[1] contended, and nothing locked */
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, 0);
		err = drm_exec_lock_obj(&exec, &things[1].base);
		ASSERT_INT(err, ==, -EDEADLK);
		drm_gem_object_put(&things[0].base);
		drm_gem_object_put(&things[1].base);
		ASSERT_FALSE(things[0].freed);
		drm_exec_retry_on_contention(&exec);
	}
	contend_no_more();
	ASSERT_TRUE(things[0].freed);
	ASSERT_FALSE(things[1].freed);
	drm_exec_fini(&exec);
	ASSERT_TRUE(things[1].freed);
}

TEST(putting_no_object_does_nothing)
{
	drm_gem_object_put(NULL);
}

/*
 * Unlocking before the others, and walking.
 */

TEST(one_is_unlocked_and_the_order_of_the_others_stays)
{
	struct thing things[4];
	struct drm_exec exec;

	things_init(things, 4);
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		for (unsigned int i = 0; i < 4; i++) {
			ASSERT_INT(drm_exec_lock_obj(&exec, &things[i].base), ==, 0);
			drm_exec_retry_on_contention(&exec);
		}
		drm_exec_unlock_obj(&exec, &things[1].base);
		drm_exec_unlock_obj(&exec, &things[1].base); /* is not locked any more */
		ASSERT_FALSE(dma_resv_is_locked(things[1].base.resv));
		ASSERT_PTR(drm_exec_obj(&exec, 1), ==, &things[2].base);
		ASSERT_PTR(drm_exec_obj(&exec, 2), ==, &things[3].base);
		drm_exec_unlock_resv(&exec, things[2].base.resv);
		drm_exec_unlock_resv(&exec, things[2].base.resv);
		ASSERT_FALSE(dma_resv_is_locked(things[2].base.resv));
		ASSERT_PTR(drm_exec_obj(&exec, 0), ==, &things[0].base);
		ASSERT_PTR(drm_exec_obj(&exec, 1), ==, &things[3].base);
		/* And once more. */
		ASSERT_INT(drm_exec_lock_obj(&exec, &things[1].base), ==, 0);
	}
	ASSERT_INT(exec.num_objects, ==, 3);
	drm_exec_fini(&exec);
	things_fini(things, 4);
}

static void lock_mixed(struct drm_exec *exec, struct thing *things, struct dma_resv *bare)
{
	drm_exec_until_all_locked(exec) {
		ASSERT_INT(drm_exec_lock_resv(exec, &bare[0]), ==, 0);
		ASSERT_INT(drm_exec_lock_obj(exec, &things[0].base), ==, 0);
		ASSERT_INT(drm_exec_lock_resv(exec, &bare[1]), ==, 0);
		ASSERT_INT(drm_exec_lock_obj(exec, &things[1].base), ==, 0);
		ASSERT_INT(drm_exec_lock_resv(exec, &bare[2]), ==, 0);
	}
}

TEST(the_walks_visit_objects_or_all_reservations)
{
	struct drm_gem_object *obj;
	struct dma_resv bare[3], *resv;
	struct thing things[2];
	struct drm_exec exec;
	unsigned long index;
	unsigned int n = 0;

	things_init(things, 2);
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_init(&bare[i]);
	drm_exec_init(&exec, 0, 0);
	lock_mixed(&exec, things, bare);
	drm_exec_for_each_locked_object(&exec, index, obj) {
		ASSERT_PTR(obj, ==, &things[n].base);
		ASSERT_INT(index, ==, 2 * n + 1);
		n++;
	}
	ASSERT_INT(n, ==, 2);
	n = 0;
	drm_exec_for_each_locked_resv(&exec, index, resv)
		ASSERT_PTR(resv, ==, n++ % 2 ? things[(n - 1) / 2].base.resv : &bare[n / 2]);
	ASSERT_INT(n, ==, 5);
	n = 2;
	drm_exec_for_each_locked_object_reverse(&exec, index, obj) {
		ASSERT_PTR(obj, ==, &things[--n].base);
		drm_exec_unlock_obj(&exec, obj);
	}
	ASSERT_INT(n, ==, 0);
	ASSERT_INT(exec.num_objects, ==, 3);
	drm_exec_for_each_locked_object_reverse(&exec, index, obj)
		FAIL("no object is left");
	drm_exec_fini(&exec);
	drm_exec_for_each_locked_object(&exec, index, obj)
		FAIL("no object is left");
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_fini(&bare[i]);
	things_fini(things, 2);
}

/*
 * Preparing.
 */

TEST(prepare_reserves_and_fini_commits)
{
	struct dma_fence_timeline *timeline = dma_fence_timeline_create("drm_exec");
	struct dma_fence *fence = dma_fence_timeline_emit(timeline);
	struct thing things[2];
	struct drm_gem_object *objects[] = { &things[0].base, &things[1].base };
	struct dma_resv bare;
	struct drm_exec exec;

	things_init(things, 2);
	dma_resv_init(&bare);
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(drm_exec_prepare_array(&exec, objects, 2, 2), ==, 0);
		ASSERT_INT(drm_exec_prepare_resv(&exec, &bare, 1), ==, 0);
	}
	for (unsigned int i = 0; i < 2; i++)
		dma_resv_add_fence(objects[i]->resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_add_fence(&bare, fence, DMA_RESV_USAGE_WRITE);
	drm_exec_fini(&exec);
	ASSERT_FALSE(dma_resv_test_signaled(objects[0]->resv, DMA_RESV_USAGE_READ));
	ASSERT_FALSE(dma_resv_test_signaled(objects[1]->resv, DMA_RESV_USAGE_READ));
	ASSERT_FALSE(dma_resv_test_signaled(&bare, DMA_RESV_USAGE_READ));
	ASSERT_INT(dma_fence_timeline_signal(timeline, fence->seqno, 0), ==, 0);
	dma_fence_put(fence);
	dma_fence_timeline_destroy(timeline);
	dma_resv_fini(&bare);
	things_fini(things, 2);
}

TEST(what_cannot_be_prepared_is_unlocked_again)
{
	struct drm_gem_object *objects[2];
	struct thing things[2];
	struct drm_exec exec;
	int err = 0;

	things_init(things, 2);
	objects[0] = &things[0].base;
	objects[1] = &things[0].base;
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		ASSERT_WARNS(err = drm_exec_prepare_obj(&exec, objects[0], 0), "for no fence");
		ASSERT_INT(err, ==, -EINVAL);
		ASSERT_INT(exec.num_objects, ==, 0);
		ASSERT_FALSE(dma_resv_is_locked(objects[0]->resv));
		ASSERT_INT(drm_exec_prepare_array(&exec, objects, 2, 1), ==, -EALREADY);
		ASSERT_INT(exec.num_objects, ==, 1);
	}
	drm_exec_fini(&exec);

	/* A duplicate stays locked: somebody else locked it. */
	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(drm_exec_lock_obj(&exec, objects[0]), ==, 0);
		ASSERT_WARNS(err = drm_exec_prepare_obj(&exec, objects[0], 0), "for no fence");
		ASSERT_INT(err, ==, -EINVAL);
		ASSERT_TRUE(dma_resv_held(objects[0]->resv));
	}
	drm_exec_fini(&exec);
	things_fini(things, 2);
}

#define MANY (3 * DRM_EXEC_FEW)

/* Lock and prepare all; @err is the first error. */
static int prepare_many(struct drm_exec *exec, struct thing *things)
{
	int err = 0;

	drm_exec_until_all_locked(exec) {
		for (unsigned int i = 0; i < MANY; i++) {
			err = drm_exec_prepare_obj(exec, &things[i].base, 2);
			drm_exec_retry_on_contention(exec);
			if (err)
				return err;
		}
	}
	return 0;
}

/* Fail each fallible call in turn: what was locked stays, and fini gives all back. */
static void prepare_with_faults(unsigned int nr)
{
	unsigned int survived = 0; /* without memory for the hint it grows without */
	struct thing things[MANY];
	bool failed = true;

	things_init(things, MANY);
	for (unsigned int nth = 1; failed; nth++) {
		struct test_resources before = test_resources();
		struct drm_exec exec;
		unsigned int held = 0;
		int err;

		drm_exec_init(&exec, 0, nr);
		os_fault_arm(nth);
		err = prepare_many(&exec, things);
		failed = os_fault_disarm();
		survived += failed && !err;
		ASSERT_TRUE(!err || (failed && err == -ENOMEM));
		for (unsigned int i = 0; i < MANY; i++)
			held += dma_resv_held(things[i].base.resv);
		ASSERT_INT(held, ==, exec.num_objects);
		ASSERT_TRUE(err ? held < MANY : held == MANY);
		ASSERT_TRUE(failed || exec.max_objects == (nr ? nr : 4 * DRM_EXEC_FEW));
		drm_exec_fini(&exec);
		ASSERT_RESOURCES(before);
	}
	ASSERT_INT(survived, ==, nr != 0);
	things_fini(things, MANY);
}

TEST(prepare_unwinds_from_every_failure)
{
	prepare_with_faults(0);
	prepare_with_faults(MANY);
}

/*
 * The contract.
 */

TEST(locking_before_the_loop_aborts_and_after_it_warns)
{
	struct thing things[1];
	struct drm_exec exec;

	things_init(things, 1);
	drm_exec_init(&exec, 0, 0);
	ASSERT_DEATH((void)!drm_exec_lock_obj(&exec, &things[0].base), "use drm_exec_until_all_locked()");
	ASSERT_DEATH((void)!drm_exec_prepare_resv(&exec, things[0].base.resv, 1),
		     "use drm_exec_until_all_locked()");
	drm_exec_until_all_locked(&exec)
		;
	ASSERT_WARNS(ASSERT_INT(drm_exec_lock_obj(&exec, &things[0].base), ==, 0), "locks again");
	drm_exec_fini(&exec);
	things_fini(things, 1);
}

TEST(an_object_without_references_is_not_taken)
{
	struct thing thing;

	things_init(&thing, 1);
	drm_gem_object_put(&thing.base);
	ASSERT_DEATH(drm_gem_object_get(&thing.base), "hold one while you take another");
	ASSERT_DEATH(drm_gem_object_put(&thing.base), "one too many");
}
