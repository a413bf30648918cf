/* SPDX-License-Identifier: MIT */
/*
 * Linux's text formats: libc's, and behind %p the letters that Linux knows. Of
 * those %pe (an error pointer by its name) and %pV (a struct va_format) are
 * written as Linux does; all others (%ps, %pS, %px, ...) as an address.
 *
 * None of the functions here or above carries the printf attribute: compilers know
 * libc's formats, and would complain of Linux's.
 */
#ifndef LINUX_COMPAT_FORMAT_H
#define LINUX_COMPAT_FORMAT_H

#include <linux/err.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct va_format {
	const char *fmt;
	va_list *va;
};

/* Like vsnprintf(): the length that the whole text has; always ends with a zero if @size > 0. */
int lc_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);

/* libc's, where it has one: the name of an error number, without minus. */
extern const char *lc_error_name(int error) __asm__("strerrorname_np") __attribute__((__weak__));

/* Where the text goes, and what it is made of. */
struct lc_text {
	char *buf;
	size_t size, length;
	va_list args;
};

static inline char *lc_text_end(struct lc_text *text)
{
	return text->length < text->size ? text->buf + text->length : NULL;
}

static inline size_t lc_text_room(struct lc_text *text)
{
	return text->length < text->size ? text->size - text->length : 0;
}

#define LC_PUT(text, ...) \
	((text)->length += (size_t)snprintf(lc_text_end(text), lc_text_room(text), __VA_ARGS__))

static inline bool lc_is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* %p and the letters behind it, of which @letters are the first. */
static inline void lc_put_pointer(struct lc_text *text, const char *spec, const char *letters)
{
	void *ptr = va_arg(text->args, void *);

	if (*letters == 'V') {
		const struct va_format *nested = (const struct va_format *)ptr;
		va_list args;

		va_copy(args, *nested->va);
		text->length += (size_t)lc_vsnprintf(lc_text_end(text), lc_text_room(text),
						     nested->fmt, args);
		va_end(args);
	} else if (*letters == 'e' && dmabuf_is_err(ptr)) {
		const int error = -(int)dmabuf_ptr_err(ptr);
		const char *name = lc_error_name ? lc_error_name(error) : NULL;

		if (name)
			LC_PUT(text, "-%s", name);
		else
			LC_PUT(text, "%d", -error);
	} else {
		LC_PUT(text, spec, ptr);
	}
}

static inline void lc_put_integer(struct lc_text *text, const char *spec, const char *length)
{
	if (!strncmp(length, "ll", 2) || *length == 'L' || *length == 'j')
		LC_PUT(text, spec, va_arg(text->args, long long));
	else if (*length == 'l' || *length == 'z' || *length == 't')
		LC_PUT(text, spec, va_arg(text->args, long));
	else
		LC_PUT(text, spec, va_arg(text->args, int));
}

/* One conversion. @fmt points behind its percent sign; returns what follows. */
static inline const char *lc_put_conversion(struct lc_text *text, const char *fmt)
{
	char spec[64] = "%", *end = spec + 1;
	const char *length;

	for (; *fmt && strchr("-+ #0123456789.*", *fmt); fmt++) {
		const size_t room = (size_t)(spec + sizeof(spec) - 8 - end);

		if (*fmt == '*')
			end += snprintf(end, room, "%d", va_arg(text->args, int));
		else if (room > 1)
			*end++ = *fmt;
	}
	length = end;
	while (*fmt && strchr("hlLzjt", *fmt) && end < spec + sizeof(spec) - 2)
		*end++ = *fmt++;
	*end++ = *fmt;
	*end = '\0';
	if (!*fmt)
		return fmt;
	switch (*fmt++) {
	case 'p':
		lc_put_pointer(text, spec, fmt);
		while (lc_is_letter_or_digit(*fmt))
			fmt++;
		break;
	case 's': {
		const char *string = va_arg(text->args, const char *);

		LC_PUT(text, spec, string ? string : "(null)");
		break;
	}
	case '%':
		LC_PUT(text, "%%");
		break;
	case 'a':
	case 'A':
	case 'e':
	case 'E':
	case 'f':
	case 'F':
	case 'g':
	case 'G':
		if (*length == 'L')
			LC_PUT(text, spec, va_arg(text->args, long double));
		else
			LC_PUT(text, spec, va_arg(text->args, double));
		break;
	case 'm':
		LC_PUT(text, spec, 0);
		break;
	default:
		lc_put_integer(text, spec, length);
	}
	return fmt;
}

LC_SHARED int lc_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct lc_text text = { .buf = buf, .size = size };

	if (size)
		buf[0] = '\0';
	va_copy(text.args, args);
	while (*fmt) {
		const size_t plain = strcspn(fmt, "%");

		LC_PUT(&text, "%.*s", (int)plain, fmt);
		fmt += plain;
		if (*fmt)
			fmt = lc_put_conversion(&text, fmt + 1);
	}
	va_end(text.args);
	return (int)text.length;
}

static inline int lc_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = lc_vsnprintf(buf, size, fmt, args);
	va_end(args);
	return length;
}

#endif
