/* SPDX-License-Identifier: MIT */
/* Searching what is sorted: bsearch() is libc's. */
#ifndef LINUX_COMPAT_BSEARCH_H
#define LINUX_COMPAT_BSEARCH_H

#include <stdlib.h>

#endif
