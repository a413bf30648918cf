/* SPDX-License-Identifier: MIT */
/* Parameters of modules. They keep the values that the code gives them. */
#ifndef LINUX_COMPAT_MODULEPARAM_H
#define LINUX_COMPAT_MODULEPARAM_H

#include <linux/export.h>
#include <linux/init.h>
#include <linux/types.h>

#define module_param(name, type, perm) LC_PARAM(name, name)
#define module_param_unsafe(name, type, perm) LC_PARAM(name, name)
#define module_param_named(name, value, type, perm) LC_PARAM(name, value)
#define module_param_named_unsafe(name, value, type, perm) LC_PARAM(name, value)
#define module_param_string(name, string, length, perm) LC_PARAM(name, string)
#define module_param_array(name, type, count, perm) LC_PARAM_ARRAY(name, name, count)
#define module_param_array_named(name, array, type, count, perm) LC_PARAM_ARRAY(name, array, count)
#define MODULE_PARM_DESC(name, description) struct module

/* Their addresses are used, so that compilers do not complain. */
#define LC_PARAM(name, value) \
	static const volatile void *const lc_param_##name __attribute__((__unused__)) = &(value)

/* @count is the address of a number, or NULL. */
#define LC_PARAM_ARRAY(name, value, count) \
	LC_PARAM(name, value); \
	static const volatile void *const lc_param_count_##name __attribute__((__unused__)) = (count)

#endif
