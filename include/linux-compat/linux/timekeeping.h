/* SPDX-License-Identifier: MIT */
/* Clocks. As in Linux; the coarse ones are no coarser than the others. */
#ifndef LINUX_COMPAT_TIMEKEEPING_H
#define LINUX_COMPAT_TIMEKEEPING_H

#include <compat/futex.h>
#include <linux/ktime.h>

static inline ktime_t lc_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static inline ktime_t ktime_get(void)
{
	return lc_now();
}

static inline u64 ktime_get_ns(void)
{
	return (u64)lc_now();
}

static inline time64_t ktime_get_seconds(void)
{
	return lc_now() / NSEC_PER_SEC;
}

static inline ktime_t ktime_get_real(void)
{
	return lc_clock(CLOCK_REALTIME);
}

static inline time64_t ktime_get_real_seconds(void)
{
	return ktime_get_real() / NSEC_PER_SEC;
}

static inline ktime_t ktime_get_boottime(void)
{
	return lc_clock(CLOCK_BOOTTIME);
}

static inline void ktime_get_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(lc_now());
}

static inline void ktime_get_real_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(ktime_get_real());
}

#define ktime_get_coarse() ktime_get()
#define ktime_get_coarse_ns() ktime_get_ns()
#define ktime_get_raw() lc_clock(CLOCK_MONOTONIC_RAW)
#define ktime_get_raw_ns() ((u64)ktime_get_raw())
#define ktime_get_mono_fast_ns() ktime_get_ns()
#define ktime_get_real_ns() ((u64)ktime_get_real())
#define ktime_get_boottime_ns() ((u64)ktime_get_boottime())

#endif
