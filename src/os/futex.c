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

static long futex_any(const uint32_t *word, int op, uint32_t val, const struct timespec *deadline)
{
	/* NOLINTNEXTLINE(bugprone-branch-clone): the numbers are the same where there is one call */
	const long number = sizeof(time_t) > sizeof(long) ? SYS_futex_time64 : SYS_futex;

	return syscall(number, word, op, val, deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

static long futex(const uint32_t *word, int op, uint32_t val, const struct timespec *deadline)
{
	return futex_any(word, op | FUTEX_PRIVATE_FLAG, val, deadline);
}

/*
 * Always with a deadline, be it three centuries away: the kernel restarts a wait without one
 * behind a handler's back where SA_RESTART is set.
 */
static struct timespec to_timespec(int64_t deadline_ns)
{
	const int64_t far = sizeof(time_t) < sizeof(int64_t) ? INT32_MAX : INT64_MAX;
	const int64_t seconds = deadline_ns / NSEC_PER_SEC;

	return (struct timespec){
		.tv_sec = (time_t)(seconds < far ? seconds : far),
		.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC),
	};
}

/* What a sleep that did not return 0 is to the caller. */
static int why_awake(bool interruptible)
{
	if (errno == ETIMEDOUT)
		return -ETIMEDOUT;
	if (errno != EINTR || !interruptible)
		return 0;
	OS_RACE_POINT("futex: interrupted");
	return -EINTR;
}

int os_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns, bool interruptible)
{
	const struct timespec deadline = to_timespec(deadline_ns);

	OS_RACE_POINT("futex: before sleep");
	if (!futex(word, FUTEX_WAIT_BITSET, expected, &deadline))
		return 0;
	return why_awake(interruptible);
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

/* As the kernel has them, in every header or not. */
struct waited {
	uint64_t value;
	uint64_t address;
	uint32_t flags;
	uint32_t reserved;
};

#define SYS_FUTEX_WAITV 449 /* on every machine; Linux 5.16 */
#define SIZE_32 2u

/* The kernel's own words for having slept, or not; sandboxes and old kernels have others. */
static int wait_for_all(const struct waited *waited, unsigned int count, int64_t deadline_ns)
{
	const int64_t deadline[2] = { deadline_ns / NSEC_PER_SEC, deadline_ns % NSEC_PER_SEC };

	if (OS_FAULT())
		return -ENOSYS;
	if (syscall(SYS_FUTEX_WAITV, waited, count, 0, deadline, CLOCK_MONOTONIC) >= 0)
		return 0;
	if (errno != ETIMEDOUT && errno != EAGAIN && errno != EINTR)
		return -ENOSYS;
	return why_awake(false);
}

static int wait_for_many(const struct os_futex_word *words, unsigned int count, int64_t deadline_ns)
{
	struct waited waited[OS_MOST_WORDS];

	for (unsigned int i = 0; i < count; i++)
		waited[i] = (struct waited){
			.value = words[i].expected,
			.address = (uintptr_t)words[i].word,
			.flags = words[i].is_shared ? SIZE_32 : SIZE_32 | FUTEX_PRIVATE_FLAG,
		};
	return wait_for_all(waited, count, deadline_ns);
}

int os_futex_wait_many(const struct os_futex_word *words, unsigned int count, int64_t deadline_ns)
{
	OS_RACE_POINT("futex: before sleep");
	return wait_for_many(words, count, deadline_ns);
}

int os_futex_wait_shared(const uint32_t *word, uint32_t expected, const uint32_t *own,
			 uint32_t own_expected, int64_t deadline_ns, bool interruptible)
{
	const struct os_futex_word two[] = {
		{ word, expected, true },
		{ own, own_expected, false },
	};
	int err = -ENOSYS;

	OS_RACE_POINT("futex: before sleep");
	if (!interruptible)
		err = wait_for_many(two, 2, deadline_ns);
	return err == -ENOSYS ? os_futex_wait_alone(word, expected, deadline_ns, interruptible) : err;
}

int os_futex_wait_alone(const uint32_t *word, uint32_t expected, int64_t deadline_ns,
			bool interruptible)
{
	const struct timespec deadline = to_timespec(deadline_ns);

	if (!futex_any(word, FUTEX_WAIT_BITSET, expected, &deadline))
		return 0;
	return why_awake(interruptible);
}

void os_futex_wake_shared(const uint32_t *word, bool all)
{
	OS_RACE_POINT("futex: wake");
	futex_any(word, FUTEX_WAKE, all ? INT_MAX : 1, NULL);
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
