/* SPDX-License-Identifier: MIT */
/* Flags of descriptors: libc's, since the UAPI's header of this name excludes that. */
#ifndef LINUX_COMPAT_FCNTL_H
#define LINUX_COMPAT_FCNTL_H

#include <fcntl.h>

#endif
