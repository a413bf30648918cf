/* SPDX-License-Identifier: MIT */
/* ww_mutex's queue: its order, who may pass it, and what a signal does to it. */
#include "ww-actor.h"

#include <errno.h>

static DEFINE_WW_CLASS(wound_wait);
static DEFINE_WD_CLASS(wait_die);

#define ACTORS 4

struct queue {
	struct ww_mutex lock;
	struct actor actor[ACTORS];
};

/* The test holds the mutex. @with_ctx: bit i: actor i has a context. */
static void begin(struct queue *q, struct ww_class *ww_class, unsigned int with_ctx)
{
	ww_mutex_init(&q->lock, ww_class);
	ASSERT_INT(ww_mutex_lock(&q->lock, NULL), ==, 0);
	for (unsigned int i = 0; i < ACTORS; i++)
		actor_start(&q->actor[i], with_ctx & 1 << i ? ww_class : NULL);
}

static void end(struct queue *q)
{
	for (unsigned int i = 0; i < ACTORS; i++)
		actor_quit(&q->actor[i]);
	ww_mutex_destroy(&q->lock);
}

/* Queue them in the order @came; after an unlock they must get the mutex in the order @served. */
static void expect_order(struct queue *q, const unsigned int *came, const unsigned int *served)
{
	for (unsigned int i = 0; i < ACTORS; i++)
		actor_begin_waiting(&q->actor[came[i]], ACT_LOCK, &q->lock, i + 1);
	ww_mutex_unlock(&q->lock);
	for (unsigned int i = 0; i < ACTORS; i++) {
		ASSERT_INT(actor_end(&q->actor[served[i]]), ==, 0);
		for (unsigned int j = i + 1; j < ACTORS; j++)
			ASSERT_FALSE(actor_is_done(&q->actor[served[j]]));
		actor_do(&q->actor[served[i]], ACT_UNLOCK, &q->lock);
	}
}

TEST(waiters_without_a_context_are_served_as_they_came)
{
	static const unsigned int order[] = { 2, 0, 3, 1 };
	struct queue q;

	begin(&q, &wait_die, 0);
	expect_order(&q, order, order);
	end(&q);
}

TEST(waiters_with_a_context_are_served_by_age)
{
	static const unsigned int came[] = { 2, 0, 3, 1 }, served[] = { 0, 1, 2, 3 };
	struct queue q;

	begin(&q, &wait_die, 0xf);
	expect_order(&q, came, served);
	end(&q);
	begin(&q, &wound_wait, 0xf);
	expect_order(&q, came, served);
	end(&q);
}

/* A context passes younger ones, and whoever is between; not who is before them. */
TEST(contexts_keep_behind_who_came_before_all_younger_ones)
{
	static const unsigned int came[] = { 0, 3, 1, 2 }, served[] = { 0, 2, 3, 1 };
	struct queue q;

	begin(&q, &wait_die, 1 << 2 | 1 << 3);
	expect_order(&q, came, served);
	end(&q);
}

/*
 * Signals.
 */

static void on_signal(int signo)
{
	(void)signo;
}

static void catch_signals(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	sigemptyset(&action.sa_mask);
	ASSERT_INT(sigaction(SIGUSR1, &action, NULL), ==, 0);
}

/* Interrupt the first, a middle and the last waiter; the others must notice nothing. */
static void interrupt_each(struct ww_class *ww_class, unsigned int with_ctx, enum act act)
{
	for (unsigned int victim = 0; victim < ACTORS; victim++) {
		struct queue q;

		begin(&q, ww_class, with_ctx);
		for (unsigned int i = 0; i < ACTORS; i++)
			actor_begin_waiting(&q.actor[i], i == victim ? act : ACT_LOCK, &q.lock, i + 1);
		ASSERT_INT(actor_interrupt(&q.actor[victim]), ==, -EINTR);
		ASSERT_INT(count_waiters(&q.lock), ==, ACTORS - 1);
		ww_mutex_unlock(&q.lock);
		for (unsigned int i = 0; i < ACTORS; i++) {
			if (i == victim)
				continue;
			ASSERT_INT(actor_end(&q.actor[i]), ==, 0);
			actor_do(&q.actor[i], ACT_UNLOCK, &q.lock);
		}
		end(&q);
	}
}

TEST(a_signal_ends_an_interruptible_wait)
{
	catch_signals(0);
	interrupt_each(&wait_die, 0, ACT_LOCK_INTR);
	interrupt_each(&wait_die, 0xf, ACT_LOCK_INTR);
	interrupt_each(&wound_wait, 0xf, ACT_LOCK_INTR);
	interrupt_each(&wait_die, 0xf, ACT_SLOW_INTR);
}

TEST(a_signal_ends_it_also_where_calls_are_restarted)
{
	catch_signals(SA_RESTART);
	interrupt_each(&wait_die, 0xf, ACT_LOCK_INTR);
}

TEST(a_signal_does_not_end_other_waits)
{
	struct queue q;

	catch_signals(0);
	begin(&q, &wait_die, 0xf);
	actor_begin_waiting(&q.actor[0], ACT_LOCK, &q.lock, 1);
	actor_begin_waiting(&q.actor[1], ACT_SLOW, &q.lock, 2);
	for (unsigned int i = 0; i < 100; i++) {
		pthread_kill(q.actor[0].id, SIGUSR1);
		pthread_kill(q.actor[1].id, SIGUSR1);
		test_yield();
	}
	ASSERT_FALSE(actor_is_done(&q.actor[0]));
	ASSERT_FALSE(actor_is_done(&q.actor[1]));
	ww_mutex_unlock(&q.lock);
	ASSERT_INT(actor_end(&q.actor[0]), ==, 0);
	actor_do(&q.actor[0], ACT_UNLOCK, &q.lock);
	ASSERT_INT(actor_end(&q.actor[1]), ==, 0);
	actor_do(&q.actor[1], ACT_UNLOCK, &q.lock);
	end(&q);
}

TEST(after_a_signal_the_contexts_other_locks_are_still_held)
{
	struct ww_mutex other;
	struct queue q;

	catch_signals(0);
	ww_mutex_init(&other, &wait_die);
	begin(&q, &wait_die, 0xf);
	ASSERT_INT(actor_do(&q.actor[0], ACT_LOCK, &other), ==, 0);
	actor_begin_waiting(&q.actor[0], ACT_LOCK_INTR, &q.lock, 1);
	ASSERT_INT(actor_interrupt(&q.actor[0]), ==, -EINTR);
	ASSERT_TRUE(ww_mutex_is_locked(&other));
	actor_do(&q.actor[0], ACT_UNLOCK, &other);
	ww_mutex_unlock(&q.lock);
	end(&q);
	ww_mutex_destroy(&other);
}

/*
 * Passing. The gate holds the first waiter where it has been woken and has not
 * looked yet.
 */

static struct {
	pthread_t who;         /* constant while the hook is set */
	bool closed;           /* atomic */
	unsigned int arrivals; /* atomic: at the gate */
	unsigned int sleeps;   /* atomic */
	struct actor *actor;   /* constant while the hook is set */
} gate;

static void gate_hook(const char *label)
{
	if (!pthread_equal(pthread_self(), gate.who))
		return;
	if (!strcmp(label, "ww_mutex: before sleep"))
		fetch_add_release(&gate.sleeps, 1);
	if (strcmp(label, "ww_mutex: woken"))
		return;
	fetch_add_release(&gate.arrivals, 1);
	WAIT_UNTIL(!load_acquire(&gate.closed));
}

static void unlock_and_hold_the_first(struct ww_mutex *lock)
{
	const unsigned int arrivals = load_acquire(&gate.arrivals);

	store_release(&gate.closed, true);
	ww_mutex_unlock(lock);
	WAIT_UNTIL(load_acquire(&gate.arrivals) > arrivals);
}

static void hold_before_sleep(const char *label)
{
	if (!pthread_equal(pthread_self(), gate.who) || strcmp(label, "ww_mutex: before sleep"))
		return;
	fetch_add_release(&gate.arrivals, 1);
	WAIT_UNTIL(!load_acquire(&gate.closed));
}

TEST(an_unlock_just_before_a_waiter_sleeps_is_not_missed)
{
	const unsigned int arrivals = load_acquire(&gate.arrivals);
	struct queue q;

	begin(&q, &wait_die, 0);
	gate.who = q.actor[0].id;
	gate.closed = true;
	os_race_hook(hold_before_sleep);
	actor_begin_waiting(&q.actor[0], ACT_LOCK, &q.lock, 1);
	WAIT_UNTIL(load_acquire(&gate.arrivals) > arrivals);
	ww_mutex_unlock(&q.lock);
	store_release(&gate.closed, false);
	ASSERT_INT(actor_end(&q.actor[0]), ==, 0);
	os_race_hook(NULL);
	actor_do(&q.actor[0], ACT_UNLOCK, &q.lock);
	end(&q);
}

TEST(a_woken_waiter_is_passed_over_once_and_not_twice)
{
	unsigned int sleeps;
	struct queue q;

	begin(&q, &wait_die, 0);
	gate.who = q.actor[0].id;
	gate.closed = false;
	os_race_hook(gate_hook);
	actor_begin_waiting(&q.actor[0], ACT_LOCK, &q.lock, 1);

	/* It is free and the first is awake: who comes now may have it. */
	unlock_and_hold_the_first(&q.lock);
	ASSERT_INT(ww_mutex_trylock(&q.lock, NULL), ==, 1);
	sleeps = load_acquire(&gate.sleeps);
	store_release(&gate.closed, false);
	WAIT_UNTIL(load_acquire(&gate.sleeps) > sleeps);

	/* The first was woken in vain: now it has precedence. */
	unlock_and_hold_the_first(&q.lock);
	ASSERT_INT(ww_mutex_trylock(&q.lock, NULL), ==, 0);
	actor_begin_waiting(&q.actor[1], ACT_LOCK, &q.lock, 2);
	store_release(&gate.closed, false);
	ASSERT_INT(actor_end(&q.actor[0]), ==, 0);
	ASSERT_FALSE(actor_is_done(&q.actor[1]));
	actor_do(&q.actor[0], ACT_UNLOCK, &q.lock);
	ASSERT_INT(actor_end(&q.actor[1]), ==, 0);
	actor_do(&q.actor[1], ACT_UNLOCK, &q.lock);
	os_race_hook(NULL);
	end(&q);
}

/* Wait-die: the first may wait for a younger holder; when an older one passes, it must die. */
TEST(a_waiter_with_a_lock_dies_when_an_older_one_passes_it)
{
	struct ww_mutex other;
	struct queue q;

	ww_mutex_init(&other, &wait_die);
	begin(&q, &wait_die, 0xf);
	ASSERT_INT(actor_do(&q.actor[1], ACT_LOCK, &other), ==, 0);
	gate.who = q.actor[1].id;
	gate.closed = false;
	os_race_hook(gate_hook);
	actor_begin_waiting(&q.actor[1], ACT_LOCK, &q.lock, 1);
	unlock_and_hold_the_first(&q.lock);
	ASSERT_INT(actor_do(&q.actor[0], ACT_TRYLOCK, &q.lock), ==, 1);
	store_release(&gate.closed, false);
	ASSERT_INT(actor_end(&q.actor[1]), ==, -EDEADLK);
	os_race_hook(NULL);
	actor_do(&q.actor[0], ACT_UNLOCK, &q.lock);
	actor_do(&q.actor[1], ACT_UNLOCK, &other);
	end(&q);
	ww_mutex_destroy(&other);
}

static void pass_the_queue(enum act act, int taken)
{
	struct ww_mutex other;
	struct queue q;

	ww_mutex_init(&other, &wait_die);
	begin(&q, &wait_die, 1 << 2 | 1 << 3);
	ASSERT_INT(actor_do(&q.actor[3], ACT_LOCK, &other), ==, 0);
	gate.who = q.actor[0].id;
	gate.closed = false;
	os_race_hook(gate_hook);
	actor_begin_waiting(&q.actor[0], ACT_LOCK, &q.lock, 1);
	actor_begin_waiting(&q.actor[3], ACT_LOCK, &q.lock, 2);
	unlock_and_hold_the_first(&q.lock);
	ASSERT_INT(actor_do(&q.actor[2], act, &q.lock), ==, taken);
	ASSERT_INT(actor_end(&q.actor[3]), ==, -EDEADLK);
	store_release(&gate.closed, false);
	actor_do(&q.actor[2], ACT_UNLOCK, &q.lock);
	ASSERT_INT(actor_end(&q.actor[0]), ==, 0);
	os_race_hook(NULL);
	actor_do(&q.actor[0], ACT_UNLOCK, &q.lock);
	actor_do(&q.actor[3], ACT_UNLOCK, &other);
	end(&q);
	ww_mutex_destroy(&other);
}

/* The same for one that nobody has woken, since others are before it. */
TEST(a_sleeper_with_a_lock_dies_when_an_older_one_passes_the_queue)
{
	pass_the_queue(ACT_TRYLOCK, 1);
	pass_the_queue(ACT_LOCK, 0);
}

/* Wound-wait: who passes an older waiter is wounded like a holder it had found. */
TEST(who_passes_an_older_waiter_is_wounded)
{
	struct queue q;

	begin(&q, &wound_wait, 0xf);
	gate.who = q.actor[0].id;
	gate.closed = false;
	os_race_hook(gate_hook);
	actor_begin_waiting(&q.actor[0], ACT_LOCK, &q.lock, 1);
	unlock_and_hold_the_first(&q.lock);
	ASSERT_INT(actor_do(&q.actor[1], ACT_TRYLOCK, &q.lock), ==, 1);
	ASSERT_TRUE(load_relaxed(&q.actor[1].own_ctx.wounded));
	store_release(&gate.closed, false);
	actor_do(&q.actor[1], ACT_UNLOCK, &q.lock);
	ASSERT_INT(actor_end(&q.actor[0]), ==, 0);
	os_race_hook(NULL);
	actor_do(&q.actor[0], ACT_UNLOCK, &q.lock);
	end(&q);
}

/* What was free when it looked is the first waiter's when it comes to pass it. */
static void let_the_first_be_faster(const char *label)
{
	gate_hook(label);
	if (strcmp(label, "ww_mutex: before passing"))
		return;
	store_release(&gate.closed, false);
	ASSERT_INT(actor_end(gate.actor), ==, 0);
}

TEST(who_would_pass_comes_too_late)
{
	struct queue q;

	begin(&q, &wait_die, 0);
	gate.who = q.actor[0].id;
	gate.actor = &q.actor[0];
	gate.closed = false;
	os_race_hook(let_the_first_be_faster);
	actor_begin_waiting(&q.actor[0], ACT_LOCK, &q.lock, 1);
	unlock_and_hold_the_first(&q.lock);
	ASSERT_INT(ww_mutex_trylock(&q.lock, NULL), ==, 0);
	os_race_hook(NULL);
	actor_do(&q.actor[0], ACT_UNLOCK, &q.lock);
	ASSERT_FALSE(ww_mutex_is_locked(&q.lock));
	end(&q);
}

/*
 * The only waiter leaves between the two halves of an unlock. The mutex must then
 * become free in one step outside wait_lock, or its next user could destroy it
 * under the first one's feet.
 */

static struct queue *leaving;
static unsigned int late_steps;

static void leave_hook(const char *label)
{
	struct queue *q = leaving;

	if (!pthread_equal(pthread_self(), gate.who))
		return;
	if (!strcmp(label, "ww_mutex: unlock with waiters"))
		ASSERT_INT(actor_interrupt(&q->actor[0]), ==, -EINTR);
	if (!strcmp(label, "ww_mutex: before wake"))
		late_steps++;
}

TEST(an_unlock_whose_last_waiter_leaves_is_one_step)
{
	struct queue q;

	catch_signals(0);
	begin(&q, &wait_die, 0);
	actor_begin_waiting(&q.actor[0], ACT_LOCK_INTR, &q.lock, 1);
	leaving = &q;
	late_steps = 0;
	gate.who = pthread_self();
	os_race_hook(leave_hook);
	ww_mutex_unlock(&q.lock);
	os_race_hook(NULL);
	ASSERT_INT(late_steps, ==, 0);
	ASSERT_FALSE(ww_mutex_is_locked(&q.lock));
	end(&q);
}

/* And the next waiter may come right then. */

static void leave_and_come_hook(const char *label)
{
	leave_hook(label);
	if (pthread_equal(pthread_self(), gate.who) && !strcmp(label, "ww_mutex: nobody waits any more"))
		actor_begin_waiting(&leaving->actor[1], ACT_LOCK, &leaving->lock, 1);
}

TEST(an_unlock_finds_who_came_when_the_last_waiter_had_left)
{
	struct queue q;

	catch_signals(0);
	begin(&q, &wait_die, 0);
	actor_begin_waiting(&q.actor[0], ACT_LOCK_INTR, &q.lock, 1);
	leaving = &q;
	gate.who = pthread_self();
	os_race_hook(leave_and_come_hook);
	ww_mutex_unlock(&q.lock);
	os_race_hook(NULL);
	ASSERT_INT(actor_end(&q.actor[1]), ==, 0);
	actor_do(&q.actor[1], ACT_UNLOCK, &q.lock);
	end(&q);
}
