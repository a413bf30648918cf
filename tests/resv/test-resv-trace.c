/* SPDX-License-Identifier: MIT */
/* Events of reservations: the lock on every path, and what a commit shows. */
#define _GNU_SOURCE
#include <dmabuf/dma-resv.h>
#include <dmabuf/drm-exec.h>
#include <errno.h>

#include "recorder.h"
#include "view.h"
#include "ww-actor.h"

static struct recorder heard;

static void assert_is(const struct dmabuf_trace *trace, const struct dma_resv *obj, int64_t value)
{
	ASSERT_PTR(trace->resv, ==, obj);
	ASSERT_INT(trace->value, ==, value);
	ASSERT_PTR(trace->fence, ==, NULL);
	ASSERT_PTR(trace->dmabuf, ==, NULL);
}

/*
 * The lock.
 */

static void lock_in_every_way(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(dma_resv_lock(obj, NULL), ==, 0);
	dma_resv_unlock(obj);
	ASSERT_TRUE(dma_resv_trylock(obj));
	dma_resv_unlock(obj);
	ASSERT_INT(dma_resv_lock_interruptible(obj, ctx), ==, 0);
	ASSERT_INT(dma_resv_lock(obj, ctx), ==, -EALREADY);
	dma_resv_unlock(obj);
	ww_after_deadlock(&obj->lock, ctx);
	dma_resv_lock_slow(obj, ctx);
	dma_resv_unlock(obj);
	ww_after_deadlock(&obj->lock, ctx);
	ASSERT_INT(dma_resv_lock_slow_interruptible(obj, ctx), ==, 0);
	dma_resv_unlock(obj);
}

TEST(lock_and_unlock_are_heard_in_every_variant)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv obj;

	dma_resv_init(&obj);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_STORY(&heard, lock_in_every_way(&obj, &ctx),
		     "resv_lock resv_unlock resv_lock resv_unlock resv_lock resv_unlock "
		     "resv_lock resv_unlock resv_lock resv_unlock");
	for (unsigned int i = 0; i < heard.n; i++)
		assert_is(&heard.heard[i], &obj, 0);
	ww_acquire_fini(&ctx);
	dma_resv_fini(&obj);
}

static void check_held(const struct dmabuf_trace *trace, void *unused)
{
	(void)unused;
	ASSERT_INT(dma_resv_held(trace->resv), ==, trace->event != DMABUF_TRACE_RESV_CONTENDED);
}

TEST(the_lock_is_held_when_it_is_heard)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(dmabuf_set_trace_hook(check_held, NULL), ==, 0);
	add_alone(&obj, fence, WRITE);
	recorder_end();
	dma_resv_fini(&obj);
	dma_fence_put(fence);
}

TEST(a_trylock_that_fails_is_not_heard)
{
	struct actor actor;
	struct dma_resv obj;

	dma_resv_init(&obj);
	actor_start(&actor, NULL);
	ASSERT_INT(dma_resv_lock(&obj, NULL), ==, 0);
	recorder_begin(&heard);
	ASSERT_INT(actor_do(&actor, ACT_TRYLOCK, &obj.lock), ==, 0);
	recorder_end();
	ASSERT_INT(heard.n, ==, 0);
	dma_resv_unlock(&obj);
	actor_quit(&actor);
	dma_resv_fini(&obj);
}

TEST(contention_is_heard_before_the_wait_and_the_lock_after_it)
{
	struct actor actor;
	struct dma_resv obj;

	dma_resv_init(&obj);
	actor_start(&actor, NULL);
	ASSERT_INT(dma_resv_lock(&obj, NULL), ==, 0);
	recorder_begin(&heard);
	actor_begin_waiting(&actor, ACT_LOCK, &obj.lock, 1);
	ASSERT_STR(recorder_story(&heard), "resv_contended");
	dma_resv_unlock(&obj);
	ASSERT_INT(actor_end(&actor), ==, 0);
	ASSERT_INT(actor_do(&actor, ACT_UNLOCK, &obj.lock), ==, 0);
	recorder_end();
	ASSERT_STR(recorder_story(&heard), "resv_contended resv_unlock resv_lock resv_unlock");
	for (unsigned int i = 0; i < heard.n; i++)
		assert_is(&heard.heard[i], &obj, 0);
	actor_quit(&actor);
	dma_resv_fini(&obj);
}

static void do_nothing(int signo)
{
	(void)signo;
}

TEST(a_lock_that_is_given_up_is_heard_with_its_error)
{
	const struct sigaction action = { .sa_handler = do_nothing };
	struct actor older, younger;
	struct sigaction before;
	struct dma_resv obj[2];

	sigaction(SIGUSR1, &action, &before);
	dma_resv_init(&obj[0]);
	dma_resv_init(&obj[1]);
	actor_start(&older, &reservation_ww_class);
	actor_start(&younger, &reservation_ww_class);
	ASSERT_INT(actor_do(&older, ACT_LOCK, &obj[0].lock), ==, 0);
	ASSERT_INT(actor_do(&younger, ACT_LOCK, &obj[1].lock), ==, 0);
	recorder_begin(&heard);
	ASSERT_INT(actor_do(&younger, ACT_LOCK, &obj[0].lock), ==, -EDEADLK);
	recorder_end();
	ASSERT_STR(recorder_story(&heard), "resv_contended resv_lock");
	assert_is(&heard.heard[1], &obj[0], -EDEADLK);

	ASSERT_INT(actor_do(&younger, ACT_UNLOCK, &obj[1].lock), ==, 0);
	recorder_begin(&heard);
	actor_begin_waiting(&younger, ACT_SLOW_INTR, &obj[0].lock, 1);
	ASSERT_INT(actor_interrupt(&younger), ==, -EINTR);
	recorder_end();
	ASSERT_STR(recorder_story(&heard), "resv_contended resv_lock");
	assert_is(&heard.heard[1], &obj[0], -EINTR);

	ASSERT_INT(actor_do(&older, ACT_UNLOCK, &obj[0].lock), ==, 0);
	actor_quit(&older);
	actor_quit(&younger);
	sigaction(SIGUSR1, &before, NULL);
	dma_resv_fini(&obj[0]);
	dma_resv_fini(&obj[1]);
}

static DEFINE_WD_CLASS(another_class);

static void lock_another(void)
{
	struct ww_mutex lock;

	ww_mutex_init(&lock, &another_class);
	ASSERT_INT(ww_mutex_lock(&lock, NULL), ==, 0);
	ww_mutex_unlock(&lock);
	ww_mutex_destroy(&lock);
}

TEST(mutexes_that_are_no_reservation_are_not_heard)
{
	ASSERT_STORY(&heard, lock_another(), "");
}

static void lock_with_drm_exec(struct dma_resv *obj)
{
	struct drm_exec exec;
	int err = 0;

	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked (&exec) {
		err = drm_exec_lock_resv(&exec, obj);
		drm_exec_retry_on_contention(&exec);
	}
	ASSERT_INT(err, ==, 0);
	drm_exec_fini(&exec);
}

TEST(what_drm_exec_locks_is_heard)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_STORY(&heard, lock_with_drm_exec(&obj), "resv_lock resv_unlock");
	dma_resv_fini(&obj);
}

/*
 * Commits: how many fences show that did not.
 */

#define FENCES 12

struct scene {
	struct dma_resv obj;
	struct dma_fence *fence[FENCES];
};

static void begin_scene(struct scene *scene)
{
	dma_resv_init(&scene->obj);
	for (unsigned int i = 0; i < FENCES; i++)
		scene->fence[i] = mock_lone();
}

static void end_scene(struct scene *scene)
{
	dma_resv_fini(&scene->obj);
	for (unsigned int i = 0; i < FENCES; i++)
		dma_fence_put(scene->fence[i]);
}

/* Add fences @from to @to, and say how many the commit was heard to show: 0: not heard. */
static int64_t commit_of(struct scene *scene, unsigned int from, unsigned int to)
{
	struct dma_resv *obj = &scene->obj;

	ASSERT_INT(dma_resv_lock(obj, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(obj, FENCES), ==, 0);
	for (unsigned int i = from; i < to; i++)
		dma_resv_add_fence(obj, scene->fence[i], READ);
	recorder_begin(&heard);
	dma_resv_commit(obj);
	recorder_end();
	dma_resv_unlock(obj);
	if (!heard.n)
		return 0;
	ASSERT_STR(recorder_story(&heard), "resv_commit");
	ASSERT_PTR(heard.heard[0].resv, ==, obj);
	return heard.heard[0].value;
}

TEST(a_commit_says_how_many_fences_show)
{
	struct scene scene;

	begin_scene(&scene);
	ASSERT_INT(commit_of(&scene, 0, 0), ==, 0); /* nothing */
	ASSERT_INT(commit_of(&scene, 0, 1), ==, 1); /* a word */
	ASSERT_INT(commit_of(&scene, 0, 1), ==, 0); /* the same */
	ASSERT_INT(commit_of(&scene, 1, 3), ==, 2); /* a log, with that one carried over */
	ASSERT_INT(commit_of(&scene, 3, 7), ==, 4); /* in place */
	dma_fence_signal(scene.fence[1]);
	dma_fence_signal(scene.fence[4]);
	ASSERT_INT(commit_of(&scene, 7, 12), ==, 5); /* and wherever it has to grow */
	end_scene(&scene);
}

/* Grow again and again inside one section. */
TEST(a_commit_counts_across_compactions)
{
	struct scene scene;

	begin_scene(&scene);
	ASSERT_INT(commit_of(&scene, 0, 2), ==, 2);
	ASSERT_INT(dma_resv_lock(&scene.obj, NULL), ==, 0);
	for (unsigned int i = 2; i < FENCES; i++) {
		ASSERT_INT(dma_resv_reserve_fences(&scene.obj, 1), ==, 0);
		dma_resv_add_fence(&scene.obj, scene.fence[i], WRITE);
	}
	recorder_begin(&heard);
	dma_resv_unlock(&scene.obj);
	recorder_end();
	ASSERT_STR(recorder_story(&heard), "resv_commit resv_unlock");
	ASSERT_INT(heard.heard[0].value, ==, FENCES - 2);
	end_scene(&scene);
}

static void prune(struct dma_resv *obj)
{
	ASSERT_INT(dma_resv_lock(obj, NULL), ==, 0);
	dma_resv_prune_fences(obj);
	dma_resv_unlock(obj);
}

TEST(what_takes_fences_away_shows_none)
{
	struct scene scene;

	begin_scene(&scene);
	ASSERT_INT(commit_of(&scene, 0, 6), ==, 6);
	dma_fence_signal(scene.fence[0]);
	ASSERT_STORY(&heard, prune(&scene.obj), "resv_lock resv_unlock"); /* a log is left */
	for (unsigned int i = 0; i < 5; i++)
		dma_fence_signal(scene.fence[i]);
	ASSERT_STORY(&heard, prune(&scene.obj), "resv_lock resv_unlock"); /* one is left */
	dma_fence_signal(scene.fence[5]);
	ASSERT_STORY(&heard, prune(&scene.obj), "resv_lock resv_unlock"); /* nothing */
	end_scene(&scene);
}

static void replace_first(struct scene *scene)
{
	ASSERT_INT(dma_resv_lock(&scene->obj, NULL), ==, 0);
	ASSERT_INT(dma_resv_replace_fences(&scene->obj, scene->fence[0]->context, scene->fence[9],
					   READ), ==, 0);
	dma_resv_unlock(&scene->obj);
}

static void set_to_nothing(struct scene *scene)
{
	ASSERT_INT(dma_resv_lock(&scene->obj, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(&scene->obj, 1), ==, 0);
	dma_resv_fences_set(&scene->obj, &scene->obj.fences, NULL, READ);
	dma_resv_unlock(&scene->obj);
}

TEST(replacing_shows_one_and_setting_to_nothing_none)
{
	struct scene scene;

	begin_scene(&scene);
	ASSERT_INT(commit_of(&scene, 0, 3), ==, 3);
	ASSERT_STORY(&heard, replace_first(&scene), "resv_lock resv_commit resv_unlock");
	ASSERT_INT(heard.heard[1].value, ==, 1);
	ASSERT_STORY(&heard, set_to_nothing(&scene), "resv_lock resv_unlock");
	end_scene(&scene);
}
