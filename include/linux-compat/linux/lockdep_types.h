/* SPDX-License-Identifier: MIT */
/* What annotations of locks name. Empty. */
#ifndef LINUX_COMPAT_LOCKDEP_TYPES_H
#define LINUX_COMPAT_LOCKDEP_TYPES_H

struct lock_class_key {
	char unused;
};

struct lockdep_map {
	char unused;
};

struct pin_cookie {
	char unused;
};

#endif
