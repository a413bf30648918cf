/* SPDX-License-Identifier: MIT */
/* What is done once, by whoever comes first; others do not wait for it. */
#ifndef LINUX_COMPAT_ONCE_H
#define LINUX_COMPAT_ONCE_H

#include <linux/printk.h>

#define DO_ONCE_LITE(func, args...) LC_ONCE(func(args))

#endif
