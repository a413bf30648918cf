/* SPDX-License-Identifier: MIT */
/* Guards: however the block is left, the lock is dropped, and what was staged is committed. */
#include "harness.h"

#include <dmabuf/dma-resv-guard.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "view.h"

static int add_and_return(struct dma_resv *obj, struct dma_fence *fence)
{
	dma_resv_guard(obj);

	add(obj, fence, WRITE);
	ASSERT_INT(others_count(obj, WRITE), ==, 0);
	return 7;
}

TEST(a_guard_ends_with_its_block_and_commits)
{
	struct dma_fence *fence = mock_lone();
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(add_and_return(&obj, fence), ==, 7);
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	ASSERT_INT(others_count(&obj, WRITE), ==, 1);
	dma_resv_fini(&obj);
	dma_fence_put(fence);
}

static int leave_by_return(struct dma_resv *obj)
{
	dma_resv_scoped_guard(obj)
		return dma_resv_held(obj);
	return -1;
}

TEST(a_scoped_guard_runs_its_block_once_however_it_is_left)
{
	struct dma_resv obj, other;
	unsigned int runs = 0;

	dma_resv_init(&obj);
	dma_resv_init(&other);
	dma_resv_scoped_guard(&obj) {
		ASSERT_TRUE(dma_resv_held(&obj));
		runs++;
	}
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	dma_resv_scoped_guard(&obj) {
		if (runs++)
			break;
		FAIL("not left");
	}
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	dma_resv_scoped_guard(&obj) {
		if (runs++)
			continue;
		FAIL("not left");
	}
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	ASSERT_INT(leave_by_return(&obj), ==, true);
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	dma_resv_scoped_guard(&obj) {
		runs++;
		goto out;
	}
out:
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	ASSERT_INT(runs, ==, 4);
	dma_resv_fini(&obj);
	dma_resv_fini(&other);
}

static int try_it(struct dma_resv *obj)
{
	dma_resv_scoped_guard_try(return -EBUSY, obj)
		return dma_resv_held(obj);
	return -1;
}

static void fail_to_try(void *arg)
{
	ASSERT_INT(try_it(arg), ==, -EBUSY);
}

TEST(a_guard_that_tries_runs_its_statement_where_somebody_has_the_lock)
{
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(try_it(&obj), ==, true);
	ASSERT_FALSE(dma_resv_is_locked(&obj));
	lock(&obj);
	in_other_thread(fail_to_try, &obj);
	ASSERT_TRUE(dma_resv_held(&obj));
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}

struct interrupted {
	struct dma_resv *obj;
	pthread_t thread;
	unsigned int started, ended; /* atomic */
};

static int wait_interruptibly(struct dma_resv *obj)
{
	dma_resv_scoped_guard_intr(return -EINTR, obj)
		return dma_resv_held(obj);
	return -1;
}

static void expect_interrupt(void *arg)
{
	struct interrupted *i = arg;

	i->thread = pthread_self();
	store_release(&i->started, 1);
	ASSERT_INT(wait_interruptibly(i->obj), ==, -EINTR);
	store_release(&i->ended, 1);
}

static void on_signal(int number)
{
	(void)number;
}

TEST(a_guard_that_is_interrupted_runs_its_statement)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;
	struct test_thread *thread;
	struct interrupted i = { .started = 0 };
	struct dma_resv obj;

	dma_resv_init(&obj);
	ASSERT_INT(wait_interruptibly(&obj), ==, true);
	lock(&obj);
	i.obj = &obj;
	sigaction(SIGUSR1, &action, &before);
	thread = test_thread_start(expect_interrupt, &i);
	WAIT_UNTIL(load_acquire(&i.started));
	while (!load_acquire(&i.ended)) {
		pthread_kill(i.thread, SIGUSR1);
		test_yield();
	}
	test_thread_join(thread);
	sigaction(SIGUSR1, &before, NULL);
	ASSERT_TRUE(dma_resv_held(&obj));
	dma_resv_unlock(&obj);
	dma_resv_fini(&obj);
}
