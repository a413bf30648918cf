/* SPDX-License-Identifier: MIT */
/*
 * Questions about the configuration: true for what the program defines as 1, as
 * -DCONFIG_X=1. Linux's build includes this header everywhere, so all others do.
 */
#ifndef LINUX_COMPAT_KCONFIG_H
#define LINUX_COMPAT_KCONFIG_H

/* An option that is 1 turns into an argument more, which moves the 1 to second place. */
#define LC_ARGUMENT_1 0,
#define LC_SECOND(first, second, ...) second
#define LC_IS_ONE__(argument) LC_SECOND(argument 1, 0, 0)
#define LC_IS_ONE_(value) LC_IS_ONE__(LC_ARGUMENT_##value)
#define LC_IS_ONE(value) LC_IS_ONE_(value)

#define IS_BUILTIN(option) LC_IS_ONE(option)
#define IS_MODULE(option) LC_IS_ONE(option##_MODULE)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))
#define IS_REACHABLE(option) IS_ENABLED(option)

#endif
