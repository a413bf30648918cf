/* SPDX-License-Identifier: MIT */
/*
 * What naive checkers take for wrong, and is not: all of this runs clean. Most of it has other
 * threads that do their part, or memory that is used again for another thing.
 */
#include "rules.h"

#include <dmabuf/dmabuf.h>

#include "../buf/importers.h"
#include "../fence/fences.h"
#include "resv/ww-mutex-internal.h"

#define MOMENT 1

/*
 * Reservations.
 */

enum { MANY = 200 };

TEST(many_reservations_under_one_context)
{
	static struct dma_resv all[MANY];
	static lock_kind outside = { .name = "outside" }, inside = { .name = "inside" };
	static const char locks[2];
	struct dma_fence *fence = make_fence();
	struct ww_acquire_ctx ctx;
	uint32_t random = test_seed();

	for (unsigned int i = 0; i < MANY; i++)
		dma_resv_init(&all[i]);
	for (unsigned int rounds = 0; rounds < 3; rounds++) {
		ww_acquire_init(&ctx, &reservation_ww_class);
		take(&outside, &locks[0]);
		for (unsigned int i = 0; i < MANY; i++) {
			struct dma_resv *resv = &all[test_random(&random) % MANY];
			const int err = dma_resv_lock(resv, &ctx);

			ASSERT_TRUE(!err || err == -EALREADY);
			take(&inside, &locks[1]);
			drop(&locks[1]);
		}
		ASSERT_INT(dma_fence_wait_timeout(fence, false, MOMENT), ==, 0);
		for (unsigned int i = 0; i < MANY; i++) {
			if (dma_resv_held(&all[i]))
				dma_resv_unlock(&all[i]);
		}
		drop(&locks[0]);
		ww_acquire_fini(&ctx);
	}
	for (unsigned int i = 0; i < MANY; i++)
		dma_resv_fini(&all[i]);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

TEST(trylock_in_any_order)
{
	struct dma_resv resv[3];

	for (unsigned int i = 0; i < 3; i++)
		dma_resv_init(&resv[i]);
	for (unsigned int first = 0; first < 3; first++) {
		ASSERT_INT(dma_resv_lock(&resv[first], NULL), ==, 0);
		for (unsigned int i = 0; i < 3; i++)
			ASSERT_INT(dma_resv_trylock(&resv[i]), ==, i != first);
		for (unsigned int i = 0; i < 3; i++)
			dma_resv_unlock(&resv[i]);
	}
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_fini(&resv[i]);
}

static void no_free(struct drm_gem_object *obj)
{
	(void)obj;
}

TEST(objects_that_share_their_parents_reservation)
{
	struct drm_gem_object parent, children[2];
	struct drm_exec exec;

	drm_gem_object_init(&parent, NULL, no_free);
	for (unsigned int i = 0; i < 2; i++)
		drm_gem_object_init(&children[i], parent.resv, no_free);
	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&exec) {
		for (unsigned int i = 0; i < 2; i++)
			ASSERT_INT(drm_exec_prepare_obj(&exec, &children[i], 1), ==, 0);
		ASSERT_INT(drm_exec_prepare_obj(&exec, &parent, 1), ==, 0);
	}
	drm_exec_fini(&exec);
	for (unsigned int i = 0; i < 2; i++)
		drm_gem_object_release(&children[i]);
	drm_gem_object_release(&parent);
}

TEST(buffers_that_share_a_reservation)
{
	struct dma_buf_attachment *attachments[2];
	struct fake fakes[2];
	struct dma_resv resv;

	dma_resv_init(&resv);
	for (unsigned int i = 0; i < 2; i++) {
		struct dma_buf_export_info info;

		fake_init(&fakes[i], i ? FAKE_DYNAMIC : FAKE_STATIC);
		info = fake_info(&fakes[i]);
		info.resv = &resv;
		fakes[i].dmabuf = dma_buf_export(&info);
		attachments[i] = attach_dynamic(fakes[i].dmabuf, &notified);
	}
	ASSERT_INT(dma_resv_lock(&resv, NULL), ==, 0);
	for (unsigned int i = 0; i < 2; i++)
		dma_buf_unmap_attachment(attachments[i], map(attachments[i], DMA_TO_DEVICE),
					 DMA_TO_DEVICE);
	dma_resv_unlock(&resv);
	for (unsigned int i = 0; i < 2; i++) {
		dma_buf_detach(fakes[i].dmabuf, attachments[i]);
		dma_buf_put(fakes[i].dmabuf);
	}
	dma_resv_fini(&resv);
}

static struct drm_gem_object contended[4];

/* Each in an order of its own, so that they back off, with a lock of each thread's around. */
static void lock_all(unsigned int index, void *arg)
{
	static lock_kind kind = { .name = "job" };
	static const char jobs[4];

	(void)arg;
	for (unsigned int rounds = test_rounds(400); rounds; rounds--) {
		struct drm_exec exec;

		take(&kind, &jobs[index]);
		drm_exec_init(&exec, 0, 0);
		drm_exec_until_all_locked(&exec) {
			for (unsigned int i = 0; i < 4; i++) {
				const int err = drm_exec_prepare_obj(
					&exec, &contended[(i * (index % 2 ? 1 : 3) + index) % 4], 1);

				drm_exec_retry_on_contention(&exec);
				ASSERT_INT(err, ==, 0);
			}
		}
		drm_exec_fini(&exec);
		drop(&jobs[index]);
	}
}

TEST(back_off_of_many_threads)
{
	for (unsigned int i = 0; i < 4; i++)
		drm_gem_object_init(&contended[i], NULL, no_free);
	ww_mutex_inject_deadlocks(true);
	test_race_begin();
	test_threads(4, lock_all, NULL);
	ww_mutex_inject_deadlocks(false);
	for (unsigned int i = 0; i < 4; i++)
		drm_gem_object_release(&contended[i]);
}

/*
 * Fences, and locks that have to do with them.
 */

/* Two workers: each under its own lock waits for the other's last piece, and signals its next. */
struct worker {
	struct dma_fence_timeline *own, *other;
	struct dma_fence *fences[8]; /* of `other`, to wait for; NULL: none */
	char lock;
};

static void work_in_turn(unsigned int index, void *arg)
{
	static lock_kind kind = { .name = "worker" };
	struct worker *worker = (struct worker *)arg + index;

	for (unsigned int i = 0; i < 8; i++) {
		take(&kind, &worker->lock);
		if (worker->fences[i])
			ASSERT_INT(dma_fence_wait(worker->fences[i], false), ==, 0);
		ASSERT_INT(dma_fence_timeline_signal(worker->own, i + 1, 0), ==, 0);
		drop(&worker->lock);
	}
}

TEST(workers_that_take_turns_under_locks_of_their_own)
{
	struct worker workers[2] = { { .lock = 0 } };

	for (unsigned int i = 0; i < 2; i++)
		workers[i].own = dma_fence_timeline_create("worker");
	for (unsigned int i = 0; i < 8; i++) {
		workers[1].fences[i] = dma_fence_timeline_emit(workers[0].own);
		workers[0].fences[i] = dma_fence_timeline_emit(workers[1].own);
	}
	/* The first is a piece ahead. */
	dma_fence_put(workers[0].fences[7]);
	memmove(&workers[0].fences[1], &workers[0].fences[0], 7 * sizeof(workers[0].fences[0]));
	workers[0].fences[0] = NULL;
	test_race_begin();
	test_threads(2, work_in_turn, workers);
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int j = 0; j < 8; j++)
			dma_fence_put(workers[i].fences[j]);
		dma_fence_timeline_destroy(workers[i].own);
	}
}

/* A lock and a fence, and who waits for it while holding that. */
struct held_wait {
	lock_kind *kind;
	const char *lock;
	struct dma_resv *resv;
	struct dma_fence *fence;
};

static void wait_held(void *arg)
{
	const struct held_wait *held = arg;

	take(held->kind, held->lock);
	ASSERT_INT(dma_resv_lock(held->resv, NULL), ==, 0);
	ASSERT_INT(dma_fence_wait(held->fence, false), ==, 0);
	dma_resv_unlock(held->resv);
	drop(held->lock);
}

/* Also of the class of the locks that the waiter holds. */
TEST(wait_under_locks_that_the_signaller_does_not_need)
{
	static lock_kind kind = { .name = "queue", .flags = DMABUF_LOCK_BY_ADDRESS };
	const char locks[2] = "";
	struct dma_fence *fence = make_fence();
	struct dma_resv resv[2];
	struct held_wait held = { &kind, &locks[0], &resv[0], fence };
	struct test_thread *waiter;

	dma_resv_init(&resv[0]);
	dma_resv_init(&resv[1]);
	waiter = test_thread_start(wait_held, &held);
	dma_fence_begin_work(fence);
	take(&kind, &locks[1]);
	ASSERT_INT(dma_resv_lock(&resv[1], NULL), ==, 0);
	dma_fence_signal(fence);
	dma_resv_unlock(&resv[1]);
	drop(&locks[1]);
	dma_fence_end_work(fence);
	test_thread_join(waiter);
	dma_resv_fini(&resv[0]);
	dma_resv_fini(&resv[1]);
	dma_fence_put(fence);
}

/*
 * Memory that is used again. Each round is legal by itself, and the rounds together are not, for
 * whoever takes what comes later for what was there.
 */

TEST(fences_at_one_place_in_changing_roles)
{
	static lock_kind kind = { .name = "status" };
	static const char lock;
	static struct dma_fence memory[2];

	for (unsigned int i = 0; i < 20; i++) {
		struct dma_fence *fence = &memory[0], *other = &memory[1];
		struct dma_resv resv;
		struct held_wait held = { &kind, &lock, &resv, fence };

		dma_resv_init(&resv);
		dma_fence_init(fence, &plain_ops, NULL, dma_fence_context_alloc(1), 1);
		dma_fence_init(other, &plain_ops, NULL, dma_fence_context_alloc(1), 1);
		if (i % 2) {
			/* The lock is the waiter's, and the first waits for the second. */
			struct test_thread *waiter = test_thread_start(wait_held, &held);

			dma_fence_begin_work(fence);
			ASSERT_INT(dma_fence_wait_timeout(other, false, MOMENT), ==, 0);
			dma_fence_signal(fence);
			dma_fence_end_work(fence);
			test_thread_join(waiter);
		} else {
			/* The lock is the signaller's, and the second waits for the first. */
			dma_fence_begin_work(other);
			ASSERT_INT(dma_fence_wait_timeout(fence, false, MOMENT), ==, 0);
			dma_fence_end_work(other);
			dma_fence_begin_work(fence);
			take(&kind, &lock);
			dma_fence_signal(fence);
			drop(&lock);
			dma_fence_end_work(fence);
		}
		dma_fence_signal(other);
		dma_resv_fini(&resv);
	}
}

/*
 * Callbacks.
 */

struct busy_cb {
	struct dma_fence_cb cb;
	struct counting_cb counting;
	struct dma_fence *self, *to_signal, *to_watch, *to_put;
	struct dma_fence_timeline *tl;
	struct dma_fence *emitted;
};

/* All that a callback may do. */
static void do_much(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct busy_cb *busy = container_of(cb, struct busy_cb, cb);
	struct counting_cb late = { .calls = 0 };
	static lock_kind kind = { .name = "statistics" };
	static const char lock;

	take(&kind, &lock);
	ASSERT_INT(dma_fence_signal(busy->to_signal), ==, 0);
	drop(&lock);
	ASSERT_INT(dma_fence_signal(fence), ==, -EINVAL);
	ASSERT_INT(dma_fence_add_callback(fence, &late.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_add_callback(busy->to_watch, &busy->counting.cb, count_call), ==, 0);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	ASSERT_FALSE(dma_fence_is_signaled(busy->to_watch));
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 0), ==, 1);
	dma_fence_set_deadline(busy->to_watch, 1);
	busy->emitted = dma_fence_timeline_emit(busy->tl);
	dma_fence_put(busy->to_put);
}

TEST(callbacks_that_do_much)
{
	for (unsigned int i = 0; i < 10; i++) {
		struct busy_cb busy = {
			.to_signal = make_fence(),
			.to_watch = make_fence(),
			.to_put = make_fence(),
			.tl = dma_fence_timeline_create("other"),
		};
		struct dma_fence *fence = make_fence();

		ASSERT_INT(dma_fence_add_callback(fence, &busy.cb, do_much), ==, 0);
		dma_fence_signal(fence);
		dma_fence_signal(busy.to_watch);
		ASSERT_INT(busy.counting.calls, ==, 1);
		ASSERT_INT(dma_fence_timeline_signal(busy.tl, 1, 0), ==, 0);
		dma_fence_put(busy.emitted);
		dma_fence_put(busy.to_signal);
		dma_fence_put(busy.to_watch);
		dma_fence_put(fence);
		dma_fence_timeline_destroy(busy.tl);
	}
}

/* Fences that signal each other: each signals once, so one of the two comes first. */
struct mutual_cb {
	struct dma_fence_cb cb;
	struct dma_fence *other;
};

static void signal_other(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	dma_fence_signal(container_of(cb, struct mutual_cb, cb)->other);
}

static void signal_nth(unsigned int index, void *arg)
{
	dma_fence_signal(((struct dma_fence **)arg)[index]);
}

TEST(callbacks_of_two_fences_that_signal_each_other)
{
	test_race_begin();
	for (unsigned int i = test_rounds(100); i; i--) {
		struct dma_fence *fences[2] = { make_fence(), make_fence() };
		struct mutual_cb cbs[2] = { { .other = fences[1] }, { .other = fences[0] } };

		for (unsigned int j = 0; j < 2; j++)
			ASSERT_INT(dma_fence_add_callback(fences[j], &cbs[j].cb, signal_other), ==, 0);
		test_threads(2, signal_nth, fences);
		dma_fence_put(fences[0]);
		dma_fence_put(fences[1]);
	}
}

/* What is put off until no short lock is held runs in no callback and no section of its own. */
static void wait_for_all(void *arg)
{
	ASSERT_INT(dma_fence_wait(arg, false), ==, 0);
}

TEST(chains_and_arrays_that_go_while_they_are_waited_for)
{
	for (unsigned int i = 0; i < 10; i++) {
		struct dma_fence *fences[4], **members = malloc(2 * sizeof(*members));
		struct dma_fence *chain = NULL;
		struct test_thread *waiter;
		struct counting_cb cb = { .calls = 0 };

		for (unsigned int j = 0; j < 4; j++)
			fences[j] = make_fence();
		members[0] = dma_fence_get(fences[2]);
		members[1] = dma_fence_get(fences[3]);
		for (unsigned int j = 0; j < 3; j++) {
			struct dma_fence_chain *link = dma_fence_chain_alloc();
			struct dma_fence *contained =
				j < 2 ? dma_fence_get(fences[j])
				      : &dma_fence_array_create(2, members, dma_fence_context_alloc(1),
								1, false)->base;

			dma_fence_chain_init(link, chain, contained, j + 1);
			chain = &link->base;
		}
		ASSERT_INT(dma_fence_add_callback(chain, &cb.cb, count_call), ==, 0);
		waiter = test_thread_start(wait_for_all, chain);
		for (unsigned int j = 4; j--;) {
			const bool cookie = dma_fence_begin_signalling();

			dma_fence_signal(fences[j]);
			dma_fence_end_signalling(cookie);
		}
		test_thread_join(waiter);
		WAIT_UNTIL(load_acquire(&cb.calls));
		dma_fence_put(chain);
		for (unsigned int j = 0; j < 4; j++)
			dma_fence_put(fences[j]);
	}
}

/*
 * Threads.
 */

/* It ends in the middle of everything; the next one has its memory, and none of its state. */
static void end_inside(void *arg)
{
	static lock_kind kind = { .name = "left" };
	struct dma_fence *fence = arg;

	take(&kind, arg);
	if (!dma_fence_begin_signalling())
		return;
	dma_fence_begin_work(fence);
}

static void wait_and_lock(void *arg)
{
	struct dma_resv resv;

	dma_resv_init(&resv);
	ASSERT_INT(dma_fence_wait_timeout(arg, false, MOMENT), ==, 0);
	ASSERT_INT(dma_resv_lock(&resv, NULL), ==, 0);
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
}

TEST(threads_that_end_inside_a_section)
{
	struct dma_fence *fence = make_fence();

	for (unsigned int i = 0; i < 4; i++) {
		in_thread(end_inside, fence);
		in_thread(wait_and_lock, fence);
	}
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/* A child is forked under locks, and drops them as its parent does. */
static void drop_all(struct dma_resv *resv, const char *lock, bool cookie)
{
	dma_fence_end_signalling(cookie);
	dma_resv_unlock(resv);
	drop(lock);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	dma_resv_unlock(resv);
}

TEST(children_that_are_forked_under_locks)
{
	static lock_kind kind = { .name = "forked" };
	static const char lock;
	struct dma_resv resv;
	bool cookie;

	dma_resv_init(&resv);
	take(&kind, &lock);
	ASSERT_INT(dma_resv_lock(&resv, NULL), ==, 0);
	cookie = dma_fence_begin_signalling();
	IN_CHILD(drop_all(&resv, &lock, cookie));
	drop_all(&resv, &lock, cookie);
	dma_resv_fini(&resv);
}
