/* SPDX-License-Identifier: MIT */
/* Guards against speculation. The program has no secrets from itself. */
#ifndef LINUX_COMPAT_NOSPEC_H
#define LINUX_COMPAT_NOSPEC_H

#define array_index_nospec(index, size) ((void)(size), (index))
#define barrier_nospec() ((void)0)

#endif
