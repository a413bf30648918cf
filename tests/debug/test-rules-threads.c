/* SPDX-License-Identifier: MIT */
/*
 * What the rules know of threads: one that ends, one that does what another did before, one
 * with little room.
 */
#include "rules.h"

#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"

#define MOMENT 1

static lock_kind queues = { .name = "queue" };

/*
 * Two that do the same.
 */

struct scene {
	struct dma_fence *fence;
	const char *lock;
};

STEP void wait_under_lock(void *arg)
{
	struct scene *scene = arg;

	take(&queues, scene->lock);
	ASSERT_INT(dma_fence_wait_timeout(scene->fence, false, MOMENT), ==, 0);
	drop(scene->lock);
	STAYS;
}

STEP void signal_under_lock(struct scene *scene)
{
	take(&queues, scene->lock);
	dma_fence_signal(scene->fence);
	drop(scene->lock);
	STAYS;
}

TEST(signaller_that_waited_itself_before_another_did_is_reported)
{
	static const char lock;
	struct scene scene = { make_fence(), &lock };

	wait_under_lock(&scene);
	in_thread(wait_under_lock, &scene);
	ASSERT_REPORTED(signal_under_lock(&scene), "D010", "signal_under_lock", "wait_under_lock");
	dma_fence_put(scene.fence);
}

/*
 * Many at one place.
 */

TEST(place_is_reported_once_for_many_fences)
{
	static const char lock;

	reports_begin();
	for (unsigned int i = 0; i < 20; i++) {
		struct scene scene = { make_fence(), &lock };

		in_thread(wait_under_lock, &scene);
		signal_under_lock(&scene);
		dma_fence_put(scene.fence);
	}
	reports_end();
	ASSERT_INT(reports.count, ==, 1);
}
