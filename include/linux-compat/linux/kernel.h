/* SPDX-License-Identifier: MIT */
/* What everything uses. libc includes this header from its own sys/sysinfo.h. */
#ifndef LINUX_COMPAT_KERNEL_H
#define LINUX_COMPAT_KERNEL_H

#include_next <linux/kernel.h>

#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sprintf.h>
#include <linux/stddef.h>
#include <linux/typecheck.h>
#include <linux/types.h>
#include <linux/wordpart.h>

#define might_fault() ((void)0)
#define panic(...) \
	do { \
		pr_emerg(__VA_ARGS__); \
		abort(); \
	} while (0)

#define _RET_IP_ ((unsigned long)__builtin_return_address(0))
#define _THIS_IP_ 0ul

#define u64_to_user_ptr(address) ((void __user *)(uintptr_t)(address))

#endif
