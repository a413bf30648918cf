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

/* Named sections, so that the linker says where each begins and ends. */
#define LC_INITCALL(fn) \
	static const initcall_t lc_init_##fn __attribute__((__used__, __section__("lc_init"))) = fn
#define LC_EXITCALL(fn) \
	static const exitcall_t lc_exit_##fn __attribute__((__used__, __section__("lc_exit"))) = fn

#define core_initcall(fn) LC_INITCALL(fn);
#define subsys_initcall(fn) LC_INITCALL(fn);
#define fs_initcall(fn) LC_INITCALL(fn);
#define device_initcall(fn) LC_INITCALL(fn);
#define late_initcall(fn) LC_INITCALL(fn);

#endif
