/* SPDX-License-Identifier: MIT */
/*
 * Text into memory, with Linux's formats (compat/format.h), also where libc has a function
 * of the same name.
 */
#ifndef LINUX_COMPAT_SPRINTF_H
#define LINUX_COMPAT_SPRINTF_H

#include <compat/format.h>
#include <linux/gfp_types.h>
#include <linux/limits.h>

#include <stdlib.h>

#define vsnprintf(buf, size, fmt, args) lc_vsnprintf(buf, size, fmt, args)
#define snprintf(buf, size, ...) lc_snprintf(buf, size, __VA_ARGS__)
#define sprintf(buf, ...) lc_snprintf(buf, INT_MAX, __VA_ARGS__)

/* The length of what was written, which is less than @size. */
static inline int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	const int length = lc_vsnprintf(buf, size, fmt, args);

	if (!size)
		return 0;
	return length < (int)size ? length : (int)size - 1;
}

static inline int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return length;
}

/* New memory for kfree(), or NULL. */
static inline char *kvasprintf(gfp_t flags, const char *fmt, va_list args)
{
	const size_t size = (size_t)lc_vsnprintf(NULL, 0, fmt, args) + 1;
	char *text = (char *)malloc(size);

	(void)flags;
	if (text)
		lc_vsnprintf(text, size, fmt, args);
	return text;
}

static inline char *kasprintf(gfp_t flags, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = kvasprintf(flags, fmt, args);
	va_end(args);
	return text;
}

#endif
