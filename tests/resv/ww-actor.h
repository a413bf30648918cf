/* SPDX-License-Identifier: MIT */
/*
 * Threads that do what the test tells them, one step at a time, so that who
 * waits for whom is certain.
 */
#ifndef WW_ACTOR_H
#define WW_ACTOR_H

#include "contended.h"
#include "harness.h"

#include <dmabuf/ww-mutex.h>
#include <pthread.h>
#include <signal.h>

enum act { ACT_LOCK, ACT_LOCK_INTR, ACT_SLOW, ACT_SLOW_INTR, ACT_TRYLOCK, ACT_UNLOCK, ACT_QUIT };

struct actor {
	struct test_thread *thread;
	pthread_t id;
	struct ww_class *ww_class; /* NULL: no context */
	struct ww_acquire_ctx own_ctx, *ctx;
	struct ww_mutex *lock; /* what the step is about */
	enum act act;
	int result;
	bool busy; /* atomic: the step belongs to the actor, else to the test */
};

static inline int actor_step(struct actor *actor)
{
	switch (actor->act) {
	case ACT_LOCK:
		return ww_mutex_lock(actor->lock, actor->ctx);
	case ACT_LOCK_INTR:
		return ww_mutex_lock_interruptible(actor->lock, actor->ctx);
	case ACT_SLOW:
		ww_after_deadlock(actor->lock, actor->ctx);
		ww_mutex_lock_slow(actor->lock, actor->ctx);
		return 0;
	case ACT_SLOW_INTR:
		ww_after_deadlock(actor->lock, actor->ctx);
		return ww_mutex_lock_slow_interruptible(actor->lock, actor->ctx);
	case ACT_TRYLOCK:
		return ww_mutex_trylock(actor->lock, actor->ctx);
	case ACT_UNLOCK:
		ww_mutex_unlock(actor->lock);
		return 0;
	case ACT_QUIT:
		break;
	}
	return 0;
}

static inline void actor_run(void *arg)
{
	struct actor *actor = arg;

	actor->id = pthread_self();
	if (actor->ww_class) {
		actor->ctx = &actor->own_ctx;
		ww_acquire_init(actor->ctx, actor->ww_class);
	}
	do {
		store_release(&actor->busy, false);
		WAIT_UNTIL(load_acquire(&actor->busy));
		actor->result = actor_step(actor);
	} while (actor->act != ACT_QUIT);
	if (actor->ctx)
		ww_acquire_fini(actor->ctx);
}

/* Actors get their stamps in the order in which they start. */
static inline void actor_start(struct actor *actor, struct ww_class *ww_class)
{
	*actor = (struct actor){ .ww_class = ww_class, .busy = true };
	actor->thread = test_thread_start(actor_run, actor);
	WAIT_UNTIL(!load_acquire(&actor->busy));
}

static inline void actor_begin(struct actor *actor, enum act act, struct ww_mutex *lock)
{
	actor->act = act;
	actor->lock = lock;
	store_release(&actor->busy, true);
}

static inline bool actor_is_done(const struct actor *actor)
{
	return !load_acquire(&actor->busy);
}

static inline int actor_end(struct actor *actor)
{
	WAIT_UNTIL(actor_is_done(actor));
	return actor->result;
}

static inline int actor_do(struct actor *actor, enum act act, struct ww_mutex *lock)
{
	actor_begin(actor, act, lock);
	return actor_end(actor);
}

static inline void actor_quit(struct actor *actor)
{
	actor_begin(actor, ACT_QUIT, NULL);
	test_thread_join(actor->thread);
}

static inline unsigned int count_waiters(struct ww_mutex *lock)
{
	unsigned int n = 0;

	dmabuf_spin_lock(&lock->base.wait_lock);
	if (lock->base.first) {
		const struct dmabuf_list_head *node = lock->base.first;

		do {
			n++;
			node = node->next;
		} while (node != lock->base.first);
	}
	dmabuf_spin_unlock(&lock->base.wait_lock);
	return n;
}

/* Begin a step that must wait, as the nth in the queue. */
static inline void actor_begin_waiting(struct actor *actor, enum act act, struct ww_mutex *lock,
				       unsigned int nth)
{
	actor_begin(actor, act, lock);
	WAIT_UNTIL(count_waiters(lock) == nth || actor_is_done(actor));
	ASSERT_FALSE(actor_is_done(actor));
}

/* Signal it until its step ends: a signal that comes before it sleeps is not seen. */
static inline int actor_interrupt(struct actor *actor)
{
	while (!actor_is_done(actor)) {
		pthread_kill(actor->id, SIGUSR1);
		test_yield();
	}
	return actor->result;
}

#endif
