/* SPDX-License-Identifier: MIT */
/* Text of arguments. As in Linux. */
#ifndef LINUX_COMPAT_STRINGIFY_H
#define LINUX_COMPAT_STRINGIFY_H

#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)

#endif
