/* SPDX-License-Identifier: MIT */
/* Addresses that nothing lies at, for pointers that must not be followed. */
#ifndef LINUX_COMPAT_POISON_H
#define LINUX_COMPAT_POISON_H

#define LIST_POISON1 ((void *)0x100)
#define LIST_POISON2 ((void *)0x122)

#endif
