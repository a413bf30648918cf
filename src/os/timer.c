/* SPDX-License-Identifier: MIT */
#include "os/timer.h"

#include <errno.h>
#include <stddef.h>
#include <sys/timerfd.h>

#include "os/fault.h"

#define NSEC_PER_SEC 1000000000

int os_timer_create(void)
{
	int timer;

	if (OS_FAULT())
		return -EMFILE;
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return timer < 0 ? -errno : timer;
}

void os_timer_set(int timer, int64_t deadline_ns)
{
	const int64_t seconds = deadline_ns / NSEC_PER_SEC;
	const struct itimerspec at = {
		.it_value.tv_sec = (time_t)(seconds < INT32_MAX ? seconds : INT32_MAX), /* any time_t */
		.it_value.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC),
	};

	timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}
