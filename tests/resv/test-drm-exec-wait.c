/* SPDX-License-Identifier: MIT */
/* drm_exec between threads: signals, and many jobs over the same reservations. */
#include "harness.h"

#include <dmabuf/drm-exec.h>
#include <errno.h>

#include "pest.h"
#include "resv/ww-mutex-internal.h"

TEST(a_signal_ends_the_wait_for_a_lock)
{
	struct dma_resv resv[2];
	struct test_thread *thread;
	struct drm_exec exec;
	struct pest pest;
	int err = 0;

	dma_resv_init(&resv[0]);
	dma_resv_init(&resv[1]);
	thread = pest_start(&pest, &resv[1]);
	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 0);
	drm_exec_until_all_locked(&exec) {
		ASSERT_INT(drm_exec_lock_resv(&exec, &resv[0]), ==, 0);
		err = drm_exec_lock_resv(&exec, &resv[1]);
		drm_exec_retry_on_contention(&exec);
	}
	ASSERT_INT(err, ==, -EINTR);
	ASSERT_TRUE(dma_resv_held(&resv[0]));
	pest_stop(&pest, thread);
	drm_exec_fini(&exec);
	dma_resv_fini(&resv[0]);
	dma_resv_fini(&resv[1]);
}

TEST(a_signal_ends_the_wait_for_a_contended_lock)
{
	struct test_thread *thread = NULL;
	struct dma_resv resv[2];
	struct drm_exec exec;
	struct pest pest;
	int err = 0;

	dma_resv_init(&resv[0]);
	dma_resv_init(&resv[1]);
	drm_exec_init(&exec, DRM_EXEC_INTERRUPTIBLE_WAIT, 0);
	ww_mutex_inject_deadlocks(true);
	drm_exec_until_all_locked(&exec) {
		err = drm_exec_lock_resv(&exec, &resv[0]);
		if (err)
			break;
		err = drm_exec_lock_resv(&exec, &resv[1]);
		ASSERT_INT(err, ==, -EDEADLK);
		thread = pest_start(&pest, &resv[1]);
		drm_exec_retry_on_contention(&exec);
	}
	ww_mutex_inject_deadlocks(false);
	ASSERT_INT(err, ==, -EINTR);
	ASSERT_FALSE(drm_exec_is_contended(&exec));
	ASSERT_INT(exec.num_objects, ==, 0);
	pest_stop(&pest, thread);
	drm_exec_fini(&exec);
	dma_resv_fini(&resv[0]);
	dma_resv_fini(&resv[1]);
}

/*
 * Torture.
 */

#define RESVS 10
#define THREADS 4

struct torture {
	struct dma_resv resv[RESVS];
	unsigned long count[RESVS]; /* plain: each under its lock */
	unsigned long total;        /* atomic: what count[] must add up to */
	unsigned int rounds;
};

static void job(struct torture *t, uint32_t *chance)
{
	const unsigned int n = 1 + test_random(chance) % RESVS;
	unsigned int order[RESVS];
	struct drm_exec exec;
	struct dma_resv *resv;
	unsigned long index;

	for (unsigned int i = 0; i < RESVS; i++) {
		const unsigned int j = test_random(chance) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, n);
	drm_exec_until_all_locked(&exec) {
		for (unsigned int i = 0; i < n; i++) {
			const int err = drm_exec_lock_resv(&exec, &t->resv[order[i]]);

			drm_exec_retry_on_contention(&exec);
			ASSERT_INT(err, ==, 0);
		}
	}
	ASSERT_INT(exec.num_objects, ==, n);
	drm_exec_for_each_locked_resv(&exec, index, resv)
		t->count[resv - t->resv]++;
	drm_exec_fini(&exec);
	test_operation();
	fetch_add_relaxed(&t->total, n);
}

static void work(unsigned int index, void *arg)
{
	struct torture *t = arg;
	uint32_t chance = test_thread_seed();

	(void)index;
	for (unsigned int i = 0; i < t->rounds; i++)
		job(t, &chance);
}

TORTURE(jobs_over_the_same_reservations_all_end)
{
	struct torture t = { .rounds = test_rounds(2000) };

	for (unsigned int i = 0; i < RESVS; i++)
		dma_resv_init(&t.resv[i]);
	test_race_begin();
	ww_mutex_inject_deadlocks(true);
	test_threads(THREADS, work, &t);
	ww_mutex_inject_deadlocks(false);
	test_race_end();
	for (unsigned int i = 0; i < RESVS; i++) {
		dma_resv_fini(&t.resv[i]);
		t.total -= t.count[i];
	}
	ASSERT_INT(t.total, ==, 0);
}
