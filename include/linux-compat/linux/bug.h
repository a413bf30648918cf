/* SPDX-License-Identifier: MIT */
/*
 * What must not happen. WARN() reaches the handler of dmabuf_set_warn_handler() as
 * one line; BUG() says where it stands on stderr and aborts.
 */
#ifndef LINUX_COMPAT_BUG_H
#define LINUX_COMPAT_BUG_H

#include <linux/build_bug.h>
#include <linux/printk.h>

#include <stdlib.h>

void lc_warn(const char *where, int line, const char *func, const char *fmt, ...);
void lc_bug(const char *where, int line, const char *func, const char *cond)
	__attribute__((__noreturn__));

LC_SHARED void lc_warn(const char *where, int line, const char *func, const char *fmt, ...)
{
	char text[512];
	int length;
	va_list args;

	length = snprintf(text, sizeof(text), "%s:%d: %s: ", where, line, func);
	va_start(args, fmt);
	if (length < (int)sizeof(text))
		lc_vsnprintf(text + length, sizeof(text) - (size_t)length, fmt, args);
	va_end(args);
	length = (int)strlen(text);
	if (length && text[length - 1] == '\n')
		text[length - 1] = '\0';
	dmabuf_send_warning(text);
}

LC_SHARED void lc_bug(const char *where, int line, const char *func, const char *cond)
{
	fprintf(stderr, "%s:%d: %s: must not be: %s\n", where, line, func, cond);
	abort();
}

/* Each is worth its condition. */
#define LC_WARN(condition, once, ...) \
	({ \
		static bool lc_warned; \
		const bool lc_cond = !!(condition); \
		if (unlikely(lc_cond) && \
		    !(__atomic_exchange_n(&lc_warned, true, __ATOMIC_RELAXED) && (once))) \
			lc_warn(__FILE__, __LINE__, __func__, __VA_ARGS__); \
		unlikely(lc_cond); \
	})
#define WARN(condition, ...) LC_WARN(condition, false, __VA_ARGS__)
#define WARN_ONCE(condition, ...) LC_WARN(condition, true, __VA_ARGS__)
#define WARN_ON(condition) LC_WARN(condition, false, "%s", #condition)
#define WARN_ON_ONCE(condition) LC_WARN(condition, true, "%s", #condition)
#define WARN_ON_SMP(condition) WARN_ON(condition)
#define WARN_TAINT(condition, taint, ...) WARN(condition, __VA_ARGS__)

#define BUG() lc_bug(__FILE__, __LINE__, __func__, "to come here")
#define BUG_ON(condition) \
	do { \
		if (unlikely(condition)) \
			lc_bug(__FILE__, __LINE__, __func__, #condition); \
	} while (0)

#endif
