/* SPDX-License-Identifier: MIT */
/* The other translation unit of test-compat-kunit. */
#ifndef TEST_COMPAT_KUNIT_UNIT_H
#define TEST_COMPAT_KUNIT_UNIT_H

#include <linux/printk.h>
#include <linux/sched.h>

extern int unit_begin, unit_end, unit_fails;

struct task_struct *unit_current(void);
bool unit_queues_work(void);
linux_compat_printk_handler unit_printk_handler(void); /* sets one */

#endif
