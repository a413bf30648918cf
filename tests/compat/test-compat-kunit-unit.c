/* SPDX-License-Identifier: MIT */
#include "test-compat-kunit-unit.h"

#include <linux/module.h>
#include <linux/workqueue.h>

int unit_begin, unit_end, unit_fails;

static int __init begin(void)
{
	unit_begin++;
	return unit_fails;
}

static void __exit end(void)
{
	unit_end++;
}

late_initcall(begin);
module_exit(end);

struct task_struct *unit_current(void)
{
	return current;
}

static int runs;

static void run(struct work_struct *work)
{
	runs++;
}

static DECLARE_WORK(work, run);

bool unit_queues_work(void)
{
	schedule_work(&work);
	flush_work(&work);
	flush_scheduled_work();
	return runs == 1;
}

static void ignore(int level, const char *text)
{
}

linux_compat_printk_handler unit_printk_handler(void)
{
	linux_compat_set_printk_handler(ignore);
	return ignore;
}
