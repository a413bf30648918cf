/* SPDX-License-Identifier: MIT */
/* A clock that rings: a descriptor, which is readable when its time has come. */
#ifndef OS_TIMER_H
#define OS_TIMER_H

#include <stdint.h>

/* It does not ring yet. Close-on-exec; or -errno. */
int os_timer_create(void);

/* It rings at @deadline_ns, above 0, and not before: what it was set to is forgotten. */
void os_timer_set(int timer, int64_t deadline_ns);

#endif
