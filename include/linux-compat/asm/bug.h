/* SPDX-License-Identifier: MIT */
/* What must not happen: see linux/bug.h. */
#ifndef LINUX_COMPAT_ASM_BUG_H
#define LINUX_COMPAT_ASM_BUG_H

#include <linux/bug.h>

#endif
