/* SPDX-License-Identifier: MIT */
/*
 * printk(): to a handler that the program may set, by default to stderr. Each call
 * is one text of at most 1023 bytes. No function here checks its format (see
 * compat/format.h). pr_debug() and its kin are silent unless DEBUG is defined.
 */
#ifndef LINUX_COMPAT_PRINTK_H
#define LINUX_COMPAT_PRINTK_H

#include <compat/format.h>
#include <linux/kern_levels.h>

/* @level is 0 (emergency) to 7 (debug); @text ends with its newline if the caller gave one. */
typedef void (*linux_compat_printk_handler)(int level, const char *text);

LC_SHARED linux_compat_printk_handler lc_printk_handler;

/* Extension: choose who gets the texts, from any thread. NULL: stderr. Returns who got them. */
static inline linux_compat_printk_handler
linux_compat_set_printk_handler(linux_compat_printk_handler handler)
{
	return __atomic_exchange_n(&lc_printk_handler, handler, __ATOMIC_ACQ_REL);
}

int vprintk(const char *fmt, va_list args);

LC_SHARED int vprintk(const char *fmt, va_list args)
{
	linux_compat_printk_handler handler = __atomic_load_n(&lc_printk_handler, __ATOMIC_ACQUIRE);
	char buf[1024], *text = buf;
	int level = LOGLEVEL_WARNING;

	lc_vsnprintf(buf, sizeof(buf), fmt, args);
	while (text[0] == KERN_SOH_ASCII && text[1]) {
		if (text[1] >= '0' && text[1] <= '7')
			level = text[1] - '0';
		text += 2;
	}
	if (handler)
		handler(level, text);
	else
		fputs(text, stderr);
	return (int)strlen(text);
}

static inline int printk(const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vprintk(fmt, args);
	va_end(args);
	return length;
}

#define _printk printk

/* What says nothing still uses its arguments. */
#define no_printk(fmt, ...) \
	({ \
		if (0) \
			printk(fmt, ##__VA_ARGS__); \
		0; \
	})

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif

#define pr_emerg(fmt, ...) printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_alert(fmt, ...) printk(KERN_ALERT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_crit(fmt, ...) printk(KERN_CRIT pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...) printk(KERN_CONT fmt, ##__VA_ARGS__)
#ifdef DEBUG
#define pr_devel(fmt, ...) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)
#else
#define pr_devel(fmt, ...) no_printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)
#endif
#define pr_debug(fmt, ...) pr_devel(fmt, ##__VA_ARGS__)

/* At most once from each place. */
#define LC_ONCE(...) \
	({ \
		static bool lc_done; \
		const bool lc_first = !__atomic_exchange_n(&lc_done, true, __ATOMIC_RELAXED); \
		if (lc_first) { \
			__VA_ARGS__; \
		} \
		lc_first; \
	})
#define printk_once(fmt, ...) LC_ONCE(printk(fmt, ##__VA_ARGS__))
#define pr_err_once(fmt, ...) LC_ONCE(pr_err(fmt, ##__VA_ARGS__))
#define pr_warn_once(fmt, ...) LC_ONCE(pr_warn(fmt, ##__VA_ARGS__))
#define pr_notice_once(fmt, ...) LC_ONCE(pr_notice(fmt, ##__VA_ARGS__))
#define pr_info_once(fmt, ...) LC_ONCE(pr_info(fmt, ##__VA_ARGS__))
#define pr_debug_once(fmt, ...) LC_ONCE(pr_debug(fmt, ##__VA_ARGS__))

#define dump_stack() ((void)0)
#define printk_ratelimited(fmt, ...) printk(fmt, ##__VA_ARGS__)
#define pr_err_ratelimited(fmt, ...) pr_err(fmt, ##__VA_ARGS__)
#define pr_warn_ratelimited(fmt, ...) pr_warn(fmt, ##__VA_ARGS__)
#define pr_notice_ratelimited(fmt, ...) pr_notice(fmt, ##__VA_ARGS__)
#define pr_info_ratelimited(fmt, ...) pr_info(fmt, ##__VA_ARGS__)
#define pr_debug_ratelimited(fmt, ...) pr_debug(fmt, ##__VA_ARGS__)

#endif
