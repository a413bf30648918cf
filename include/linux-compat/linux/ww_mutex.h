/* SPDX-License-Identifier: MIT */
/* linux/ww_mutex.h - locks that several threads may take in any order */
#ifndef LINUX_COMPAT_WW_MUTEX_H
#define LINUX_COMPAT_WW_MUTEX_H

#include <compat/tags.h>
#include <linux/mutex.h>

#include <dmabuf/ww-mutex.h>

#include <compat/common.h>

#endif
