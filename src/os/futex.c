/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/atomic.h"
#include "os/fault.h"

#define NSEC_PER_SEC 1000000000
#define SPINS 200

/* 64-bit systems have one call; 32-bit ones have one for each size of time_t, or the new one only. */
#ifndef SYS_futex_time64
#define SYS_futex_time64 SYS_futex
#elif !defined(SYS_futex)
#define SYS_futex SYS_futex_time64
#endif

static long futex(const uint32_t *word, int op, uint32_t val, const struct timespec *deadline)
{
	/* NOLINTNEXTLINE(bugprone-branch-clone): the numbers are the same where there is one call */
	const long number = sizeof(time_t) > sizeof(long) ? SYS_futex_time64 : SYS_futex;

	return syscall(number, word, op | FUTEX_PRIVATE_FLAG, val, deadline, NULL,
		       FUTEX_BITSET_MATCH_ANY);
}

int os_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns, bool interruptible)
{
	/*
	 * Always with a deadline, be it three centuries away: the kernel restarts a
	 * wait without one behind a handler's back where SA_RESTART is set.
	 */
	const int64_t far = sizeof(time_t) < sizeof(int64_t) ? INT32_MAX : INT64_MAX;
	const int64_t seconds = deadline_ns / NSEC_PER_SEC;
	const struct timespec deadline = {
		.tv_sec = (time_t)(seconds < far ? seconds : far),
		.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC),
	};

	OS_RACE_POINT("futex: before sleep");
	if (!futex(word, FUTEX_WAIT_BITSET, expected, &deadline))
		return 0;
	if (errno == ETIMEDOUT)
		return -ETIMEDOUT;
	if (errno != EINTR || !interruptible)
		return 0;
	OS_RACE_POINT("futex: interrupted");
	return -EINTR;
}

void os_futex_wake_one(const uint32_t *word)
{
	OS_RACE_POINT("futex: wake");
	futex(word, FUTEX_WAKE, 1, NULL);
}

void os_futex_wake_all(const uint32_t *word)
{
	OS_RACE_POINT("futex: wake");
	futex(word, FUTEX_WAKE, INT_MAX, NULL);
}

unsigned int os_spin_limit(void)
{
	static unsigned int limit; /* relaxed: every thread finds the same value */
	unsigned int spins = load_relaxed(&limit);
	cpu_set_t cpus;

	if (spins)
		return spins - 1;
	spins = SPINS;
	if (!sched_getaffinity(0, sizeof(cpus), &cpus) && CPU_COUNT(&cpus) < 2)
		spins = 0;
	store_relaxed(&limit, spins + 1);
	return spins;
}

void os_yield(void)
{
	sched_yield();
}
