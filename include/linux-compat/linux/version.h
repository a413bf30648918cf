/* SPDX-License-Identifier: MIT */
/* Linux's version. It is the one that LINUX_COMPAT_VERSION chooses, not the running kernel's. */
#ifndef LINUX_COMPAT_LINUX_VERSION_H
#define LINUX_COMPAT_LINUX_VERSION_H

#include <compat/version.h>

#endif
