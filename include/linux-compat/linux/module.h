/* SPDX-License-Identifier: MIT */
/*
 * Modules. Their functions are listed, and a program that wants them calls
 * linux_compat_modules_init() and linux_compat_modules_exit() itself; all other words
 * about a module mean nothing.
 */
#ifndef LINUX_COMPAT_MODULE_H
#define LINUX_COMPAT_MODULE_H

#include <linux/export.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/wait.h>

#define module_init(fn) LC_INITCALL(fn);
#define module_exit(fn) LC_EXITCALL(fn);

extern const initcall_t __start_lc_init[] __attribute__((__weak__, __visibility__("hidden")));
extern const initcall_t __stop_lc_init[] __attribute__((__weak__, __visibility__("hidden")));
extern const exitcall_t __start_lc_exit[] __attribute__((__weak__, __visibility__("hidden")));
extern const exitcall_t __stop_lc_exit[] __attribute__((__weak__, __visibility__("hidden")));

/* Extension: begin all modules of the program, in the order linked. 0, or the first error. */
static inline int linux_compat_modules_init(void)
{
	for (const initcall_t *init = __start_lc_init; init < __stop_lc_init; init++) {
		const int err = (*init)();

		if (err)
			return err;
	}
	return 0;
}

/* Extension: end all modules, the last one first. */
static inline void linux_compat_modules_exit(void)
{
	for (const exitcall_t *exit_call = __stop_lc_exit; exit_call-- > __start_lc_exit;)
		(*exit_call)();
}

#define MODULE_INFO(tag, info) struct module
#define MODULE_LICENSE(license) struct module
#define MODULE_AUTHOR(author) struct module
#define MODULE_DESCRIPTION(description) struct module
#define MODULE_VERSION(version) struct module
#define MODULE_ALIAS(alias) struct module
#define MODULE_FIRMWARE(firmware) struct module
#define MODULE_SOFTDEP(dependency) struct module
#define MODULE_DEVICE_TABLE(type, name) struct module

static inline bool try_module_get(struct module *module)
{
	(void)module;
	return true;
}

static inline void __module_get(struct module *module)
{
	(void)module;
}

static inline void module_put(struct module *module)
{
	(void)module;
}

#define module_name(module) ((void)(module), KBUILD_MODNAME)

#include <compat/common.h>

#endif
