/* SPDX-License-Identifier: MIT */
/* ww_mutex in one thread: what each call returns, and what the contract forbids. */
#include "contended.h"
#include "harness.h"

#include <dmabuf/ww-mutex.h>
#include <errno.h>

#include "resv/ww-mutex-internal.h"

static DEFINE_WW_CLASS(wound_wait);
static DEFINE_WD_CLASS(wait_die);

static struct ww_class *const both_classes[] = { &wound_wait, &wait_die };

#define for_each_class(ww_class)                                                          \
	for (unsigned int nth = 0; nth < 2 && ((ww_class) = both_classes[nth]); nth++)

/* What a thread finds that holds nothing. */
struct stranger {
	struct ww_mutex *lock;
	bool locked, held, taken;
	struct ww_acquire_ctx *ctx;
};

static void look_from_outside(void *arg)
{
	struct stranger *stranger = arg;

	stranger->locked = ww_mutex_is_locked(stranger->lock);
	stranger->held = ww_mutex_is_held(stranger->lock);
	stranger->ctx = ww_mutex_ctx(stranger->lock);
	stranger->taken = ww_mutex_trylock(stranger->lock, NULL);
}

static struct stranger ask_a_stranger(struct ww_mutex *lock)
{
	struct stranger stranger = { .lock = lock };

	test_thread_join(test_thread_start(look_from_outside, &stranger));
	return stranger;
}

TEST(a_mutex_is_held_by_the_thread_that_took_it)
{
	struct ww_class *ww_class;

	for_each_class(ww_class) {
		struct ww_mutex lock;
		struct stranger stranger;

		ww_mutex_init(&lock, ww_class);
		ASSERT_FALSE(ww_mutex_is_locked(&lock));
		ASSERT_FALSE(ww_mutex_is_held(&lock));
		ASSERT_INT(ww_mutex_lock(&lock, NULL), ==, 0);
		ASSERT_TRUE(ww_mutex_is_locked(&lock));
		ASSERT_TRUE(ww_mutex_is_held(&lock));
		ASSERT_PTR(ww_mutex_ctx(&lock), ==, NULL);
		ASSERT_INT(ww_mutex_trylock(&lock, NULL), ==, 0);
		stranger = ask_a_stranger(&lock);
		ASSERT_TRUE(stranger.locked);
		ASSERT_FALSE(stranger.held);
		ASSERT_FALSE(stranger.taken);
		ww_mutex_unlock(&lock);
		ASSERT_FALSE(ww_mutex_is_locked(&lock));
		ASSERT_FALSE(ww_mutex_is_held(&lock));
		ww_mutex_destroy(&lock);
	}
}

TEST(a_context_is_seen_by_its_own_thread_only)
{
	struct ww_acquire_ctx ctx;
	struct ww_mutex lock;

	ww_mutex_init(&lock, &wait_die);
	ww_acquire_init(&ctx, &wait_die);
	ASSERT_INT(ww_mutex_lock(&lock, &ctx), ==, 0);
	ASSERT_PTR(ww_mutex_ctx(&lock), ==, &ctx);
	ASSERT_TRUE(ww_mutex_is_held(&lock));
	ASSERT_PTR(ask_a_stranger(&lock).ctx, ==, NULL);
	ww_mutex_unlock(&lock);
	ASSERT_PTR(ww_mutex_ctx(&lock), ==, NULL);
	ww_acquire_fini(&ctx);
	ww_mutex_destroy(&lock);
}

TEST(a_context_that_has_a_lock_already_is_told_so)
{
	struct ww_class *ww_class;

	for_each_class(ww_class) {
		struct ww_acquire_ctx ctx;
		struct ww_mutex lock;

		ww_mutex_init(&lock, ww_class);
		ww_acquire_init(&ctx, ww_class);
		ASSERT_INT(ww_mutex_lock(&lock, &ctx), ==, 0);
		ASSERT_INT(ww_mutex_lock(&lock, &ctx), ==, -EALREADY);
		ASSERT_INT(ww_mutex_lock_interruptible(&lock, &ctx), ==, -EALREADY);
		ASSERT_INT(ww_mutex_trylock(&lock, &ctx), ==, 0);
		ASSERT_INT(ctx.acquired, ==, 1);
		ww_mutex_unlock(&lock);
		ww_acquire_fini(&ctx);
		ww_mutex_destroy(&lock);
	}
}

TEST(every_way_of_locking_takes_a_free_mutex)
{
	struct ww_acquire_ctx ctx;
	struct ww_mutex lock[5];

	ww_acquire_init(&ctx, &wait_die);
	for (unsigned int i = 0; i < 5; i++)
		ww_mutex_init(&lock[i], &wait_die);
	ww_after_deadlock(&lock[0], &ctx);
	ww_mutex_lock_slow(&lock[0], &ctx);
	ww_mutex_unlock(&lock[0]);
	ww_after_deadlock(&lock[1], &ctx);
	ASSERT_INT(ww_mutex_lock_slow_interruptible(&lock[1], &ctx), ==, 0);
	ASSERT_INT(ww_mutex_lock(&lock[2], &ctx), ==, 0);
	ASSERT_INT(ww_mutex_lock_interruptible(&lock[3], &ctx), ==, 0);
	ASSERT_INT(ww_mutex_trylock(&lock[4], &ctx), ==, 1);
	ww_acquire_done(&ctx);
	ASSERT_INT(ctx.acquired, ==, 4);
	for (unsigned int i = 1; i < 5; i++) {
		ASSERT_PTR(ww_mutex_ctx(&lock[i]), ==, &ctx);
		ww_mutex_unlock(&lock[i]);
	}
	ww_acquire_fini(&ctx);
	for (unsigned int i = 0; i < 5; i++)
		ww_mutex_destroy(&lock[i]);

	ww_mutex_init(&lock[0], &wound_wait);
	ASSERT_INT(ww_mutex_lock_interruptible(&lock[0], NULL), ==, 0);
	ww_mutex_unlock(&lock[0]);
	ASSERT_INT(ww_mutex_trylock(&lock[0], NULL), ==, 1);
	ww_mutex_unlock(&lock[0]);
	ww_mutex_destroy(&lock[0]);
}

TEST(contexts_get_growing_stamps_a_class)
{
	struct ww_acquire_ctx first, second, other;

	ww_acquire_init(&first, &wait_die);
	ww_acquire_init(&other, &wound_wait);
	ww_acquire_init(&second, &wait_die);
	ASSERT_INT(second.stamp, ==, first.stamp + 1);
	ASSERT_TRUE(first.is_wait_die);
	ASSERT_FALSE(other.is_wait_die);
	ww_acquire_fini(&first);
	ww_acquire_fini(&other);
	ww_acquire_fini(&second);
}

/*
 * Cost.
 */

static unsigned int futex_calls; /* of the test's thread alone */

static void count_futex_calls(const char *label)
{
	futex_calls += !strncmp(label, "futex:", 6);
}

TEST(without_contention_there_is_no_system_call)
{
	struct ww_acquire_ctx ctx;
	struct ww_mutex lock;

	ww_mutex_init(&lock, &wait_die);
	ww_acquire_init(&ctx, &wait_die);
	futex_calls = 0;
	os_race_hook(count_futex_calls);
	for (unsigned int i = 0; i < 10; i++) {
		ASSERT_INT(ww_mutex_lock(&lock, i % 2 ? &ctx : NULL), ==, 0);
		ww_mutex_unlock(&lock);
	}
	os_race_hook(NULL);
	ASSERT_INT(futex_calls, ==, 0);
	ww_acquire_fini(&ctx);
	ww_mutex_destroy(&lock);
}

/*
 * Made-up deadlocks.
 */

/* How many of 100 second locks the context is refused. */
static unsigned int refusals(struct ww_mutex *lock)
{
	struct ww_acquire_ctx ctx;
	unsigned int refused = 0;

	ww_acquire_init(&ctx, &wait_die);
	for (unsigned int i = 0; i < 100; i++) {
		ASSERT_INT(ww_mutex_lock(&lock[0], &ctx), ==, 0);
		if (!ww_mutex_lock(&lock[1], &ctx))
			ww_mutex_unlock(&lock[1]);
		else
			refused++;
		ww_mutex_unlock(&lock[0]);
	}
	ww_acquire_fini(&ctx);
	return refused;
}

TEST(made_up_deadlocks_are_off_at_start_and_get_rarer)
{
	struct ww_mutex lock[2];

	ww_mutex_init(&lock[0], &wait_die);
	ww_mutex_init(&lock[1], &wait_die);
	ASSERT_INT(refusals(lock), ==, 0);
	ww_mutex_inject_deadlocks(true);
	ASSERT_INT(refusals(lock), ==, 6); /* at 1, 3, 7, 15, 31 and 63 */
	ww_mutex_inject_deadlocks(false);
	ww_mutex_destroy(&lock[0]);
	ww_mutex_destroy(&lock[1]);
}

/*
 * What is reported and survived.
 */

TEST(locking_after_done_is_reported)
{
	struct ww_acquire_ctx ctx;
	struct ww_mutex lock;
	int err = -1;

	ww_mutex_init(&lock, &wait_die);
	ww_acquire_init(&ctx, &wait_die);
	ww_acquire_done(&ctx);
	ASSERT_WARNS(err = ww_mutex_lock(&lock, &ctx), "call ww_acquire_done() after the last lock");
	ASSERT_INT(err, ==, 0);
	ww_mutex_unlock(&lock);
	ASSERT_WARNS(ww_acquire_done(&ctx), "ww_acquire_done() twice");
	ww_acquire_fini(&ctx);
	ww_mutex_destroy(&lock);
}

TEST(locking_on_after_a_deadlock_is_reported)
{
	struct ww_acquire_ctx ctx;
	struct ww_mutex lock[2];
	int err = -1;

	ww_mutex_init(&lock[0], &wait_die);
	ww_mutex_init(&lock[1], &wait_die);
	ww_acquire_init(&ctx, &wait_die);
	ASSERT_INT(ww_mutex_lock(&lock[0], &ctx), ==, 0);
	ww_mutex_inject_deadlocks(true);
	ASSERT_INT(ww_mutex_lock(&lock[1], &ctx), ==, -EDEADLK);
	ww_mutex_inject_deadlocks(false);
	ASSERT_WARNS(err = ww_mutex_lock(&lock[1], &ctx), "got -EDEADLK and still holds 1 locks");
	ASSERT_INT(err, ==, 0);
	ww_mutex_unlock(&lock[0]);
	ww_mutex_unlock(&lock[1]);
	ww_acquire_fini(&ctx);
	ww_mutex_destroy(&lock[0]);
	ww_mutex_destroy(&lock[1]);
}

/*
 * What is not survived.
 */

static struct ww_mutex death_lock[2];
static struct ww_acquire_ctx death_ctx;

static void begin_death(void)
{
	ww_mutex_init(&death_lock[0], &wait_die);
	ww_mutex_init(&death_lock[1], &wait_die);
	ww_acquire_init(&death_ctx, &wait_die);
	ASSERT_INT(ww_mutex_lock(&death_lock[0], &death_ctx), ==, 0);
}

static void end_death(void)
{
	ww_mutex_unlock(&death_lock[0]);
	ww_acquire_fini(&death_ctx);
	ww_mutex_destroy(&death_lock[0]);
	ww_mutex_destroy(&death_lock[1]);
}

static void unlock_first(void *unused)
{
	(void)unused;
	ww_mutex_unlock(&death_lock[0]);
}

static void lock_second(void *unused)
{
	(void)unused;
	(void)!ww_mutex_lock(&death_lock[1], &death_ctx);
}

static void finish_context(void *unused)
{
	(void)unused;
	ww_acquire_fini(&death_ctx);
}

TEST(only_the_holder_unlocks)
{
	begin_death();
	ASSERT_DEATH(ww_mutex_unlock(&death_lock[1]), "does not hold it");
	ASSERT_DEATH(test_thread_join(test_thread_start(unlock_first, NULL)), "does not hold it");
	end_death();
}

TEST(a_context_is_for_one_thread_one_class_and_one_life)
{
	struct ww_acquire_ctx other;

	begin_death();
	ww_acquire_init(&other, &wound_wait);
	ASSERT_DEATH((void)!ww_mutex_lock(&death_lock[1], &other), "is of class wound_wait");
	ASSERT_DEATH((void)!ww_mutex_trylock(&death_lock[1], &other), "is of class wound_wait");
	ww_acquire_fini(&other);
	ASSERT_DEATH((void)!ww_mutex_lock(&death_lock[1], &other), "is finished");
	ASSERT_DEATH(ww_acquire_fini(&other), "finished by another thread, or twice");
	ASSERT_DEATH(test_thread_join(test_thread_start(lock_second, NULL)), "another thread");
	ASSERT_DEATH(test_thread_join(test_thread_start(finish_context, NULL)), "another thread");
	end_death();
}

TEST(a_context_ends_empty)
{
	begin_death();
	ASSERT_DEATH(ww_acquire_fini(&death_ctx), "1 locks held; unlock them first");
	end_death();
}

TEST(the_slow_way_is_for_who_holds_nothing)
{
	begin_death();
	ASSERT_DEATH(ww_mutex_lock_slow(&death_lock[1], &death_ctx), "still holds 1 locks");
	ASSERT_DEATH((void)!ww_mutex_lock_slow_interruptible(&death_lock[1], &death_ctx),
		     "still holds 1 locks");
	ASSERT_DEATH(ww_mutex_lock_slow(&death_lock[1], NULL), "call ww_mutex_lock()");
	end_death();
}

TEST(nobody_waits_for_himself)
{
	struct ww_acquire_ctx second;

	begin_death();
	ww_acquire_init(&second, &wait_die);
	ASSERT_DEATH((void)!ww_mutex_lock(&death_lock[0], NULL), "wait for itself");
	ASSERT_DEATH((void)!ww_mutex_lock(&death_lock[0], &second), "wait for itself");
	ww_acquire_fini(&second);
	end_death();
}

TEST(a_held_mutex_is_not_destroyed)
{
	begin_death();
	ASSERT_DEATH(ww_mutex_destroy(&death_lock[0]), "unlock it first");
	end_death();
}
