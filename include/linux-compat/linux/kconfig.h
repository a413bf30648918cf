/* SPDX-License-Identifier: MIT */
/*
 * Questions about the configuration: true for what the program defines as 1, as
 * -DCONFIG_X=1; and what else is everywhere in Linux's build, so that all others include
 * this header.
 */
#ifndef LINUX_COMPAT_KCONFIG_H
#define LINUX_COMPAT_KCONFIG_H

/* An option that is 1 turns into an argument more, which moves the 1 to second place. */
#define LC_ARGUMENT_1 0,
#define LC_SECOND(first, second, ...) second
#define LC_IS_ONE__(argument) LC_SECOND(argument 1, 0, 0)
#define LC_IS_ONE_(value) LC_IS_ONE__(LC_ARGUMENT_##value)
#define LC_IS_ONE(value) LC_IS_ONE_(value)

/* Linux's build says of which module a file is, where this program's does not. */
#ifndef KBUILD_MODNAME
#define KBUILD_MODNAME "program"
#endif
#ifndef KBUILD_BASENAME
#define KBUILD_BASENAME __FILE__
#endif

/*
 * Linux is compiled without these warnings of -Wall, so that its code is not free of what
 * they complain of.
 */
#ifndef LC_ALL_WARNINGS
#pragma GCC diagnostic ignored "-Wpointer-sign"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wunused-const-variable"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wunused-function"
#else
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif

#define IS_BUILTIN(option) LC_IS_ONE(option)
#define IS_MODULE(option) LC_IS_ONE(option##_MODULE)
#define IS_ENABLED(option) (IS_BUILTIN(option) || IS_MODULE(option))
#define IS_REACHABLE(option) IS_ENABLED(option)

#endif
