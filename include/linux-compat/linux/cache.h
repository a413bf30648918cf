/* SPDX-License-Identifier: MIT */
/* Lines of the cache, taken to be 64 bytes. */
#ifndef LINUX_COMPAT_CACHE_H
#define LINUX_COMPAT_CACHE_H

#include <linux/align.h>
#include <linux/compiler.h>

#define L1_CACHE_SHIFT 6
#define L1_CACHE_BYTES (1 << L1_CACHE_SHIFT)
#define SMP_CACHE_BYTES L1_CACHE_BYTES
#define L1_CACHE_ALIGN(x) ALIGN(x, L1_CACHE_BYTES)
#define cache_line_size() L1_CACHE_BYTES

#endif
