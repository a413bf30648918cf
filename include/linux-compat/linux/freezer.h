/* SPDX-License-Identifier: MIT */
/* Sleeping through a suspend. A program is frozen without being asked. */
#ifndef LINUX_COMPAT_FREEZER_H
#define LINUX_COMPAT_FREEZER_H

#include <linux/sched.h>

#define set_freezable() ((void)0)
#define try_to_freeze() false
#define freezing(task) ((void)(task), false)
#define freezable_schedule() schedule()
#define freezable_schedule_timeout(timeout) schedule_timeout(timeout)

#endif
