/* SPDX-License-Identifier: MIT */
/* ww_mutex under fire: many threads, random order, made-up deadlocks, race points. */
#include "harness.h"

#include <dmabuf/ww-mutex.h>
#include <errno.h>

#include "resv/ww-mutex-internal.h"
#include "restless.h"

static DEFINE_WW_CLASS(wound_wait);
static DEFINE_WD_CLASS(wait_die);

#define LOCKS 6
#define THREADS 4

struct torture {
	struct ww_class *ww_class;
	struct ww_mutex lock[LOCKS];
	unsigned long count[LOCKS]; /* plain: each under its lock */
	unsigned long total;        /* atomic: what count[] must add up to */
	unsigned int rounds;
};

static int take(struct ww_mutex *lock, struct ww_acquire_ctx *ctx, uint32_t chance)
{
	switch (chance % 4) {
	case 0:
		return ww_mutex_trylock(lock, ctx) ? 0 : ww_mutex_lock(lock, ctx);
	case 1:
		return ww_mutex_lock_interruptible(lock, ctx);
	default:
		return ww_mutex_lock(lock, ctx);
	}
}

/* Take order[0..n), except the one that is held, if any. Returns how many it got to. */
static unsigned int take_others(struct torture *t, struct ww_acquire_ctx *ctx,
				const unsigned int *order, unsigned int n, unsigned int held,
				uint32_t *chance)
{
	for (unsigned int i = 0; i < n; i++) {
		int err;

		if (i == held)
			continue;
		err = take(&t->lock[order[i]], ctx, test_random(chance));
		if (!err)
			continue;
		ASSERT_INT(err, ==, -EDEADLK);
		return i;
	}
	return n;
}

static void take_all(struct torture *t, struct ww_acquire_ctx *ctx, const unsigned int *order,
		     unsigned int n, uint32_t *chance)
{
	unsigned int held = n; /* none */

	for (;;) {
		unsigned int got = take_others(t, ctx, order, n, held, chance);
		const unsigned int missing = got;

		if (got == n)
			return;
		if (held < n && held > got)
			ww_mutex_unlock(&t->lock[order[held]]);
		while (got--)
			ww_mutex_unlock(&t->lock[order[got]]);
		ww_mutex_lock_slow(&t->lock[order[missing]], ctx);
		held = missing;
	}
}

static void job(struct torture *t, uint32_t *chance)
{
	const unsigned int n = 1 + test_random(chance) % LOCKS;
	struct ww_acquire_ctx ctx;
	unsigned int order[LOCKS];

	for (unsigned int i = 0; i < LOCKS; i++) {
		const unsigned int j = test_random(chance) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	ww_acquire_init(&ctx, t->ww_class);
	take_all(t, &ctx, order, n, chance);
	ww_acquire_done(&ctx);
	for (unsigned int i = 0; i < n; i++)
		t->count[order[i]]++;
	for (unsigned int i = 0; i < n; i++)
		ww_mutex_unlock(&t->lock[order[i]]);
	ww_acquire_fini(&ctx);
	fetch_add_relaxed(&t->total, n);
}

/* One lock, no context. */
static void small_job(struct torture *t, uint32_t *chance)
{
	const unsigned int which = test_random(chance) % LOCKS;
	const uint32_t how = test_random(chance);

	if (take(&t->lock[which], NULL, how))
		abort();
	t->count[which]++;
	ww_mutex_unlock(&t->lock[which]);
	fetch_add_relaxed(&t->total, 1);
}

static void work(unsigned int index, void *arg)
{
	struct torture *t = arg;
	uint32_t chance = test_thread_seed();

	(void)index;
	for (unsigned int i = 0; i < t->rounds; i++) {
		test_operation();
		if (test_random(&chance) % 4)
			job(t, &chance);
		else
			small_job(t, &chance);
	}
}

static void torture(struct ww_class *ww_class)
{
	struct torture t = { .ww_class = ww_class, .rounds = test_rounds(4000) };

	for (unsigned int i = 0; i < LOCKS; i++)
		ww_mutex_init(&t.lock[i], ww_class);
	test_race_begin();
	be_restless(true);
	ww_mutex_inject_deadlocks(true);
	test_threads(THREADS, work, &t);
	ww_mutex_inject_deadlocks(false);
	be_restless(false);
	test_race_end();
	for (unsigned int i = 0; i < LOCKS; i++) {
		ww_mutex_destroy(&t.lock[i]);
		t.total -= t.count[i];
	}
	ASSERT_INT(t.total, ==, 0);
}

TORTURE(wound_wait_excludes_and_every_job_ends)
{
	torture(&wound_wait);
}

TORTURE(wait_die_excludes_and_every_job_ends)
{
	torture(&wait_die);
}

/*
 * The last user destroys and frees, while others may still be on their way out
 * of ww_mutex_unlock(). AddressSanitizer watches.
 */

struct shared {
	struct ww_mutex lock;
	unsigned int users; /* under lock */
};

struct relay {
	struct shared *round[64];
	unsigned int rounds;
};

static void use_once(unsigned int index, void *arg)
{
	struct relay *relay = arg;

	(void)index;
	for (unsigned int i = 0; i < relay->rounds; i++) {
		struct shared *shared = relay->round[i];
		bool last;

		test_operation();
		if (ww_mutex_lock(&shared->lock, NULL))
			abort();
		last = !--shared->users;
		ww_mutex_unlock(&shared->lock);
		if (!last)
			continue;
		ww_mutex_destroy(&shared->lock);
		memset(shared, 0xff, sizeof(*shared));
		free(shared);
	}
}

TORTURE(the_last_user_may_free_the_mutex_at_once)
{
	const unsigned int rounds = test_rounds(20);

	test_race_begin();
	be_restless(true);
	for (unsigned int i = 0; i < rounds; i++) {
		struct relay relay = { .rounds = 64 };

		for (unsigned int j = 0; j < relay.rounds; j++) {
			relay.round[j] = malloc(sizeof(struct shared));
			ASSERT_PTR(relay.round[j], !=, NULL);
			ww_mutex_init(&relay.round[j]->lock, &wait_die);
			relay.round[j]->users = THREADS;
		}
		test_threads(THREADS, use_once, &relay);
	}
	be_restless(false);
	test_race_end();
}
