/* SPDX-License-Identifier: MIT */
/*
 * Memory that is used again runs clean. Each round is legal by itself, and the rounds together
 * are not, for whoever takes what comes later for what was there. (Fences: test-rules-legal.c)
 */
#include "rules.h"

#include <dmabuf/dma-resv.h>

#include "../fence/fences.h"

#define MOMENT 1

struct mutex_wait {
	struct ww_mutex *mutex;
	struct dma_fence *fence;
};

static void wait_under_mutex(void *arg)
{
	const struct mutex_wait *it = arg;

	ASSERT_INT(ww_mutex_lock(it->mutex, NULL), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(it->fence, false, MOMENT), ==, 0);
	ww_mutex_unlock(it->mutex);
}

/* The fence is signalled under a mutex, but not under the one that its waiter held. */
TEST(mutexes_at_one_place)
{
	static DEFINE_WW_CLASS(ww_class);
	struct dma_fence *fence = make_fence();
	struct ww_mutex mutex;
	struct mutex_wait it = { &mutex, fence };

	ww_mutex_init(&mutex, &ww_class);
	in_thread(wait_under_mutex, &it);
	ww_mutex_destroy(&mutex);
	ww_mutex_init(&mutex, &ww_class);
	ASSERT_INT(ww_mutex_lock(&mutex, NULL), ==, 0);
	dma_fence_signal(fence);
	ww_mutex_unlock(&mutex);
	ww_mutex_destroy(&mutex);
	dma_fence_put(fence);
}

TEST(locks_at_one_place_in_changing_orders)
{
	static lock_kind kind = { .name = "node", .flags = DMABUF_LOCK_BY_OBJECT };
	char locks[2] = "";

	for (unsigned int i = 0; i < 20; i++) {
		take(&kind, &locks[i % 2]);
		take(&kind, &locks[1 - i % 2]);
		drop(&locks[0]);
		drop(&locks[1]);
		dmabuf_lock_forget(&locks[i % 3 % 2]);
	}
}

/* One and the same place is a lock of one class, of another, a reservation, and a fence. */
TEST(one_place_for_everything)
{
	static lock_kind kinds[] = { { .name = "a", .flags = DMABUF_LOCK_BY_OBJECT },
				     { .name = "b", .flags = DMABUF_LOCK_BY_OBJECT } };
	static union {
		struct dma_fence fence;
		struct dma_resv resv;
		struct ww_mutex mutex;
		char lock;
	} place[2];
	static DEFINE_WW_CLASS(ww_class);

	for (unsigned int i = 0; i < 12; i++) {
		const unsigned int first = i % 2, second = 1 - first;
		struct counting_cb cb = { .calls = 0 };

		take(&kinds[first], &place[first].lock);
		take(&kinds[first], &place[second].lock);
		drop(&place[first].lock);
		drop(&place[second].lock);
		dmabuf_lock_forget(&place[0]);
		dmabuf_lock_forget(&place[1]);

		dma_resv_init(&place[first].resv);
		ww_mutex_init(&place[second].mutex, &ww_class);
		if (first)
			ASSERT_INT(dma_resv_lock(&place[first].resv, NULL), ==, 0);
		ASSERT_INT(ww_mutex_lock(&place[second].mutex, NULL), ==, 0);
		ww_mutex_unlock(&place[second].mutex);
		if (first)
			dma_resv_unlock(&place[first].resv);
		dma_resv_fini(&place[first].resv);
		ww_mutex_destroy(&place[second].mutex);

		dma_fence_init(&place[first].fence, &plain_ops, NULL, dma_fence_context_alloc(1), 1);
		ASSERT_INT(dma_fence_add_callback(&place[first].fence, &cb.cb, count_call), ==, 0);
		dma_fence_signal(&place[first].fence);
		ASSERT_INT(dma_fence_wait(&place[first].fence, false), ==, 0);
	}
}

/* A lock of the driver's, for all fences of a context: it goes with the last of them. */
TEST(fences_with_a_lock_of_the_drivers)
{
	static lock_kind kind = { .name = "ring" };
	static const char ring;

	for (unsigned int i = 0; i < 10; i++) {
		struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
		struct counting_cb cb = { .calls = 0 };
		struct dma_fence *fences[2];
		const uint64_t context = dma_fence_context_alloc(1);

		for (unsigned int j = 0; j < 2; j++)
			fences[j] = make_fence_with(&plain_ops, &lock, context, j + 1);
		ASSERT_INT(dma_fence_add_callback(fences[0], &cb.cb, count_call), ==, 0);
		take(&kind, &ring);
		dmabuf_spin_lock(&lock);
		dma_fence_signal_locked(fences[0]);
		dma_fence_signal_locked(fences[1]);
		dmabuf_spin_unlock(&lock);
		drop(&ring);
		for (unsigned int j = 0; j < 2; j++)
			dma_fence_put(fences[j]);
		dmabuf_rcu_barrier();
	}
}

/* As those of plugins, of which one comes to lie where another was. */
TEST(classes_at_one_place)
{
	static struct dmabuf_lock_class one = { .name = "one" };
	static struct ww_class two = { .name = "two" };
	static const char lock;
	struct ww_mutex mutex;

	for (unsigned int i = 0; i < 4; i++) {
		const bool is_reversed = i % 2;

		ww_mutex_init(&mutex, &two);
		if (!is_reversed)
			take(&one, &lock);
		ASSERT_INT(ww_mutex_lock(&mutex, NULL), ==, 0);
		if (is_reversed)
			take(&one, &lock);
		ww_mutex_unlock(&mutex);
		drop(&lock);
		ww_mutex_destroy(&mutex);
		dmabuf_lock_forget(i < 2 ? (void *)&one : (void *)&two);
	}
}
