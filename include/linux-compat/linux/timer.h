/* SPDX-License-Identifier: MIT */
/*
 * Timers, in jiffies, which are nanoseconds. As in Linux, but the functions run in a
 * thread (compat/timers.h). Names of all versions are there.
 */
#ifndef LINUX_COMPAT_TIMER_H
#define LINUX_COMPAT_TIMER_H

#include <compat/timers.h>
#include <linux/jiffies.h>

struct timer_list {
	struct lc_timer lc_timer;
	unsigned long expires;
	void (*function)(struct timer_list *timer);
	u32 flags;
};

#define TIMER_DEFERRABLE 0x1u
#define TIMER_IRQSAFE 0x2u
#define TIMER_PINNED 0x4u

static inline void lc_timer_list_fires(struct lc_timer *lc_timer)
{
	struct timer_list *timer = container_of(lc_timer, struct timer_list, lc_timer);
	void (*function)(struct timer_list *timer) = READ_ONCE(timer->function);

	if (function)
		function(timer);
}

#define __TIMER_INITIALIZER(callback, timer_flags) \
	{ \
		.lc_timer = { .func = lc_timer_list_fires }, \
		.function = (callback), \
		.flags = (timer_flags), \
	}
#define DEFINE_TIMER(name, func) struct timer_list name = __TIMER_INITIALIZER(func, 0)

static inline void timer_setup(struct timer_list *timer, void (*func)(struct timer_list *timer),
			       unsigned int flags)
{
	*timer = (struct timer_list)__TIMER_INITIALIZER(func, flags);
}

#define timer_setup_on_stack(timer, func, flags) timer_setup(timer, func, flags)
#define __timer_setup(timer, func, flags) timer_setup(timer, func, flags)

static inline int timer_pending(const struct timer_list *timer)
{
	return lc_timer_pending(&timer->lc_timer);
}

static inline int64_t lc_jiffies_deadline(unsigned long expires)
{
	return expires > INT64_MAX ? INT64_MAX : (int64_t)expires;
}

/* 1: it was armed. A timer that was shut down stays off. */
static inline int mod_timer(struct timer_list *timer, unsigned long expires)
{
	int was = 0;

	lc_timers_begin();
	lc_lock_take(&lc_timers.lock);
	if (READ_ONCE(timer->function)) {
		WRITE_ONCE(timer->expires, expires);
		was = lc_timer_arm_locked(&timer->lc_timer, lc_jiffies_deadline(expires));
	}
	lc_lock_drop(&lc_timers.lock);
	return was;
}

/* Only if it is armed. */
static inline int mod_timer_pending(struct timer_list *timer, unsigned long expires)
{
	int was;

	lc_lock_take(&lc_timers.lock);
	was = timer_pending(timer);
	if (was) {
		WRITE_ONCE(timer->expires, expires);
		lc_timer_arm_locked(&timer->lc_timer, lc_jiffies_deadline(expires));
	}
	lc_lock_drop(&lc_timers.lock);
	return was;
}

/* Only if that is earlier, or it is not armed. */
static inline int timer_reduce(struct timer_list *timer, unsigned long expires)
{
	int was;

	lc_timers_begin();
	lc_lock_take(&lc_timers.lock);
	was = timer_pending(timer);
	if (timer->function && (!was || time_before(expires, timer->expires))) {
		WRITE_ONCE(timer->expires, expires);
		lc_timer_arm_locked(&timer->lc_timer, lc_jiffies_deadline(expires));
	}
	lc_lock_drop(&lc_timers.lock);
	return was;
}

static inline void add_timer(struct timer_list *timer)
{
	BUG_ON(timer_pending(timer));
	mod_timer(timer, timer->expires);
}

#define add_timer_on(timer, cpu) add_timer(timer)

/* 1: it was armed. */
static inline int del_timer(struct timer_list *timer)
{
	return lc_timer_disarm(&timer->lc_timer, false);
}

static inline int del_timer_sync(struct timer_list *timer)
{
	return lc_timer_disarm(&timer->lc_timer, true);
}

/* -1: its function is running, and it is not known whether it will be armed again. */
static inline int try_to_del_timer_sync(struct timer_list *timer)
{
	return lc_timer_try_disarm(&timer->lc_timer);
}

static inline int timer_shutdown(struct timer_list *timer)
{
	WRITE_ONCE(timer->function, NULL);
	return del_timer(timer);
}

static inline int timer_shutdown_sync(struct timer_list *timer)
{
	WRITE_ONCE(timer->function, NULL);
	return del_timer_sync(timer);
}

/* libc has a function of this name. */
#define timer_delete(timer) del_timer(timer)
#define timer_delete_sync(timer) del_timer_sync(timer)
#define del_singleshot_timer_sync(timer) del_timer_sync(timer)
#define destroy_timer_on_stack(timer) ((void)(timer))
#define timer_destroy_on_stack(timer) ((void)(timer))

#define from_timer(var, callback_timer, member) \
	container_of(callback_timer, __typeof__(*(var)), member)
#define timer_container_of(var, callback_timer, member) from_timer(var, callback_timer, member)

#define round_jiffies(j) (j)
#define round_jiffies_relative(j) (j)
#define round_jiffies_up(j) (j)

#include <compat/common.h>

#endif
