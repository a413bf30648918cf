/* SPDX-License-Identifier: MIT */
/* The number of elements of an array, which must not be a pointer. */
#ifndef LINUX_COMPAT_ARRAY_SIZE_H
#define LINUX_COMPAT_ARRAY_SIZE_H

#include <linux/compiler.h>

#undef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]) + __must_be_array(array))
#define ARRAY_END(array) (&(array)[ARRAY_SIZE(array)])

#endif
