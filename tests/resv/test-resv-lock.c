/* SPDX-License-Identifier: MIT */
/* The lock of a reservation object in all variants, and what must not be done without it. */
#define _GNU_SOURCE
#include "contended.h"
#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "view.h"

static void try_to_lock(void *arg)
{
	struct dma_resv *obj = arg;

	ASSERT_FALSE(dma_resv_trylock(obj));
	ASSERT_TRUE(dma_resv_is_locked(obj));
	ASSERT_FALSE(dma_resv_held(obj));
	ASSERT_PTR(dma_resv_locking_ctx(obj), ==, NULL);
}

TEST(lock_is_held_by_one_thread)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	ASSERT_FALSE(dma_resv_held(&obj));
	ASSERT_INT(dma_resv_lock(&obj, NULL), ==, 0);
	ASSERT_TRUE(dma_resv_is_locked(&obj));
	ASSERT_TRUE(dma_resv_held(&obj));
	dma_resv_assert_held(&obj);
	in_other_thread(try_to_lock, &obj);
	dma_resv_unlock(&obj);
	ASSERT_FALSE(dma_resv_is_locked(&obj));

	ASSERT_TRUE(dma_resv_trylock(&obj));
	ASSERT_PTR(dma_resv_locking_ctx(&obj), ==, NULL);
	in_other_thread(try_to_lock, &obj);
	dma_resv_unlock(&obj);
	ASSERT_INT(dma_resv_lock_interruptible(&obj, NULL), ==, 0);
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

TEST(lock_with_a_context_knows_it)
{
	struct ww_acquire_ctx ctx;
	struct dma_resv obj[3];

	for (unsigned int i = 0; i < 3; i++)
		dma_resv_init(&obj[i]);
	ww_acquire_init(&ctx, &reservation_ww_class);
	ww_after_deadlock(&obj[0].lock, &ctx);
	dma_resv_lock_slow(&obj[0], &ctx);
	ASSERT_PTR(dma_resv_locking_ctx(&obj[0]), ==, &ctx);
	ASSERT_INT(dma_resv_lock(&obj[0], &ctx), ==, -EALREADY);
	ASSERT_INT(dma_resv_lock_interruptible(&obj[0], &ctx), ==, -EALREADY);
	ASSERT_INT(dma_resv_lock(&obj[1], &ctx), ==, 0);
	ASSERT_INT(dma_resv_lock_interruptible(&obj[2], &ctx), ==, 0);
	in_other_thread(try_to_lock, &obj[0]);
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_unlock(&obj[i]);
	ASSERT_PTR(dma_resv_locking_ctx(&obj[0]), ==, NULL);
	ww_after_deadlock(&obj[1].lock, &ctx);
	ASSERT_INT(dma_resv_lock_slow_interruptible(&obj[1], &ctx), ==, 0);
	dma_resv_unlock(&obj[1]);
	ww_acquire_fini(&ctx);
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_fini(&obj[i]);
}

/* Wait-die: the younger one, with a lock already, meets one that an older holds. */
struct deadlock {
	struct dma_resv obj[2];
	struct ww_acquire_ctx older;
};

static void die(void *arg)
{
	struct deadlock *d = arg;
	struct ww_acquire_ctx younger;

	ww_acquire_init(&younger, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock(&d->obj[1], &younger), ==, 0);
	ASSERT_INT(dma_resv_lock(&d->obj[0], &younger), ==, -EDEADLK);
	dma_resv_unlock(&d->obj[1]);
	ASSERT_INT(dma_resv_lock(&d->obj[1], &younger), ==, 0);
	ASSERT_INT(dma_resv_lock_interruptible(&d->obj[0], &younger), ==, -EDEADLK);
	dma_resv_unlock(&d->obj[1]);
	ww_acquire_fini(&younger);
}

TEST(lock_that_would_deadlock_says_so)
{
	struct deadlock d;

	dma_resv_init(&d.obj[0]);
	dma_resv_init(&d.obj[1]);
	ww_acquire_init(&d.older, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock(&d.obj[0], &d.older), ==, 0);
	in_other_thread(die, &d);
	dma_resv_unlock(&d.obj[0]);
	ww_acquire_fini(&d.older);
	dma_resv_fini(&d.obj[0]);
	dma_resv_fini(&d.obj[1]);
}

/*
 * A thread that is sent signals until it has noticed one: a signal that comes before it
 * sleeps is not seen, by the contract.
 */
struct interrupted {
	struct dma_resv *obj;
	unsigned int variant;
	pthread_t thread;
	unsigned int started, ended; /* atomic */
};

static void on_signal(int number)
{
	(void)number;
}

static void expect_interrupt(void *arg)
{
	struct interrupted *i = arg;
	struct ww_acquire_ctx ctx;

	ww_acquire_init(&ctx, &reservation_ww_class);
	i->thread = pthread_self();
	store_release(&i->started, 1);
	switch (i->variant) {
	case 0:
		ASSERT_INT(dma_resv_lock_interruptible(i->obj, NULL), ==, -EINTR);
		break;
	case 1:
		ASSERT_INT(dma_resv_lock_interruptible(i->obj, &ctx), ==, -EINTR);
		break;
	case 2:
		ww_after_deadlock(&i->obj->lock, &ctx);
		ASSERT_INT(dma_resv_lock_slow_interruptible(i->obj, &ctx), ==, -EINTR);
		/* It may be tried again. */
		ASSERT_PTR(ctx.contending_lock, ==, &i->obj->lock);
		break;
	case 3:
		ASSERT_INT(dma_resv_wait_timeout(i->obj, READ, true, MAX_SCHEDULE_TIMEOUT), ==,
			   -ERESTARTSYS);
		break;
	}
	ww_acquire_fini(&ctx);
	store_release(&i->ended, 1);
}

static void interrupt(struct dma_resv *obj, unsigned int variant)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct interrupted i = { .obj = obj, .variant = variant };
	struct test_thread *thread;
	struct sigaction before;

	sigaction(SIGUSR1, &action, &before);
	thread = test_thread_start(expect_interrupt, &i);
	WAIT_UNTIL(load_acquire(&i.started));
	while (!load_acquire(&i.ended)) {
		pthread_kill(i.thread, SIGUSR1);
		test_yield();
	}
	test_thread_join(thread);
	sigaction(SIGUSR1, &before, NULL);
}

TEST(lock_interruptible_is_interrupted)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int variant = 0; variant < 3; variant++)
		interrupt(&obj, variant);
	ASSERT_TRUE(dma_resv_held(&obj));
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

TEST(wait_interruptible_is_interrupted)
{
	struct dma_fence *fences[2] = { mock_lone(), mock_lone() };
	struct dma_resv obj;

	dma_resv_init(&obj);
	for (unsigned int i = 0; i < 2; i++) { /* a word, and a log */
		add_alone(&obj, fences[i], READ);
		interrupt(&obj, 3);
	}
	dma_resv_fini(&obj);
	dma_fence_put(fences[0]);
	dma_fence_put(fences[1]);
}

/* Each of these, called by a thread that does not hold the lock, in a forked child. */
static void misuse(void *arg)
{
	struct dma_resv *obj = ((void **)arg)[0];
	const unsigned int which = *(unsigned int *)((void **)arg)[1];
	struct seq_file seq = { .stream = stderr };
	struct dma_fence *fence = mock_lone();
	struct dma_resv_iter cursor;
	struct dma_resv src;
	int err = 0;

	dma_resv_init(&src);
	dma_resv_iter_begin(&cursor, obj, BOOKKEEP);
	switch (which) {
	case 0:
		dma_resv_unlock(obj);
		break;
	case 1:
		dma_resv_assert_held(obj);
		break;
	case 2:
		err = dma_resv_reserve_fences(obj, 100);
		break;
	case 3:
		dma_resv_add_fence(obj, fence, READ);
		break;
	case 4:
		err = dma_resv_replace_fences(obj, 1, fence, READ);
		break;
	case 5:
		err = dma_resv_copy_fences(obj, &src);
		break;
	case 6:
		dma_resv_prune_fences(obj);
		break;
	case 7:
		dma_resv_commit(obj);
		break;
	case 8:
		dma_resv_describe(obj, &seq);
		break;
	case 9:
		dma_resv_iter_first(&cursor);
		break;
	case 10:
		dma_resv_iter_next(&cursor);
		break;
	case 11:
		dma_resv_reset_max_fences(obj);
		break;
	case 12:
		dma_resv_fences_set(obj, &obj->fences, NULL, READ);
		break;
	}
	fprintf(stderr, "survived: %d\n", err);
}

/* Not locked at all; and locked, but by another thread. */
TEST(functions_that_need_the_lock_abort_without_it)
{
	struct dma_fence *fences[2] = { mock_lone(), mock_lone() };
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	reserve(&obj, 4);
	dma_resv_add_fence(&obj, fences[0], READ);
	dma_resv_add_fence(&obj, fences[1], READ);
	for (unsigned int which = 0; which <= 12; which++) {
		void *arg[2] = { &obj, &which };

		ASSERT_DEATH(in_other_thread(misuse, arg), "is not locked by this thread");
	}
	dma_resv_unlock(&obj);
	for (unsigned int which = 0; which <= 12; which++) {
		void *arg[2] = { &obj, &which };

		ASSERT_DEATH(misuse(arg), "is not locked by this thread");
	}
	dma_resv_fini(&obj);
	dma_fence_put(fences[0]);
	dma_fence_put(fences[1]);
}
