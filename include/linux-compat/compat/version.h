/* SPDX-License-Identifier: MIT */
/*
 * Which Linux is meant: LINUX_COMPAT_VERSION, 6.12 unless the program is compiled
 * with another, as KERNEL_VERSION(6, 1, 0) or as 601 (100 * major + minor).
 * LINUX_VERSION_CODE is that version in Linux's form.
 */
#ifndef LINUX_COMPAT_VERSION_H
#define LINUX_COMPAT_VERSION_H

#undef KERNEL_VERSION
#define KERNEL_VERSION(major, minor, patch) \
	(((major) << 16) + ((minor) << 8) + ((patch) > 255 ? 255 : (patch)))

#ifndef LINUX_COMPAT_VERSION
#define LINUX_COMPAT_VERSION KERNEL_VERSION(6, 12, 0)
#endif

#undef LINUX_VERSION_CODE
#if LINUX_COMPAT_VERSION < KERNEL_VERSION(1, 0, 0)
#define LINUX_VERSION_CODE \
	KERNEL_VERSION((LINUX_COMPAT_VERSION) / 100, (LINUX_COMPAT_VERSION) % 100, 0)
#else
#define LINUX_VERSION_CODE (LINUX_COMPAT_VERSION)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "LINUX_COMPAT_VERSION: 6.1 is the oldest Linux that these headers stand for"
#endif

#endif
