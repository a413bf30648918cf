/* SPDX-License-Identifier: MIT */
/*
 * Beginnings and ends. What should run at boot runs when the program calls
 * linux_compat_modules_init(), see linux/module.h.
 */
#ifndef LINUX_COMPAT_INIT_H
#define LINUX_COMPAT_INIT_H

#include <linux/compiler.h>

#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata
#define __devinit
#define __ref
#define __refdata

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

/* Or the compiler may turn the calls of one file around. */
#ifdef __clang__
#define LC_IN_ORDER
#else
#define LC_IN_ORDER __attribute__((__no_reorder__))
#endif

/* Named sections, one a level, so that the linker says where each begins and ends. */
#define LC_INITCALL(fn, level) \
	static const initcall_t lc_init_##fn LC_IN_ORDER \
		__attribute__((__used__, __section__("lc_init_" #level))) = fn
#define LC_EXITCALL(fn) \
	static const exitcall_t lc_exit_##fn LC_IN_ORDER \
		__attribute__((__used__, __section__("lc_exit"))) = fn

#define core_initcall(fn) LC_INITCALL(fn, core);
#define subsys_initcall(fn) LC_INITCALL(fn, subsys);
#define fs_initcall(fn) LC_INITCALL(fn, fs);
#define device_initcall(fn) LC_INITCALL(fn, device);
#define late_initcall(fn) LC_INITCALL(fn, late);

#endif
