/* SPDX-License-Identifier: MIT */
/* References of tasks, which stand in compat/task.h. */
#ifndef LINUX_COMPAT_SCHED_TASK_H
#define LINUX_COMPAT_SCHED_TASK_H

#include <compat/task.h>
#include <linux/cleanup.h>

DEFINE_FREE(put_task, struct task_struct *, if (_T) put_task_struct(_T))

#endif
