/* SPDX-License-Identifier: MIT */
/* The one clock: CLOCK_MONOTONIC, in nanoseconds. What is signalled takes it from stamp.h. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

int64_t os_now_ns(void);

/* The point @timeout_ns from now; INT64_MAX stays INT64_MAX, and nothing overflows. */
int64_t os_deadline_ns(int64_t timeout_ns);

/* What is left until @deadline_ns: INT64_MAX for INT64_MAX, never below 0. */
int64_t os_remaining_ns(int64_t deadline_ns);

#endif
