/* SPDX-License-Identifier: MIT */
/* ww_mutex without its queue: what is taken although it was held, and dropped by a mere store. */
#include "ww-actor.h"

#include <errno.h>

#include "os/futex.h"
#include "resv/ww-mutex-internal.h"
#include "restless.h"

static DEFINE_WD_CLASS(wait_die);

/* Actors come and wait in this order. */
static struct {
	struct ww_mutex lock, other;
	struct actor holder, waiter, taker;
} scene;

static void begin(struct ww_class *ww_class)
{
	ww_mutex_init(&scene.lock, &wait_die);
	ww_mutex_init(&scene.other, &wait_die);
	actor_start(&scene.holder, ww_class);
	actor_start(&scene.waiter, ww_class);
	actor_start(&scene.taker, ww_class);
}

static void end(void)
{
	os_race_hook(NULL);
	actor_quit(&scene.holder);
	actor_quit(&scene.waiter);
	actor_quit(&scene.taker);
	ww_mutex_destroy(&scene.lock);
	ww_mutex_destroy(&scene.other);
}

static void take(struct actor *actor)
{
	ASSERT_INT(actor_do(actor, ACT_LOCK, &scene.lock), ==, 0);
}

static void drop(struct actor *actor)
{
	actor_do(actor, ACT_UNLOCK, &scene.lock);
}

/*
 * Taking.
 */

static void drop_what_is_contended(const char *label)
{
	if (!strcmp(label, "ww_mutex: contended"))
		drop(&scene.holder);
}

/* The queue's lock is not to be had. */
TEST(who_holds_nothing_takes_what_is_free_in_a_moment)
{
	if (!os_spin_limit())
		test_skip();
	begin(&wait_die);
	take(&scene.holder);
	dmabuf_spin_lock(&scene.lock.base.wait_lock);
	os_race_hook(drop_what_is_contended);
	take(&scene.waiter);
	dmabuf_spin_unlock(&scene.lock.base.wait_lock);
	drop(&scene.waiter);
	end();
}

/*
 * Dropping.
 */

#ifdef OS_HAS_RSEQ

static bool is_dropped_by_cas(void)
{
	return ww_word(&scene.lock) & WW_BY_CAS;
}

static void needs_rseq(void)
{
	if (!os_rseq_can_work())
		test_skip();
}

/* As holder of the mutex @actor will drop it by a store. */
static void take_to_store(struct actor *actor)
{
	take(actor);
	drop(actor);
	take(actor);
	ASSERT_FALSE(is_dropped_by_cas());
}

/* The holder drops the mutex, and stays between compare and store: unless it was preempted, true. */
static bool drop_and_stay(void)
{
	store_relaxed(&os_rseq_stays, 0);
	store_release(&os_rseq_stay, 1);
	actor_begin(&scene.holder, ACT_UNLOCK, &scene.lock);
	WAIT_UNTIL(load_acquire(&os_rseq_stays) || actor_is_done(&scene.holder));
	return !actor_is_done(&scene.holder);
}

static void let_it_store(void)
{
	store_release(&os_rseq_stay, 0);
}

TEST(who_meets_nobody_drops_by_a_store)
{
	const unsigned long given_up = load_relaxed(&os_rseq_given_up);

	needs_rseq();
	begin(NULL);
	take_to_store(&scene.holder);
	drop(&scene.holder);
	ASSERT_FALSE(ww_mutex_is_locked(&scene.lock));
	take(&scene.holder);
	/* Still, but for who was preempted. */
	ASSERT_TRUE(!is_dropped_by_cas() || load_relaxed(&os_rseq_given_up) != given_up);
	drop(&scene.holder);
	end();
}

static void store_when_somebody_sleeps(const char *label)
{
	if (!strcmp(label, "ww_mutex: before sleep"))
		let_it_store();
}

/* The store would be over the mark of who waits, and wake nobody. */
TEST(a_waiter_prevents_a_store_that_was_decided)
{
	needs_rseq();
	begin(NULL);
	os_race_hook(store_when_somebody_sleeps);
	do {
		let_it_store();
		take_to_store(&scene.holder);
	} while (!drop_and_stay());
	take(&scene.waiter);
	let_it_store();
	actor_end(&scene.holder);
	drop(&scene.waiter);
	end();
}

static struct {
	unsigned long given_up; /* before */
	bool done, in_vain;
} loss;

/* The waiter's mark is lost, and when that is over, the mutex is taken by somebody else. */
static void lose_the_mark(const char *label)
{
	if (strcmp(label, "ww_mutex: before the barrier") != 0 || loss.done)
		return;
	loss.done = true;
	let_it_store();
	WAIT_UNTIL(actor_is_done(&scene.holder) || load_relaxed(&os_rseq_given_up) != loss.given_up);
	loss.in_vain = !actor_is_done(&scene.holder);
	if (!loss.in_vain)
		take(&scene.taker);
}

/* False: by chance it was not. */
static bool waiter_loses_its_mark(void)
{
	loss.done = false;
	loss.given_up = load_relaxed(&os_rseq_given_up);
	let_it_store();
	take_to_store(&scene.holder);
	if (!drop_and_stay())
		return false;
	os_race_hook(lose_the_mark);
	actor_begin(&scene.waiter, ACT_LOCK, &scene.lock);
	WAIT_UNTIL(count_waiters(&scene.lock) == 1 || actor_is_done(&scene.waiter));
	os_race_hook(NULL);
	let_it_store();
	actor_end(&scene.holder);
	if (!loss.in_vain && loss.done)
		return true;
	actor_end(&scene.waiter);
	drop(&scene.waiter);
	return false;
}

/* On one processor, who stays would be preempted. */
TEST(a_waiter_whose_mark_is_lost_marks_who_holds_it_then)
{
	needs_rseq();
	if (!os_spin_limit())
		test_skip();
	begin(NULL);
	be_restless(true);
	take_to_store(&scene.taker);
	drop(&scene.taker);
	while (!waiter_loses_its_mark())
		;
	ASSERT_TRUE(is_dropped_by_cas());
	drop(&scene.taker);
	ASSERT_INT(actor_end(&scene.waiter), ==, 0);
	drop(&scene.waiter);
	be_restless(false);
	end();
}

/* Each visit costs the visitor a barrier. */
TEST(who_was_visited_rests)
{
	needs_rseq();
	begin(&wait_die);
	store_relaxed(&os_rseq_rest_length, 3);
	take_to_store(&scene.holder);
	ASSERT_INT(actor_do(&scene.waiter, ACT_LOCK, &scene.other), ==, 0);
	ASSERT_INT(actor_do(&scene.waiter, ACT_LOCK, &scene.lock), ==, -EDEADLK);
	actor_do(&scene.waiter, ACT_UNLOCK, &scene.other);
	drop(&scene.holder);
	for (unsigned int i = 0; i < 4; i++) {
		take(&scene.holder);
		ASSERT_TRUE(is_dropped_by_cas());
		drop(&scene.holder);
	}
	take(&scene.holder);
	ASSERT_FALSE(is_dropped_by_cas());
	drop(&scene.holder);
	be_restless(false);
	end();
}

/* Else each of those that it took before would look as if it had been visited. */
TEST(who_holds_others_rests_on)
{
	needs_rseq();
	begin(&wait_die);
	be_restless(true);
	take(&scene.holder);
	ASSERT_INT(actor_do(&scene.holder, ACT_LOCK, &scene.other), ==, 0);
	drop(&scene.holder);
	take(&scene.holder);
	ASSERT_TRUE(is_dropped_by_cas());
	drop(&scene.holder);
	actor_do(&scene.holder, ACT_UNLOCK, &scene.other);
	take(&scene.holder);
	ASSERT_FALSE(is_dropped_by_cas());
	drop(&scene.holder);
	be_restless(false);
	end();
}

/*
 * Two threads and one mutex, while drops stay between compare and store as long as chance has it.
 */

static struct {
	struct ww_mutex lock;
	unsigned long count; /* plain: under the lock */
	unsigned int rounds, working;
} hammered;

static void hammer(unsigned int index, void *unused)
{
	uint32_t chance = test_thread_seed();

	(void)unused;
	if (index == 2) {
		while (load_acquire(&hammered.working)) {
			store_relaxed(&os_rseq_stay, test_random(&chance) % 2);
			test_yield();
		}
		return;
	}
	for (unsigned int i = 0; i < hammered.rounds; i++) {
		test_operation();
		if (ww_mutex_lock(&hammered.lock, NULL))
			abort();
		hammered.count++;
		ww_mutex_unlock(&hammered.lock);
	}
	if (fetch_sub_acq_rel(&hammered.working, 1) == 1)
		let_it_store();
}

TORTURE(drops_that_are_interrupted_lose_nobody)
{
	needs_rseq();
	ww_mutex_init(&hammered.lock, &wait_die);
	hammered.count = 0;
	hammered.rounds = test_rounds(20000);
	hammered.working = 2;
	be_restless(true);
	test_threads(3, hammer, NULL);
	be_restless(false);
	let_it_store();
	ASSERT_INT(hammered.count, ==, 2 * hammered.rounds);
	ww_mutex_destroy(&hammered.lock);
}

#endif
