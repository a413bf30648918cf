/* SPDX-License-Identifier: MIT */
/* Ends of the types. libc includes this header from its own limits.h. */
#ifndef LINUX_COMPAT_LIMITS_H
#define LINUX_COMPAT_LIMITS_H

#include_next <linux/limits.h>

#define U8_MAX ((unsigned char)~0)
#define S8_MAX ((signed char)0x7f)
#define S8_MIN ((signed char)-0x80)
#define U16_MAX ((unsigned short)~0)
#define S16_MAX ((short)0x7fff)
#define S16_MIN ((short)-0x8000)
#define U32_MAX 0xffffffffu
#define S32_MAX 0x7fffffff
#define S32_MIN (-S32_MAX - 1)
#define U64_MAX 0xffffffffffffffffull
#define S64_MAX 0x7fffffffffffffffll
#define S64_MIN (-S64_MAX - 1)

#endif
