/* SPDX-License-Identifier: MIT */
/* Addresses of code, for tests that make some. */
#ifndef CODE_H
#define CODE_H

#include <stdint.h>

#ifdef __arm__

/* Thumb: pointers to functions are odd, and no call is shorter than two bytes. */
#define code_of(function) ((uintptr_t)(function) & ~(uintptr_t)1)
#define SHORTEST_CALL 2
#define FIRST_CALL "+0x1"

#else

#define code_of(function) ((uintptr_t)(function))
#define SHORTEST_CALL 1
#define FIRST_CALL "+0"

#endif

/* Where a call at the very beginning of a function returns to; to be found at FIRST_CALL. */
#define first_return(function) ((const void *)(code_of(function) + SHORTEST_CALL))

#endif
