/* SPDX-License-Identifier: MIT */
#include "os/clock.h"

#include <time.h>

#define NSEC_PER_SEC 1000000000

int64_t os_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

int64_t os_deadline_ns(int64_t timeout_ns)
{
	int64_t deadline;

	if (timeout_ns == INT64_MAX ||
	    __builtin_add_overflow(os_now_ns(), timeout_ns, &deadline))
		return INT64_MAX;
	return deadline;
}

int64_t os_remaining_ns(int64_t deadline_ns)
{
	int64_t now;

	if (deadline_ns == INT64_MAX)
		return INT64_MAX;
	now = os_now_ns();
	return now < deadline_ns ? deadline_ns - now : 0;
}
