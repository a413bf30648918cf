/* SPDX-License-Identifier: MIT */
/*
 * High-resolution timers. As in Linux, but the functions run in a thread
 * (compat/timers.h), and absolute times are CLOCK_MONOTONIC's whatever the clock.
 */
#ifndef LINUX_COMPAT_HRTIMER_H
#define LINUX_COMPAT_HRTIMER_H

#include <compat/timers.h>
#include <linux/ktime.h>

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };

enum hrtimer_mode {
	HRTIMER_MODE_ABS = 0x00,
	HRTIMER_MODE_REL = 0x01,
	HRTIMER_MODE_PINNED = 0x02,
	HRTIMER_MODE_SOFT = 0x04,
	HRTIMER_MODE_HARD = 0x08,
	HRTIMER_MODE_ABS_PINNED = HRTIMER_MODE_ABS | HRTIMER_MODE_PINNED,
	HRTIMER_MODE_REL_PINNED = HRTIMER_MODE_REL | HRTIMER_MODE_PINNED,
	HRTIMER_MODE_ABS_SOFT = HRTIMER_MODE_ABS | HRTIMER_MODE_SOFT,
	HRTIMER_MODE_REL_SOFT = HRTIMER_MODE_REL | HRTIMER_MODE_SOFT,
	HRTIMER_MODE_ABS_HARD = HRTIMER_MODE_ABS | HRTIMER_MODE_HARD,
	HRTIMER_MODE_REL_HARD = HRTIMER_MODE_REL | HRTIMER_MODE_HARD,
};

struct hrtimer {
	struct lc_timer lc_timer;
	enum hrtimer_restart (*function)(struct hrtimer *timer);
};

/* A function that wants to be called again has set the time by then. */
static inline void lc_hrtimer_fires(struct lc_timer *lc_timer)
{
	struct hrtimer *timer = container_of(lc_timer, struct hrtimer, lc_timer);

	if (timer->function(timer) != HRTIMER_RESTART)
		return;
	lc_lock_take(&lc_timers.lock);
	if (!lc_timer_pending(lc_timer))
		lc_timer_arm_locked(lc_timer, lc_timer->expires);
	lc_lock_drop(&lc_timers.lock);
}

static inline void hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode)
{
	(void)clock;
	(void)mode;
	*timer = (struct hrtimer){ .lc_timer = { .func = lc_hrtimer_fires } };
}

static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *timer),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}

#define hrtimer_init_on_stack(timer, clock, mode) hrtimer_init(timer, clock, mode)
#define hrtimer_setup_on_stack(timer, function, clock, mode) \
	hrtimer_setup(timer, function, clock, mode)
#define destroy_hrtimer_on_stack(timer) ((void)(timer))
#define hrtimer_update_function(timer, func) WRITE_ONCE((timer)->function, func)

static inline void hrtimer_start(struct hrtimer *timer, ktime_t time, const enum hrtimer_mode mode)
{
	lc_timer_arm(&timer->lc_timer, mode & HRTIMER_MODE_REL ? lc_deadline(time) : time);
}

#define hrtimer_start_range_ns(timer, time, range, mode) hrtimer_start(timer, time, mode)
#define hrtimer_get_expires(timer) ((ktime_t)(timer)->lc_timer.expires)
#define hrtimer_get_expires_ns(timer) ((s64)(timer)->lc_timer.expires)
#define hrtimer_set_expires(timer, time) ((void)((timer)->lc_timer.expires = (time)))
#define hrtimer_get_remaining(timer) ktime_sub(hrtimer_get_expires(timer), ktime_get())
#define hrtimer_cb_get_time(timer) ((void)(timer), ktime_get())

static inline void hrtimer_restart(struct hrtimer *timer)
{
	lc_timer_arm(&timer->lc_timer, timer->lc_timer.expires);
}

static inline bool hrtimer_is_queued(struct hrtimer *timer)
{
	return lc_timer_pending(&timer->lc_timer);
}

static inline bool hrtimer_callback_running(struct hrtimer *timer)
{
	return lc_timer_is_running(&timer->lc_timer);
}

static inline bool hrtimer_active(const struct hrtimer *timer)
{
	struct hrtimer *t = (struct hrtimer *)(uintptr_t)timer;

	return hrtimer_is_queued(t) || hrtimer_callback_running(t);
}

/* 1: it was armed. */
static inline int hrtimer_cancel(struct hrtimer *timer)
{
	return lc_timer_disarm(&timer->lc_timer, true);
}

/* -1: its function is running. */
static inline int hrtimer_try_to_cancel(struct hrtimer *timer)
{
	return lc_timer_try_disarm(&timer->lc_timer);
}

/* Move the time forward, in steps of @interval, until it is behind @now: how many steps. */
static inline u64 hrtimer_forward(struct hrtimer *timer, ktime_t now, ktime_t interval)
{
	const ktime_t late = now - timer->lc_timer.expires;
	u64 steps;

	if (late < 0)
		return 0;
	steps = (u64)(late / interval) + 1;
	timer->lc_timer.expires += (ktime_t)steps * interval;
	return steps;
}

#define hrtimer_forward_now(timer, interval) hrtimer_forward(timer, ktime_get(), interval)

#include <compat/common.h>

#endif
