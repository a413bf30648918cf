/* SPDX-License-Identifier: MIT */
/* Counting and joining arguments, up to twelve. As in Linux. */
#ifndef LINUX_COMPAT_ARGS_H
#define LINUX_COMPAT_ARGS_H

#define LC_COUNT_ARGS(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, n, ...) n
#define COUNT_ARGS(args...) LC_COUNT_ARGS(, ##args, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define LC_CONCAT(a, b) a##b
#define CONCATENATE(a, b) LC_CONCAT(a, b)

#endif
