/* SPDX-License-Identifier: MIT */
/* Kinds and rights of files. libc includes this header from its own sys/stat.h. */
#ifndef LINUX_COMPAT_STAT_H
#define LINUX_COMPAT_STAT_H

#include_next <linux/stat.h>

#include <sys/stat.h>

#define S_IRWXUGO (S_IRWXU | S_IRWXG | S_IRWXO)
#define S_IRUGO (S_IRUSR | S_IRGRP | S_IROTH)
#define S_IWUGO (S_IWUSR | S_IWGRP | S_IWOTH)
#define S_IXUGO (S_IXUSR | S_IXGRP | S_IXOTH)

#endif
