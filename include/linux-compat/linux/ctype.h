/* SPDX-License-Identifier: MIT */
/* Kinds of characters, which are libc's. */
#ifndef LINUX_COMPAT_CTYPE_H
#define LINUX_COMPAT_CTYPE_H

#include <ctype.h>

#endif
