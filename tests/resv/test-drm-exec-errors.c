/* SPDX-License-Identifier: MIT */
/* drm_exec: each way of locking returns each of its errors. */
#include "harness.h"

#include <dmabuf/drm-exec.h>
#include <errno.h>

#include "pest.h"
#include "resv/ww-mutex-internal.h"

/* The ways of locking, as one type. Two fences: one alone would need no memory. */

static int lock_obj(struct drm_exec *exec, struct drm_gem_object *obj)
{
	return drm_exec_lock_obj(exec, obj);
}

static int lock_resv(struct drm_exec *exec, struct drm_gem_object *obj)
{
	return drm_exec_lock_resv(exec, obj->resv);
}

static int prepare_obj(struct drm_exec *exec, struct drm_gem_object *obj)
{
	return drm_exec_prepare_obj(exec, obj, 2);
}

static int prepare_array(struct drm_exec *exec, struct drm_gem_object *obj)
{
	return drm_exec_prepare_array(exec, &obj, 1, 2);
}

static int prepare_resv(struct drm_exec *exec, struct drm_gem_object *obj)
{
	return drm_exec_prepare_resv(exec, obj->resv, 2);
}

typedef int (*way_func)(struct drm_exec *exec, struct drm_gem_object *obj);

static const way_func ways[] = { lock_obj, lock_resv, prepare_obj, prepare_array, prepare_resv };

#define WAYS (sizeof(ways) / sizeof(ways[0]))
#define MANY (DRM_EXEC_FEW + 1)

static void kept(struct drm_gem_object *obj)
{
	drm_gem_object_release(obj);
}

static void begin(struct drm_gem_object *objects, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		drm_gem_object_init(&objects[i], NULL, kept);
}

static void end(struct drm_gem_object *objects, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		drm_gem_object_put(&objects[i]);
}

TEST(each_way_of_locking_takes_what_is_free_and_refuses_what_it_has)
{
	for (unsigned int way = 0; way < WAYS; way++) {
		struct drm_gem_object object;
		struct drm_exec exec;

		begin(&object, 1);
		drm_exec_init(&exec, 0, 0);
		drm_exec_until_all_locked(&exec) {
			ASSERT_INT(ways[way](&exec, &object), ==, 0);
			ASSERT_INT(ways[way](&exec, &object), ==, -EALREADY);
		}
		drm_exec_fini(&exec);
		end(&object, 1);
	}
}

TEST(each_way_of_locking_says_that_it_was_contended)
{
	for (unsigned int way = 0; way < WAYS; way++) {
		struct drm_gem_object objects[2];
		unsigned int rounds = 0;
		struct drm_exec exec;

		begin(objects, 2);
		drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
		ww_mutex_inject_deadlocks(true);
		drm_exec_until_all_locked(&exec) {
			ASSERT_INT(ways[way](&exec, &objects[0]), ==, 0);
			ASSERT_FALSE(drm_exec_is_contended(&exec));
			if (!rounds++) {
				ASSERT_INT(ways[way](&exec, &objects[1]), ==, -EDEADLK);
				ASSERT_TRUE(drm_exec_is_contended(&exec));
				ww_mutex_inject_deadlocks(false);
			}
			drm_exec_retry_on_contention(&exec);
		}
		ASSERT_INT(rounds, ==, 2);
		drm_exec_fini(&exec);
		end(objects, 2);
	}
}

TEST(each_way_of_locking_is_ended_by_a_signal)
{
	for (unsigned int way = 0; way < WAYS; way++) {
		struct drm_gem_object objects[2];
		struct test_thread *thread;
		struct drm_exec exec;
		struct pest pest;

		begin(objects, 2);
		thread = pest_start(&pest, objects[1].resv);
		drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 0);
		drm_exec_until_all_locked(&exec) {
			ASSERT_INT(ways[way](&exec, &objects[0]), ==, 0);
			ASSERT_INT(ways[way](&exec, &objects[1]), ==, -EINTR);
		}
		ASSERT_TRUE(dma_resv_held(objects[0].resv));
		pest_stop(&pest, thread);
		drm_exec_fini(&exec);
		end(objects, 2);
	}
}

/* The table of what is locked is full, and cannot grow. */
TEST(each_way_of_locking_may_lack_memory)
{
	for (unsigned int way = 0; way < WAYS; way++) {
		struct drm_gem_object objects[MANY];
		struct drm_exec exec;

		begin(objects, MANY);
		drm_exec_init(&exec, 0, 0);
		drm_exec_until_all_locked(&exec) {
			for (unsigned int i = 0; i < MANY - 1; i++)
				ASSERT_INT(ways[way](&exec, &objects[i]), ==, 0);
			os_fault_arm(1);
			ASSERT_INT(ways[way](&exec, &objects[MANY - 1]), ==, -ENOMEM);
			ASSERT_TRUE(os_fault_disarm());
		}
		ASSERT_FALSE(dma_resv_is_locked(objects[MANY - 1].resv));
		drm_exec_fini(&exec);
		end(objects, MANY);
	}
}

TEST(each_way_of_preparing_may_lack_memory_for_fences)
{
	for (unsigned int way = 2; way < WAYS; way++) {
		struct drm_gem_object object;
		struct drm_exec exec;

		begin(&object, 1);
		drm_exec_init(&exec, 0, 0);
		drm_exec_until_all_locked(&exec) {
			os_fault_arm(1);
			ASSERT_INT(ways[way](&exec, &object), ==, -ENOMEM);
			ASSERT_TRUE(os_fault_disarm());
		}
		ASSERT_FALSE(dma_resv_is_locked(object.resv));
		drm_exec_fini(&exec);
		end(&object, 1);
	}
}

TEST(preparing_for_no_fence_warns_and_unlocks)
{
	struct drm_gem_object object, *objects = &object;
	struct drm_exec exec;

	begin(&object, 1);
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		ASSERT_WARNS(ASSERT_INT(drm_exec_prepare_array(&exec, &objects, 1, 0), ==, -EINVAL),
			     "for no fence");
		ASSERT_WARNS(ASSERT_INT(drm_exec_prepare_resv(&exec, object.resv, 0), ==, -EINVAL),
			     "for no fence");
	}
	ASSERT_FALSE(dma_resv_is_locked(object.resv));
	drm_exec_fini(&exec);
	end(&object, 1);
}

/*
 * What the macros stand on.
 */

TEST(cleanup_says_true_at_first_and_false_when_all_is_locked)
{
	struct drm_exec exec;

	drm_exec_init(&exec, 0, 0);
	ASSERT_TRUE(drm_exec_cleanup(&exec));
	ASSERT_FALSE(drm_exec_cleanup(&exec));
	drm_exec_fini(&exec);
}

TEST(a_reservation_by_itself_is_no_object_to_find)
{
	struct drm_gem_object object;
	struct drm_exec exec;
	unsigned long index = 0;

	begin(&object, 1);
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec)
		ASSERT_INT(drm_exec_lock_resv(&exec, object.resv), ==, 0);
	ASSERT_PTR(drm_exec_obj(&exec, 0), ==, NULL);
	ASSERT_PTR(drm_exec_seek_obj(&exec, &index, 1), ==, NULL);
	ASSERT_INT(index, ==, 1);
	drm_exec_fini(&exec);
	end(&object, 1);
}
