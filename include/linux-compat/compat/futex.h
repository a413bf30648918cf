/* SPDX-License-Identifier: MIT */
/* Sleeping on a word, and the clock that its deadlines are of. */
#ifndef LINUX_COMPAT_FUTEX_H
#define LINUX_COMPAT_FUTEX_H

#include <linux/types.h>

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LC_NSEC_PER_SEC 1000000000LL

/* Where there are two calls, SYS_futex takes the old time_t. */
#if defined(SYS_futex_time64) && __SIZEOF_LONG__ == 4
#define LC_SYS_FUTEX SYS_futex_time64
#else
#define LC_SYS_FUTEX SYS_futex
#endif

/* CLOCK_MONOTONIC, in nanoseconds. */
static inline int64_t lc_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * LC_NSEC_PER_SEC + now.tv_nsec;
}

/* @timeout nanoseconds from now; INT64_MAX is for ever. */
static inline int64_t lc_deadline(int64_t timeout)
{
	int64_t deadline;

	return __builtin_add_overflow(lc_now(), timeout, &deadline) ? INT64_MAX : deadline;
}

/*
 * Sleep while *@word is @expected. Always with a deadline, be it centuries away,
 * since the kernel restarts a wait without one behind a handler's back.
 *
 * 0: woken, or not as expected, or for no reason; -ETIMEDOUT; -EINTR: a handler ran.
 */
static inline int lc_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
	const struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / LC_NSEC_PER_SEC),
		.tv_nsec = (long)(deadline_ns % LC_NSEC_PER_SEC),
	};
	const int saved = errno;
	int err = 0;

	if (syscall(LC_SYS_FUTEX, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
		       &deadline, NULL, FUTEX_BITSET_MATCH_ANY) &&
	    (errno == ETIMEDOUT || errno == EINTR))
		err = -errno;
	errno = saved;
	return err;
}

static inline void lc_futex_wake(const uint32_t *word, int n)
{
	const int saved = errno;

	syscall(LC_SYS_FUTEX, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
	errno = saved;
}

#endif
