/* SPDX-License-Identifier: MIT */
/* Interrupts. There are none, so none can be asked for; only types and questions. */
#ifndef LINUX_COMPAT_INTERRUPT_H
#define LINUX_COMPAT_INTERRUPT_H

#include <linux/bottom_half.h>
#include <linux/irqflags.h>
#include <linux/irqreturn.h>
#include <linux/preempt.h>

#endif
