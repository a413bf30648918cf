/* SPDX-License-Identifier: MIT */
/* Text. libc's functions, and those that Linux has beyond them. */
#ifndef LINUX_COMPAT_STRING_H
#define LINUX_COMPAT_STRING_H

#include_next <linux/string.h>

#include <linux/err.h>
#include <linux/gfp_types.h>
#include <linux/overflow.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The length copied, or -E2BIG if @src was cut. */
static inline ssize_t lc_strscpy(char *dst, const char *src, size_t size)
{
	const size_t length = strnlen(src, size);

	if (!size)
		return -E2BIG;
	if (length == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dst, src, length + 1);
	return (ssize_t)length;
}

static inline ssize_t lc_strscpy_pad(char *dst, const char *src, size_t size)
{
	const ssize_t length = lc_strscpy(dst, src, size);

	if (length >= 0)
		memset(dst + length, 0, size - (size_t)length);
	return length;
}

/* The size may be left out where the destination is an array. */
#define LC_STRSCPY_2(func, dst, src) func(dst, src, sizeof(dst) + __must_be_array(dst))
#define LC_STRSCPY_3(func, dst, src, size) func(dst, src, size)
#define LC_STRSCPY(dst, src, size, number, ...) LC_STRSCPY_##number
#define strscpy(...) LC_STRSCPY(__VA_ARGS__, 3, 2, )(lc_strscpy, __VA_ARGS__)
#define strscpy_pad(...) LC_STRSCPY(__VA_ARGS__, 3, 2, )(lc_strscpy_pad, __VA_ARGS__)

/* The length of @src. libc may have it, or not. */
static inline size_t lc_strlcpy(char *dst, const char *src, size_t size)
{
	lc_strscpy(dst, src, size);
	return strlen(src);
}
#undef strlcpy
#define strlcpy(dst, src, size) lc_strlcpy(dst, src, size)

static inline void *kmemdup(const void *src, size_t size, gfp_t flags)
{
	void *copy = malloc(size ? size : 1);

	(void)flags;
	if (copy)
		memcpy(copy, src, size);
	return copy;
}

static inline void *kmemdup_array(const void *src, size_t count, size_t size, gfp_t flags)
{
	size_t bytes;

	return check_mul_overflow(count, size, &bytes) ? NULL : kmemdup(src, bytes, flags);
}

static inline char *kmemdup_nul(const char *src, size_t length, gfp_t flags)
{
	char *copy = (char *)malloc(length + 1);

	(void)flags;
	if (!copy)
		return NULL;
	memcpy(copy, src, length);
	copy[length] = '\0';
	return copy;
}

static inline char *kstrdup(const char *src, gfp_t flags)
{
	return src ? (char *)kmemdup(src, strlen(src) + 1, flags) : NULL;
}

static inline char *kstrndup(const char *src, size_t max, gfp_t flags)
{
	return src ? kmemdup_nul(src, strnlen(src, max), flags) : NULL;
}

/* Always a copy: which strings are constant is not known. */
static inline const char *kstrdup_const(const char *src, gfp_t flags)
{
	return kstrdup(src, flags);
}

static inline void kfree_const(const void *text)
{
	free((void *)(uintptr_t)text);
}

static inline char *skip_spaces(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return (char *)(uintptr_t)text;
}

static inline char *strim(char *text)
{
	size_t length = strlen(text);

	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return skip_spaces(text);
}

#define strstrip(text) strim(text)

/* Equal but for a newline at the end of one. */
static inline bool sysfs_streq(const char *a, const char *b)
{
	const size_t length_a = strcspn(a, "\n"), length_b = strcspn(b, "\n");

	return length_a == length_b && !strncmp(a, b, length_a);
}

static inline int match_string(const char *const *array, size_t n, const char *string)
{
	for (size_t i = 0; i < n && array[i]; i++)
		if (!strcmp(array[i], string))
			return (int)i;
	return -EINVAL;
}

static inline bool strstarts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static inline size_t str_has_prefix(const char *text, const char *prefix)
{
	const size_t length = strlen(prefix);

	return strncmp(text, prefix, length) ? 0 : length;
}

static inline char *strreplace(char *text, char old, char with)
{
	for (char *c = text; *c; c++)
		if (*c == old)
			*c = with;
	return text;
}

static inline void *memchr_inv(const void *memory, int c, size_t size)
{
	const unsigned char *byte = (const unsigned char *)memory;

	for (; size && *byte == (unsigned char)c; size--)
		byte++;
	return size ? (void *)(uintptr_t)byte : NULL;
}

#define memzero_explicit(memory, size) \
	do { \
		memset(memory, 0, size); \
		barrier_data(memory); \
	} while (0)
#define memset_after(object, value, member) \
	memset((char *)(object) + offsetofend(__typeof__(*(object)), member), value, \
	       sizeof(*(object)) - offsetofend(__typeof__(*(object)), member))
#define kbasename(path) (strrchr(path, '/') ? strrchr(path, '/') + 1 : (path))

#endif
