/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <dmabuf/ww-mutex.h>
#include <errno.h>

#include "resv/ww-mutex-internal.h"

static DEFINE_WW_CLASS(wound_wait);
static DEFINE_WD_CLASS(wait_die);

#define LOCKS 6
#define MEMBERS 4

struct torture {
	struct ww_class *ww_class;
	struct ww_mutex lock[LOCKS];
	unsigned long count[LOCKS]; /* plain: under its lock */
	unsigned long total;        /* atomic: what count[] must add up to */
	unsigned int rounds;
};

/* Take the first @n of @order under @ctx, backing off as told. */
static void lock_all(struct torture *t, struct ww_acquire_ctx *ctx, const unsigned int *order,
		     unsigned int n)
{
	unsigned int contended = n; /* none */

	for (;;) {
		unsigned int i;
		int err = 0;

		if (contended < n)
			ww_mutex_lock_slow(&t->lock[order[contended]], ctx);
		for (i = 0; i < n; i++) {
			if (i == contended)
				continue;
			err = ww_mutex_lock(&t->lock[order[i]], ctx);
			if (err)
				break;
		}
		if (!err)
			return;
		ASSERT_INT(err, ==, -EDEADLK);
		if (contended < n && contended > i)
			ww_mutex_unlock(&t->lock[order[contended]]);
		contended = i;
		while (i--)
			ww_mutex_unlock(&t->lock[order[i]]);
	}
}

static void job(struct torture *t, uint32_t *chance)
{
	unsigned int order[LOCKS], n = 1 + test_random(chance) % LOCKS;
	struct ww_acquire_ctx ctx;

	for (unsigned int i = 0; i < LOCKS; i++) {
		const unsigned int j = test_random(chance) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	ww_acquire_init(&ctx, t->ww_class);
	lock_all(t, &ctx, order, n);
	ww_acquire_done(&ctx);
	for (unsigned int i = 0; i < n; i++)
		t->count[order[i]]++;
	for (unsigned int i = 0; i < n; i++)
		ww_mutex_unlock(&t->lock[order[i]]);
	ww_acquire_fini(&ctx);
	fetch_add_relaxed(&t->total, n);
}

static void work(unsigned int index, void *arg)
{
	struct torture *t = arg;
	uint32_t chance = test_seed() + index;

	for (unsigned int i = 0; i < t->rounds; i++)
		job(t, &chance);
}

static void torture(struct ww_class *ww_class)
{
	struct torture t = { .ww_class = ww_class, .rounds = test_rounds(4000) };

	for (unsigned int i = 0; i < LOCKS; i++)
		ww_mutex_init(&t.lock[i], ww_class);
	test_race_begin();
	ww_mutex_inject_deadlocks(true);
	test_threads(MEMBERS, work, &t);
	ww_mutex_inject_deadlocks(false);
	test_race_end();
	for (unsigned int i = 0; i < LOCKS; i++) {
		ww_mutex_destroy(&t.lock[i]);
		t.total -= t.count[i];
	}
	ASSERT_INT(t.total, ==, 0);
}

TEST(torture_wound_wait)
{
	torture(&wound_wait);
}

TEST(torture_wait_die)
{
	torture(&wait_die);
}
