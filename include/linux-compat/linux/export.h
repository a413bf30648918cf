/* SPDX-License-Identifier: MIT */
/* Symbols for other modules. A program exports nothing. */
#ifndef LINUX_COMPAT_EXPORT_H
#define LINUX_COMPAT_EXPORT_H

#define EXPORT_SYMBOL(symbol) struct module
#define EXPORT_SYMBOL_GPL(symbol) struct module
#define EXPORT_SYMBOL_NS(symbol, namespace) struct module
#define EXPORT_SYMBOL_NS_GPL(symbol, namespace) struct module
#define MODULE_IMPORT_NS(namespace) struct module

struct module;
#define THIS_MODULE ((struct module *)0)

#endif
