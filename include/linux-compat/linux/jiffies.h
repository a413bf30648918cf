/* SPDX-License-Identifier: MIT */
/*
 * Jiffies. A jiffy is a nanosecond, and jiffies reads the clock. HZ is 1000000000 as a
 * long, so that 5 * HZ does not overflow.
 */
#ifndef LINUX_COMPAT_JIFFIES_H
#define LINUX_COMPAT_JIFFIES_H

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#undef HZ
#define HZ 1000000000L
#define TICK_NSEC 1
#define INITIAL_JIFFIES 0
#define MAX_JIFFY_OFFSET ((__LONG_MAX__ >> 1) - 1)

#define jiffies ((unsigned long)lc_now())
#define jiffies_64 ((u64)lc_now())
#define get_jiffies_64() jiffies_64

/* Right also where the count wraps. */
#define time_after(a, b) ((long)((unsigned long)(b) - (unsigned long)(a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b) (!time_before(a, b))
#define time_before_eq(a, b) (!time_after(a, b))
#define time_in_range(t, first, last) (time_after_eq(t, first) && time_before_eq(t, last))
#define time_is_before_jiffies(t) time_after(jiffies, t)
#define time_is_after_jiffies(t) time_before(jiffies, t)
#define time_is_before_eq_jiffies(t) time_after_eq(jiffies, t)
#define time_is_after_eq_jiffies(t) time_before_eq(jiffies, t)
#define time_after64(a, b) ((s64)((u64)(b) - (u64)(a)) < 0)
#define time_before64(a, b) time_after64(b, a)

static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return (int)ms < 0 ? MAX_JIFFY_OFFSET : ms * (unsigned long)NSEC_PER_MSEC;
}

static inline unsigned long usecs_to_jiffies(unsigned int us)
{
	return us * (unsigned long)NSEC_PER_USEC;
}

static inline unsigned long secs_to_jiffies(unsigned int secs)
{
	return secs * (unsigned long)NSEC_PER_SEC;
}

static inline unsigned long nsecs_to_jiffies(u64 ns)
{
	return (unsigned long)ns;
}

static inline u64 nsecs_to_jiffies64(u64 ns)
{
	return ns;
}

static inline unsigned int jiffies_to_msecs(unsigned long j)
{
	return (unsigned int)(j / NSEC_PER_MSEC);
}

static inline unsigned int jiffies_to_usecs(unsigned long j)
{
	return (unsigned int)(j / NSEC_PER_USEC);
}

static inline u64 jiffies_to_nsecs(unsigned long j)
{
	return j;
}

static inline u64 jiffies64_to_nsecs(u64 j)
{
	return j;
}

static inline u64 jiffies64_to_msecs(u64 j)
{
	return j / NSEC_PER_MSEC;
}

static inline unsigned long timespec64_to_jiffies(const struct timespec64 *ts)
{
	return (unsigned long)timespec64_to_ns(ts);
}

#endif
