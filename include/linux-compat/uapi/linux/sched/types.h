/* SPDX-License-Identifier: MIT */
/* struct sched_param, which is libc's. */
#ifndef LINUX_COMPAT_UAPI_SCHED_TYPES_H
#define LINUX_COMPAT_UAPI_SCHED_TYPES_H

#include <sched.h>

#endif
