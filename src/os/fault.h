/* SPDX-License-Identifier: MIT */
/*
 * Seams for the tests: made failures, and points where a race can be widened.
 *
 * The library that the tests link is the same source built with DMABUF_SEAMS; in
 * the installed library both macros are nothing.
 */
#ifndef OS_FAULT_H
#define OS_FAULT_H

#include <stdbool.h>

#ifdef DMABUF_SEAMS

/* Make the nth fallible call of this thread from now on fail; 1 is the next one. */
void os_fault_arm(unsigned int nth);

/* Stop making failures. True if one was made since os_fault_arm(). */
bool os_fault_disarm(void);

/* Asked by each fallible call: fail now? */
bool os_fault_hit(void);

/* Called at each race point with its label, from any thread; NULL: none. */
void os_race_hook(void (*hook)(const char *label));
void os_race_point(const char *label);

#define OS_FAULT() os_fault_hit()
#define OS_RACE_POINT(label) os_race_point(label)

#else

#define OS_FAULT() false
#define OS_RACE_POINT(label) ((void)0)

#endif
#endif
