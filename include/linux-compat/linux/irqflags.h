/* SPDX-License-Identifier: MIT */
/* Interrupts. There are none, so nothing is switched off; the flags are always 0. */
#ifndef LINUX_COMPAT_IRQFLAGS_H
#define LINUX_COMPAT_IRQFLAGS_H

#include <linux/compiler.h>

#define local_irq_disable() barrier()
#define local_irq_enable() barrier()
#define local_irq_save(flags) \
	do { \
		(flags) = 0; \
		barrier(); \
	} while (0)
#define local_irq_restore(flags) \
	do { \
		(void)(flags); \
		barrier(); \
	} while (0)
#define local_save_flags(flags) ((void)((flags) = 0))
#define irqs_disabled() false
#define irqs_disabled_flags(flags) ((void)(flags), false)

#endif
