/* SPDX-License-Identifier: MIT */
/* Time. The structures of the UAPI's header of this name are libc's. */
#ifndef LINUX_COMPAT_TIME_H
#define LINUX_COMPAT_TIME_H

#include <linux/time64.h>
#include <linux/time_types.h>

#include <sys/time.h>
#include <time.h>

#endif
