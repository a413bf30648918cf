/* SPDX-License-Identifier: MIT */
/* Checks of types, at compile time. */
#ifndef LINUX_COMPAT_TYPECHECK_H
#define LINUX_COMPAT_TYPECHECK_H

#define typecheck(type, x) ((void)sizeof((type *)0 == (__typeof__(x) *)0), 1)
#define typecheck_pointer(x) ((void)sizeof(*(x)), 1)

#endif
