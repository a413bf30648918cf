/* SPDX-License-Identifier: MIT */
/* Passing time. As in Linux; those for atomic context spin. */
#ifndef LINUX_COMPAT_DELAY_H
#define LINUX_COMPAT_DELAY_H

#include <linux/sched.h>

static inline void lc_spin(u64 ns)
{
	const int64_t deadline = lc_deadline((int64_t)ns);

	while (lc_now() < deadline)
		cpu_relax();
}

#define ndelay(ns) lc_spin(ns)
#define udelay(us) lc_spin((u64)(us) * NSEC_PER_USEC)
#define mdelay(ms) lc_spin((u64)(ms) * NSEC_PER_MSEC)

/* For at least that long, whoever wakes the task, and for the timers that are due by then. */
static inline void lc_sleep(int64_t ns)
{
	const int64_t deadline = lc_deadline(ns);

	while (lc_now() < deadline) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		lc_schedule(deadline);
	}
	lc_timers_run_until(deadline);
}

static inline void msleep(unsigned int ms)
{
	lc_sleep(ms * NSEC_PER_MSEC);
}

static inline void ssleep(unsigned int seconds)
{
	lc_sleep(seconds * NSEC_PER_SEC);
}

static inline void usleep_range(unsigned long min_us, unsigned long max_us)
{
	(void)max_us;
	lc_sleep((int64_t)min_us * NSEC_PER_USEC);
}

static inline void fsleep(unsigned long us)
{
	lc_sleep((int64_t)us * NSEC_PER_USEC);
}

/* Milliseconds that are left when a handler ended the sleep. */
static inline unsigned long msleep_interruptible(unsigned int ms)
{
	long left = (long)msecs_to_jiffies(ms);

	do
		left = schedule_timeout_interruptible(left);
	while (left && !signal_pending(current));
	return jiffies_to_msecs((unsigned long)left);
}

#include <compat/common.h>

#endif
