/* SPDX-License-Identifier: MIT */
/*
 * Text for a reader: the library's struct seq_file, which writes to a stream of libc's.
 * Formats are Linux's (compat/format.h).
 */
#ifndef LINUX_COMPAT_SEQ_FILE_H
#define LINUX_COMPAT_SEQ_FILE_H

#include <compat/format.h>
#include <linux/bug.h>

#include <stdlib.h>

static inline void seq_vprintf(struct seq_file *m, const char *fmt, va_list args)
{
	char buf[256], *text = buf;
	const int length = lc_vsnprintf(buf, sizeof(buf), fmt, args);

	if (length >= (int)sizeof(buf)) {
		text = (char *)malloc((size_t)length + 1);
		BUG_ON(!text);
		lc_vsnprintf(text, (size_t)length + 1, fmt, args);
	}
	fputs(text, m->stream);
	if (text != buf)
		free(text);
}

static inline void seq_printf(struct seq_file *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	seq_vprintf(m, fmt, args);
	va_end(args);
}

static inline void seq_puts(struct seq_file *m, const char *text)
{
	fputs(text, m->stream);
}

static inline void seq_putc(struct seq_file *m, char c)
{
	fputc(c, m->stream);
}

static inline int seq_write(struct seq_file *m, const void *data, size_t length)
{
	return fwrite(data, 1, length, m->stream) == length ? 0 : -1;
}

#include <compat/common.h>

#endif
