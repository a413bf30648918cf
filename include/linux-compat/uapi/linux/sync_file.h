/* SPDX-License-Identifier: MIT */
/* uapi/linux/sync_file.h - the system's header of that name: ioctl numbers and structures */
#ifndef LINUX_COMPAT_UAPI_LINUX_SYNC_FILE_H
#define LINUX_COMPAT_UAPI_LINUX_SYNC_FILE_H

#include_next <linux/sync_file.h>

#endif
