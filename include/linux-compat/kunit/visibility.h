/* SPDX-License-Identifier: MIT */
/* What only tests see: static unless CONFIG_KUNIT is defined. As in Linux. */
#ifndef LINUX_COMPAT_KUNIT_VISIBILITY_H
#define LINUX_COMPAT_KUNIT_VISIBILITY_H

#include <linux/export.h>
#include <linux/kconfig.h>

#if IS_ENABLED(CONFIG_KUNIT)
#define VISIBLE_IF_KUNIT
#else
#define VISIBLE_IF_KUNIT static
#endif
#define EXPORT_SYMBOL_IF_KUNIT(symbol) EXPORT_SYMBOL(symbol)

#endif
