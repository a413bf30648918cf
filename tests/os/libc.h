/* SPDX-License-Identifier: MIT */
/*
 * Answers that the kernel gives too seldom for a test to wait for them. A test program that
 * defines a function of libc's is asked in its place, and asks libc by NEXT().
 */
#ifndef TESTS_LIBC_H
#define TESTS_LIBC_H

#include <dlfcn.h>
#include <errno.h>

#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

#endif
