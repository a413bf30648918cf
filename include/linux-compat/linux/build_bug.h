/* SPDX-License-Identifier: MIT */
/* What must hold at compile time. BUILD_BUG_ON() takes integer constant expressions only. */
#ifndef LINUX_COMPAT_BUILD_BUG_H
#define LINUX_COMPAT_BUILD_BUG_H

#include <linux/compiler.h>

#include <assert.h>

#define BUILD_BUG_ON_MSG(cond, text) _Static_assert(!(cond), text)
#define BUILD_BUG_ON(cond) BUILD_BUG_ON_MSG(cond, "must not hold: " #cond)
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) BUILD_BUG_ON((n) == 0 || ((n) & ((n) - 1)))
#define BUILD_BUG_ON_ZERO(cond, ...) \
	((int)sizeof(struct { \
		_Static_assert(!(cond), "must not hold: " #cond); \
		int lc_member; \
	}) * 0)
#define BUILD_BUG_ON_INVALID(expression) ((void)sizeof((long)(expression)))

#undef static_assert
#define static_assert(cond, ...) LC_STATIC_ASSERT(cond, ##__VA_ARGS__, #cond)
#define LC_STATIC_ASSERT(cond, text, ...) _Static_assert(cond, text)

#endif
