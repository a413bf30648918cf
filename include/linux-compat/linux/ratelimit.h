/* SPDX-License-Identifier: MIT */
/* Limits of how often something is said. There is none. */
#ifndef LINUX_COMPAT_RATELIMIT_H
#define LINUX_COMPAT_RATELIMIT_H

#include <linux/bug.h>

struct ratelimit_state {
	long interval; /* jiffies, which are many here */
	int burst;
};

#define DEFINE_RATELIMIT_STATE(name, interval_, burst_) \
	struct ratelimit_state name = { .interval = (interval_), .burst = (burst_) }
#define ratelimit_state_init(rs, interval_, burst_) \
	((void)(*(rs) = (struct ratelimit_state){ .interval = (interval_), .burst = (burst_) }))
#define __ratelimit(rs) ((void)(rs), 1)
#define WARN_ON_RATELIMIT(condition, rs) ((void)(rs), WARN_ON(condition))

#endif
