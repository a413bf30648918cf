/* SPDX-License-Identifier: MIT */
/*
 * Functions that are called at a time: behind timers, high-resolution timers, delayed
 * work and irq_work. One thread calls them all, one after the other. It is made when
 * the first is armed, and stays for as long as the process; a forked child has none.
 *
 * Locking: lock guards all members, and those of each timer but func. The functions are
 * called without it. A function may free its own timer. Arming and disarming is for any
 * context; with @sync it waits for no more than the function.
 */
#ifndef LINUX_COMPAT_TIMERS_H
#define LINUX_COMPAT_TIMERS_H

#include <compat/lock.h>
#include <compat/thread.h>
#include <linux/bug.h>
#include <linux/rbtree.h>

#include <sys/prctl.h>

struct lc_timer {
	struct rb_node node;
	int64_t expires;
	uint32_t pending; /* atomic: also read without the lock */
	void (*func)(struct lc_timer *timer);
};

struct lc_timers {
	struct lc_lock lock;
	struct rb_root_cached queue;
	struct lc_timer *running; /* only compared */
	int64_t running_expires;
	uint32_t changed; /* atomic: there is something earlier */
	uint32_t ran;     /* atomic: a function has returned */
	pthread_once_t once;
	pid_t begun_by;   /* atomic: the process that has the thread */
	pthread_t thread; /* of no value before it runs */
};
LC_SHARED struct lc_timers lc_timers = { .once = PTHREAD_ONCE_INIT };

static inline bool lc_timer_pending(const struct lc_timer *timer)
{
	return __atomic_load_n(&timer->pending, __ATOMIC_RELAXED);
}

static inline bool lc_timer_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct lc_timer, node)->expires <
	       rb_entry(b, struct lc_timer, node)->expires;
}

/* Take @timer out of the queue; lock held. True: it was there. */
static inline bool lc_timer_unqueue(struct lc_timer *timer)
{
	if (!lc_timer_pending(timer))
		return false;
	rb_erase_cached(&timer->node, &lc_timers.queue);
	__atomic_store_n(&timer->pending, 0, __ATOMIC_RELAXED);
	return true;
}

/* Call what is due; lock held, and dropped meanwhile. False: nothing is. */
static inline bool lc_timers_run_first(void)
{
	struct rb_node *first = rb_first_cached(&lc_timers.queue);
	struct lc_timer *timer = rb_entry_safe(first, struct lc_timer, node);

	if (!timer || timer->expires > lc_now())
		return false;
	lc_timer_unqueue(timer);
	lc_timers.running = timer;
	lc_timers.running_expires = timer->expires;
	lc_lock_drop(&lc_timers.lock);
	timer->func(timer);
	lc_lock_take(&lc_timers.lock);
	lc_timers.running = NULL;
	__atomic_fetch_add(&lc_timers.ran, 1, __ATOMIC_RELEASE);
	lc_futex_wake(&lc_timers.ran, INT_MAX);
	return true;
}

static inline void *lc_timers_main(void *arg)
{
	prctl(PR_SET_NAME, "timers");
	lc_lock_take(&lc_timers.lock);
	lc_timers.thread = pthread_self();
	for (;;) {
		struct rb_node *first;
		int64_t deadline;
		uint32_t seen;

		while (lc_timers_run_first())
			;
		first = rb_first_cached(&lc_timers.queue);
		deadline = first ? rb_entry(first, struct lc_timer, node)->expires : INT64_MAX;
		seen = __atomic_load_n(&lc_timers.changed, __ATOMIC_RELAXED);
		lc_lock_drop(&lc_timers.lock);
		dmabuf_rcu_flush();
		lc_futex_wait(&lc_timers.changed, seen, deadline);
		lc_lock_take(&lc_timers.lock);
	}
	return arg;
}

static inline void lc_timers_make_thread(void)
{
	pthread_t thread;

	if (lc_thread_create(&thread, lc_timers_main, NULL))
		lc_bug(__FILE__, __LINE__, __func__, "no thread can be made for timers");
	pthread_detach(thread);
	__atomic_store_n(&lc_timers.begun_by, getpid(), __ATOMIC_RELEASE);
}

/* Before a timer is armed, and before the lock for that is taken. */
static inline void lc_timers_begin(void)
{
	pthread_once(&lc_timers.once, lc_timers_make_thread);
}

/* Call the function at @expires and no more than once. True: it was armed before. Lock held. */
static inline bool lc_timer_arm_locked(struct lc_timer *timer, int64_t expires)
{
	const bool was = lc_timer_unqueue(timer);

	timer->expires = expires;
	__atomic_store_n(&timer->pending, 1, __ATOMIC_RELAXED);
	if (rb_add_cached(&timer->node, &lc_timers.queue, lc_timer_less)) {
		__atomic_fetch_add(&lc_timers.changed, 1, __ATOMIC_RELEASE);
		lc_futex_wake(&lc_timers.changed, 1);
	}
	return was;
}

static inline bool lc_timer_arm(struct lc_timer *timer, int64_t expires)
{
	bool was;

	lc_timers_begin();
	lc_lock_take(&lc_timers.lock);
	was = lc_timer_arm_locked(timer, expires);
	lc_lock_drop(&lc_timers.lock);
	return was;
}

static inline bool lc_timer_is_running(struct lc_timer *timer)
{
	bool running;

	lc_lock_take(&lc_timers.lock);
	running = lc_timers.running == timer;
	lc_lock_drop(&lc_timers.lock);
	return running;
}

/* Lock held. */
static inline bool lc_timers_is_own_thread(void)
{
	return pthread_equal(pthread_self(), lc_timers.thread);
}

/* Wait until something has run; lock held, and dropped meanwhile. */
static inline void lc_timers_wait(void)
{
	const uint32_t seen = __atomic_load_n(&lc_timers.ran, __ATOMIC_RELAXED);

	lc_lock_drop(&lc_timers.lock);
	lc_futex_wait(&lc_timers.ran, seen, INT64_MAX);
	lc_lock_take(&lc_timers.lock);
}

/*
 * Disarm @timer. With @sync the function is not running either when it returns, but where
 * the function itself asks, and it cannot have armed the timer again.
 */
static inline bool lc_timer_disarm(struct lc_timer *timer, bool sync)
{
	bool was;

	lc_lock_take(&lc_timers.lock);
	was = lc_timer_unqueue(timer);
	while (sync && lc_timers.running == timer && !lc_timers_is_own_thread()) {
		lc_timers_wait();
		was |= lc_timer_unqueue(timer);
	}
	lc_lock_drop(&lc_timers.lock);
	return was;
}

/* Disarm @timer if its function is not running; -1: it is. */
static inline int lc_timer_try_disarm(struct lc_timer *timer)
{
	int was = -1;

	lc_lock_take(&lc_timers.lock);
	if (lc_timers.running != timer)
		was = lc_timer_unqueue(timer);
	lc_lock_drop(&lc_timers.lock);
	return was;
}

/* Is anything armed for @deadline or earlier that has not run to its end? Lock held. */
static inline bool lc_timers_are_due(int64_t deadline)
{
	struct rb_node *first = rb_first_cached(&lc_timers.queue);

	return (lc_timers.running && lc_timers.running_expires <= deadline) ||
	       (first && rb_entry(first, struct lc_timer, node)->expires <= deadline);
}

/*
 * Return when everything has run that was armed for @deadline or earlier. A time-out that
 * ends then lets the timers before it go first, as they do in Linux. It does nothing on the
 * timers' own thread, and where there is none.
 */
static inline void lc_timers_run_until(int64_t deadline)
{
	dmabuf_might_sleep();
	if (__atomic_load_n(&lc_timers.begun_by, __ATOMIC_ACQUIRE) != getpid())
		return;
	lc_lock_take(&lc_timers.lock);
	while (!lc_timers_is_own_thread() && lc_timers_are_due(deadline))
		lc_timers_wait();
	lc_lock_drop(&lc_timers.lock);
}

/* Wait until @timer is neither armed nor running. */
static inline void lc_timer_wait(struct lc_timer *timer)
{
	dmabuf_might_sleep();
	lc_lock_take(&lc_timers.lock);
	while (lc_timer_pending(timer) || lc_timers.running == timer)
		lc_timers_wait();
	lc_lock_drop(&lc_timers.lock);
}

#endif
