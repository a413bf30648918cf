/* SPDX-License-Identifier: MIT */
/* From a member to its structure. As in Linux, but without its check of the member's type. */
#ifndef LINUX_COMPAT_CONTAINER_OF_H
#define LINUX_COMPAT_CONTAINER_OF_H

#include <linux/stddef.h>

#undef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define container_of_const(ptr, type, member) container_of(ptr, type, member)
#define typeof_member(type, member) __typeof__(((type *)0)->member)

#endif
