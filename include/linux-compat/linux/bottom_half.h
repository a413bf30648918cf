/* SPDX-License-Identifier: MIT */
/* Bottom halves. There are none to switch off. */
#ifndef LINUX_COMPAT_BOTTOM_HALF_H
#define LINUX_COMPAT_BOTTOM_HALF_H

#include <linux/compiler.h>

#define local_bh_disable() barrier()
#define local_bh_enable() barrier()

#endif
