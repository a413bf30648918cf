/* SPDX-License-Identifier: MIT */
/*
 * What the rules know of threads: one that ends, one that does what another did before, one
 * with little room.
 */
#include "rules.h"

#include <dmabuf/dma-resv.h>

#include <pthread.h>

#include "../fence/fences.h"

#define MOMENT 1

static lock_kind queues = { .name = "queue" };
static lock_kind others = { .name = "other" };

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
	in_thread(wait_under_lock, &scene); /* of which no more is learnt */
	ASSERT_REPORTED(signal_under_lock(&scene), "D010", "signal_under_lock", "wait_under_lock");
	dma_fence_put(scene.fence);
}

/*
 * Many at one place.
 */

STEP void wait_under_lock_elsewhere(void *scene)
{
	wait_under_lock(scene);
	STAYS;
}

TEST(place_that_meets_two_others_is_reported_for_each)
{
	static void (*const wait[])(void *scene) = { wait_under_lock, wait_under_lock_elsewhere };
	static const char lock;

	reports_begin();
	for (volatile unsigned int i = 0; i < 4; i++) { /* not unrolled: one place, not four */
		struct scene scene = { make_fence(), &lock };

		in_thread(wait[i % 2], &scene);
		signal_under_lock(&scene);
		dma_fence_put(scene.fence);
	}
	reports_end();
	ASSERT_INT(reports.count, ==, 2);
}

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

/*
 * Ends.
 */

static struct {
	pthread_key_t late; /* its destructor runs after the library's */
	pthread_mutex_t mutex;
	bool held, wanted; /* atomic */
} kept = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void drop_late(void *unused)
{
	(void)unused;
	WAIT_UNTIL(load_acquire(&kept.wanted));
	drop(&kept.mutex);
	pthread_mutex_unlock(&kept.mutex);
}

static void take_and_end(void *unused)
{
	(void)unused;
	take(&queues, &kept.mutex);
	pthread_mutex_lock(&kept.mutex);
	pthread_setspecific(kept.late, &kept);
	store_release(&kept.held, true);
}

static void want_it(void *unused)
{
	(void)unused;
	WAIT_UNTIL(load_acquire(&kept.held));
	take(&queues, &kept.mutex);
	store_release(&kept.wanted, true);
	pthread_mutex_lock(&kept.mutex);
	drop(&kept.mutex);
	pthread_mutex_unlock(&kept.mutex);
}

TEST(lock_that_a_thread_drops_in_its_last_moments_is_not)
{
	struct test_thread *threads[2];

	take(&others, &others);
	drop(&others); /* so that the library has seen threads before */
	ASSERT_INT(pthread_key_create(&kept.late, drop_late), ==, 0);
	threads[0] = test_thread_start(take_and_end, NULL);
	threads[1] = test_thread_start(want_it, NULL);
	test_thread_join(threads[0]);
	test_thread_join(threads[1]);
	pthread_key_delete(kept.late);
}

/*
 * Little room.
 */

enum { STACK = 256 << 10, REPORT = 12 << 10 };

static _Alignas(4096) unsigned char stack[STACK];

static void *do_much(void *arg)
{
	struct dma_fence *fence = arg;
	static const char locks[2];
	struct dma_resv resv;

	take(&others, &locks[0]);
	dma_resv_init(&resv);
	ASSERT_INT(dma_resv_lock(&resv, NULL), ==, 0);
	take(&queues, &locks[1]);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, MOMENT), ==, 0);
	dma_fence_put(dma_fence_get(fence));
	drop(&locks[1]);
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
	drop(&locks[0]);
	return NULL;
}

static void *do_nothing(void *unused)
{
	return unused;
}

static size_t stack_used_by(void *(*func)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	size_t unused = 0;

	memset(stack, 0x5a, sizeof(stack));
	pthread_attr_init(&attr);
	ASSERT_INT(pthread_attr_setstack(&attr, stack, sizeof(stack)), ==, 0);
	ASSERT_INT(pthread_create(&thread, &attr, func, arg), ==, 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	while (stack[unused] == 0x5a)
		unused++;
	return sizeof(stack) - unused;
}

/* Reports take more, but not what is never reported. */
TEST(thread_that_breaks_no_rule_needs_little_stack)
{
	struct dma_fence *fence;
	size_t least;

	if (TEST_SANITIZED)
		test_skip();
	fence = make_fence();
	least = stack_used_by(do_nothing, NULL);
	ASSERT_INT(stack_used_by(do_much, fence), <, least + REPORT);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/*
 * Reservations of one context.
 */

struct three {
	struct dma_fence *fence;
	struct dma_resv first, second;
	const char *lock;
};

STEP void take_inside_both(struct three *three)
{
	struct ww_acquire_ctx ctx;

	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock(&three->first, &ctx), ==, 0);
	ASSERT_INT(dma_resv_lock(&three->second, &ctx), ==, 0);
	take(&queues, three->lock);
	drop(three->lock);
	dma_resv_unlock(&three->second);
	dma_resv_unlock(&three->first);
	ww_acquire_fini(&ctx);
	STAYS;
}

STEP void wait_under_their_lock(void *arg)
{
	struct three *three = arg;

	take(&queues, three->lock);
	ASSERT_INT(dma_fence_wait_timeout(three->fence, false, MOMENT), ==, 0);
	drop(three->lock);
	STAYS;
}

STEP void signal_under_second(struct three *three)
{
	ASSERT_INT(dma_resv_lock(&three->second, NULL), ==, 0);
	dma_fence_signal(three->fence);
	dma_resv_unlock(&three->second);
	STAYS;
}

/* The signaller needs the second, whose holder needs the lock, under which somebody waits. */
TEST(lock_inside_the_second_of_a_context_is_reported)
{
	static const char lock;
	struct three three = { .fence = make_fence(), .lock = &lock };

	dma_resv_init(&three.first);
	dma_resv_init(&three.second);
	in_thread(wait_under_their_lock, &three);
	signal_under_second(&three);
	ASSERT_REPORTED(take_inside_both(&three), "D010", "take_inside_both");
	dma_resv_fini(&three.first);
	dma_resv_fini(&three.second);
	dma_fence_put(three.fence);
}
