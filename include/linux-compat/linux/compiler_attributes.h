/* SPDX-License-Identifier: MIT */
/* Hints for the compiler: all of them stand in linux/compiler.h. */
#ifndef LINUX_COMPAT_COMPILER_ATTRIBUTES_H
#define LINUX_COMPAT_COMPILER_ATTRIBUTES_H

#include <linux/compiler.h>

#endif
