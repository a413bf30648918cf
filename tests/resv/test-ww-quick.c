/* SPDX-License-Identifier: MIT */
/* ww_mutex without its queue: what is taken although it was held, and dropped without waiters. */
#include "ww-actor.h"

#include "os/futex.h"

static DEFINE_WD_CLASS(wait_die);

static struct {
	struct ww_mutex lock;
	struct actor holder, waiter;
} scene;

static void begin(void)
{
	ww_mutex_init(&scene.lock, &wait_die);
	actor_start(&scene.holder, &wait_die);
	actor_start(&scene.waiter, &wait_die);
}

static void end(void)
{
	os_race_hook(NULL);
	actor_quit(&scene.holder);
	actor_quit(&scene.waiter);
	ww_mutex_destroy(&scene.lock);
}

/*
 * Taking.
 */

static void drop_what_is_contended(const char *label)
{
	if (!strcmp(label, "ww_mutex: contended"))
		actor_do(&scene.holder, ACT_UNLOCK, &scene.lock);
}

/* The queue's lock is not to be had. */
TEST(who_holds_nothing_takes_what_is_free_in_a_moment)
{
	if (!os_spin_limit())
		test_skip();
	begin();
	ASSERT_INT(actor_do(&scene.holder, ACT_LOCK, &scene.lock), ==, 0);
	dmabuf_spin_lock(&scene.lock.base.wait_lock);
	os_race_hook(drop_what_is_contended);
	ASSERT_INT(actor_do(&scene.waiter, ACT_LOCK, &scene.lock), ==, 0);
	dmabuf_spin_unlock(&scene.lock.base.wait_lock);
	actor_do(&scene.waiter, ACT_UNLOCK, &scene.lock);
	end();
}
