/* SPDX-License-Identifier: MIT */
/*
 * What the library says: warnings, which are survived, and bugs, which are not.
 *
 * The caller's contract is checked always. The library's own invariants are
 * checked in debug builds (DMABUF_CHECKS).
 */
#ifndef OS_REPORT_H
#define OS_REPORT_H

#include <dmabuf/dmabuf-types.h>

#include "os/atomic.h"

/* To the warn handler. */
void dmabuf_warn(const char *fmt, ...) DMABUF_PRINTF(1, 2) __attribute__((cold));

/* One line on stderr, then abort(). The sentence says what to do instead. */
void dmabuf_bug(const char *fmt, ...) DMABUF_PRINTF(1, 2) __attribute__((cold, noreturn));

/* The same, of a text that is ready, of any length. */
void dmabuf_die(const char *message) __attribute__((cold, noreturn));

/* Warn if @cond; its value, so that the caller can return as Linux does. */
#define dmabuf_warn_on(cond, ...) \
	(unlikely(cond) ? (dmabuf_warn(__VA_ARGS__), true) : false)

#define dmabuf_bug_on(cond, ...)                  \
	do {                                      \
		if (unlikely(cond))               \
			dmabuf_bug(__VA_ARGS__);  \
	} while (0)

#ifdef DMABUF_CHECKS
#define dmabuf_check(cond) \
	dmabuf_bug_on(!(cond), "%s:%d: broken inside: %s; please report it", __FILE__, __LINE__, #cond)
#else
#define dmabuf_check(cond) ((void)sizeof(!(cond)))
#endif

#endif
