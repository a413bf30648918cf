/* SPDX-License-Identifier: MIT */
/* Where code runs. Always in a thread that others may interrupt; nothing can prevent that. */
#ifndef LINUX_COMPAT_PREEMPT_H
#define LINUX_COMPAT_PREEMPT_H

#include <linux/compiler.h>

#define preempt_disable() barrier()
#define preempt_enable() barrier()
#define preempt_count() 0
#define preemptible() true
#define in_interrupt() false
#define in_irq() false
#define in_hardirq() false
#define in_softirq() false
#define in_serving_softirq() false
#define in_nmi() false
#define in_task() true
#define in_atomic() false

#endif
