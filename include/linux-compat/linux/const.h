/* SPDX-License-Identifier: MIT */
/* Constants for C and assembler: the UAPI's. */
#ifndef LINUX_COMPAT_CONST_H
#define LINUX_COMPAT_CONST_H

#include_next <linux/const.h>

#define UL(x) (_UL(x))
#define ULL(x) (_ULL(x))

#endif
