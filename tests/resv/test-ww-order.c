/* SPDX-License-Identifier: MIT */
/* ww_mutex between threads: who waits, who backs off, who is next. */
#include "ww-actor.h"

#include <errno.h>

static DEFINE_WW_CLASS(wound_wait);
static DEFINE_WD_CLASS(wait_die);

/* Two contexts, the older first, and two mutexes. */
struct pair {
	struct actor older, younger;
	struct ww_mutex a, b;
};

static void begin(struct pair *p, struct ww_class *ww_class)
{
	ww_mutex_init(&p->a, ww_class);
	ww_mutex_init(&p->b, ww_class);
	actor_start(&p->older, ww_class);
	actor_start(&p->younger, ww_class);
}

static void end(struct pair *p)
{
	actor_quit(&p->older);
	actor_quit(&p->younger);
	ww_mutex_destroy(&p->a);
	ww_mutex_destroy(&p->b);
}

/*
 * Wait-die.
 */

TEST(wait_die_younger_with_a_lock_dies_on_an_older_holder)
{
	struct pair p;

	begin(&p, &wait_die);
	ASSERT_INT(actor_do(&p.older, ACT_LOCK, &p.a), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_TRYLOCK, &p.a), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.a), ==, -EDEADLK);
	ASSERT_INT(count_waiters(&p.a), ==, 0);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);

	ASSERT_INT(actor_do(&p.younger, ACT_LOCK_INTR, &p.b), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK_INTR, &p.a), ==, -EDEADLK);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	end(&p);
}

TEST(wait_die_younger_without_a_lock_waits)
{
	struct pair p;

	begin(&p, &wait_die);
	ASSERT_INT(actor_do(&p.older, ACT_LOCK, &p.a), ==, 0);
	actor_begin_waiting(&p.younger, ACT_LOCK, &p.a, 1);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.younger), ==, 0);
	ASSERT_TRUE(ww_mutex_is_locked(&p.a));
	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	end(&p);
}

TEST(wait_die_older_waits_whatever_it_holds)
{
	struct pair p;

	begin(&p, &wait_die);
	ASSERT_INT(actor_do(&p.older, ACT_LOCK, &p.a), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, 0);
	actor_begin_waiting(&p.older, ACT_LOCK, &p.b, 1);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	ASSERT_INT(actor_end(&p.older), ==, 0);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	actor_do(&p.older, ACT_UNLOCK, &p.b);
	end(&p);
}

TEST(wait_die_younger_with_a_lock_dies_behind_an_older_waiter)
{
	struct pair p;

	begin(&p, &wait_die);
	ASSERT_INT(ww_mutex_lock(&p.a, NULL), ==, 0);
	actor_begin_waiting(&p.older, ACT_LOCK, &p.a, 1);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.a), ==, -EDEADLK);
	ww_mutex_unlock(&p.a);
	ASSERT_INT(actor_end(&p.older), ==, 0);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	end(&p);
}

TEST(wait_die_waiter_with_a_lock_dies_when_an_older_one_queues_before_it)
{
	struct pair p;

	begin(&p, &wait_die);
	ASSERT_INT(ww_mutex_lock(&p.a, NULL), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, 0);
	actor_begin_waiting(&p.younger, ACT_LOCK, &p.a, 1);
	actor_begin(&p.older, ACT_LOCK, &p.a);
	ASSERT_INT(actor_end(&p.younger), ==, -EDEADLK);
	ww_mutex_unlock(&p.a);
	ASSERT_INT(actor_end(&p.older), ==, 0);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	end(&p);
}

/* One queue, several waiters to kill: each must wake the next. */
TEST(wait_die_all_younger_waiters_with_locks_die)
{
	struct actor actors[4];
	struct ww_mutex lock, own[4];

	ww_mutex_init(&lock, &wait_die);
	ASSERT_INT(ww_mutex_lock(&lock, NULL), ==, 0);
	for (unsigned int i = 0; i < 4; i++) {
		ww_mutex_init(&own[i], &wait_die);
		actor_start(&actors[i], &wait_die);
		ASSERT_INT(actor_do(&actors[i], ACT_LOCK, &own[i]), ==, 0);
	}
	/* The third has nothing and may stay; the fourth and the second have. */
	actor_do(&actors[2], ACT_UNLOCK, &own[2]);
	actor_begin_waiting(&actors[2], ACT_LOCK, &lock, 1);
	actor_begin_waiting(&actors[1], ACT_LOCK, &lock, 2);
	actor_begin(&actors[0], ACT_LOCK, &lock);
	ASSERT_INT(actor_end(&actors[1]), ==, -EDEADLK);
	ASSERT_INT(actor_do(&actors[3], ACT_LOCK, &lock), ==, -EDEADLK);
	WAIT_UNTIL(count_waiters(&lock) == 2);

	ww_mutex_unlock(&lock);
	ASSERT_INT(actor_end(&actors[0]), ==, 0);
	ASSERT_FALSE(actor_is_done(&actors[2]));
	actor_do(&actors[0], ACT_UNLOCK, &lock);
	ASSERT_INT(actor_end(&actors[2]), ==, 0);
	actor_do(&actors[2], ACT_UNLOCK, &lock);
	actor_do(&actors[0], ACT_UNLOCK, &own[0]);
	actor_do(&actors[1], ACT_UNLOCK, &own[1]);
	actor_do(&actors[3], ACT_UNLOCK, &own[3]);
	for (unsigned int i = 0; i < 4; i++) {
		actor_quit(&actors[i]);
		ww_mutex_destroy(&own[i]);
	}
	ww_mutex_destroy(&lock);
}

/*
 * Wound-wait.
 */

TEST(wound_wait_wounded_holder_learns_of_it_when_it_has_to_wait)
{
	struct ww_mutex free_one;
	struct pair p;

	ww_mutex_init(&free_one, &wound_wait);
	begin(&p, &wound_wait);
	ASSERT_INT(ww_mutex_lock(&p.b, NULL), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.a), ==, 0);
	actor_begin_waiting(&p.older, ACT_LOCK, &p.a, 1);
	/* No need to wait here. */
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &free_one), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, -EDEADLK);
	actor_do(&p.younger, ACT_UNLOCK, &free_one);
	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.older), ==, 0);

	/* It has backed off: the wound is healed, and it may wait again, also with a lock. */
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &free_one), ==, 0);
	actor_begin_waiting(&p.younger, ACT_LOCK, &p.b, 1);
	ww_mutex_unlock(&p.b);
	ASSERT_INT(actor_end(&p.younger), ==, 0);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	actor_do(&p.younger, ACT_UNLOCK, &free_one);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	end(&p);
	ww_mutex_destroy(&free_one);
}

TEST(wound_wait_wounded_holder_is_woken_in_another_queue)
{
	struct pair p;

	begin(&p, &wound_wait);
	ASSERT_INT(ww_mutex_lock(&p.b, NULL), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.a), ==, 0);
	actor_begin_waiting(&p.younger, ACT_LOCK, &p.b, 1);
	actor_begin_waiting(&p.older, ACT_LOCK, &p.a, 1);
	ASSERT_INT(actor_end(&p.younger), ==, -EDEADLK);
	ASSERT_INT(count_waiters(&p.b), ==, 0);
	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.older), ==, 0);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	ww_mutex_unlock(&p.b);
	end(&p);
}

static struct {
	pthread_t who;	    /* constant while the hook is set */
	unsigned int stage; /* atomic: 1: it is about to look; 2: it is wounded */
} look;

static void hold_the_look(const char *label)
{
	if (!pthread_equal(pthread_self(), look.who) || strcmp(label, "ww_mutex: before a look") ||
	    load_acquire(&look.stage))
		return;
	store_release(&look.stage, 1);
	WAIT_UNTIL(load_acquire(&look.stage) == 2);
}

TEST(wound_wait_a_wound_just_before_the_look_is_not_missed)
{
	struct pair p;

	begin(&p, &wound_wait);
	ASSERT_INT(ww_mutex_lock(&p.b, NULL), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.a), ==, 0);
	look.who = p.younger.id;
	look.stage = 0;
	os_race_hook(hold_the_look);
	actor_begin(&p.younger, ACT_LOCK, &p.b);
	WAIT_UNTIL(load_acquire(&look.stage));
	actor_begin_waiting(&p.older, ACT_LOCK, &p.a, 1);
	store_release(&look.stage, 2);
	ASSERT_INT(actor_end(&p.younger), ==, -EDEADLK);
	os_race_hook(NULL);
	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.older), ==, 0);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	ww_mutex_unlock(&p.b);
	end(&p);
}

TEST(wound_wait_younger_waits_whatever_it_holds)
{
	struct pair p;

	begin(&p, &wound_wait);
	ASSERT_INT(actor_do(&p.older, ACT_LOCK, &p.a), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, 0);
	actor_begin_waiting(&p.younger, ACT_LOCK, &p.a, 1);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.younger), ==, 0);
	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	end(&p);
}

/*
 * Both classes.
 */

/* a is older than b although the count of stamps wraps between them. */
static void wraps(struct ww_class *ww_class)
{
	struct pair p;

	ww_class->stamp = UINT64_MAX - 1;
	begin(&p, ww_class);
	ASSERT_TRUE(p.younger.own_ctx.stamp < p.older.own_ctx.stamp);
	ASSERT_INT(ww_mutex_lock(&p.a, NULL), ==, 0);
	actor_begin_waiting(&p.younger, ACT_LOCK, &p.a, 1);
	actor_begin_waiting(&p.older, ACT_LOCK, &p.a, 2);
	ww_mutex_unlock(&p.a);
	WAIT_UNTIL(actor_is_done(&p.older) || actor_is_done(&p.younger));
	ASSERT_FALSE(actor_is_done(&p.younger));
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.younger), ==, 0);
	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	end(&p);
}

TEST(age_survives_the_wrap_of_the_stamp)
{
	wraps(&wait_die);
	wraps(&wound_wait);
}

/*
 * The classic: each has what the other wants. One gives way, keeps its stamp, and
 * then wins against contexts that came later.
 */
static void cross(struct ww_class *ww_class)
{
	struct actor newcomer;
	struct pair p;
	uint64_t stamp;

	begin(&p, ww_class);
	stamp = p.younger.own_ctx.stamp;
	ASSERT_INT(actor_do(&p.older, ACT_LOCK, &p.a), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, 0);
	actor_begin_waiting(&p.older, ACT_LOCK, &p.b, 1);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.a), ==, -EDEADLK);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	ASSERT_INT(actor_end(&p.older), ==, 0);
	actor_begin_waiting(&p.younger, ACT_SLOW, &p.a, 1);

	actor_start(&newcomer, ww_class);
	actor_begin_waiting(&newcomer, ACT_LOCK, &p.a, 2);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.younger), ==, 0);
	ASSERT_INT(p.younger.own_ctx.stamp, ==, stamp);
	ASSERT_FALSE(actor_is_done(&newcomer));
	actor_do(&p.older, ACT_UNLOCK, &p.b);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, 0);

	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	ASSERT_INT(actor_end(&newcomer), ==, 0);
	actor_do(&newcomer, ACT_UNLOCK, &p.a);
	actor_quit(&newcomer);
	end(&p);
}

TEST(who_backs_off_keeps_its_stamp_and_wins_later)
{
	cross(&wait_die);
	cross(&wound_wait);
}

TEST(a_trylock_under_a_context_counts_as_its_lock)
{
	struct pair p;

	begin(&p, &wait_die);
	ASSERT_INT(actor_do(&p.older, ACT_LOCK, &p.a), ==, 0);
	ASSERT_INT(actor_do(&p.younger, ACT_TRYLOCK, &p.b), ==, 1);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.b), ==, -EALREADY);
	ASSERT_INT(actor_do(&p.younger, ACT_LOCK, &p.a), ==, -EDEADLK);
	actor_do(&p.younger, ACT_UNLOCK, &p.b);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	end(&p);

	begin(&p, &wound_wait);
	ASSERT_INT(actor_do(&p.younger, ACT_TRYLOCK, &p.a), ==, 1);
	actor_begin_waiting(&p.older, ACT_LOCK, &p.a, 1);
	WAIT_UNTIL(load_relaxed(&p.younger.own_ctx.wounded));
	actor_do(&p.younger, ACT_UNLOCK, &p.a);
	ASSERT_INT(actor_end(&p.older), ==, 0);
	actor_do(&p.older, ACT_UNLOCK, &p.a);
	end(&p);
}
