/* SPDX-License-Identifier: MIT */
/* Error numbers, with those that only the kernel uses. libc includes this header from its own. */
#ifndef LINUX_COMPAT_ERRNO_H
#define LINUX_COMPAT_ERRNO_H

#include_next <linux/errno.h>

#ifndef ERESTARTSYS
#define ERESTARTSYS 512
#endif
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ENOIOCTLCMD 515
#define ERESTART_RESTARTBLOCK 516
#define EPROBE_DEFER 517
#define EOPENSTALE 518
#define ENOPARAM 519
#define ENOTSUPP 524

#endif
