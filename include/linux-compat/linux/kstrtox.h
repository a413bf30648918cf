/* SPDX-License-Identifier: MIT */
/* Numbers from text: 0, -EINVAL or -ERANGE. As in Linux: all of it, but for a last newline. */
#ifndef LINUX_COMPAT_KSTRTOX_H
#define LINUX_COMPAT_KSTRTOX_H

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/types.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static inline bool lc_kstrto_ends(const char *text, const char *end)
{
	return end != text && (!*end || (*end == '\n' && !end[1]));
}

/* A sign is allowed if @sign; libc's function would take blanks, too. */
static inline bool lc_kstrto_begins(const char *text, bool sign)
{
	if (*text == '+' || (sign && *text == '-'))
		text++;
	return (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f') ||
	       (*text >= 'A' && *text <= 'F');
}

static inline int lc_kstrtou(const char *text, unsigned int base, u64 max, u64 *ret)
{
	const int saved = errno;
	char *end;
	u64 value;
	int err;

	if (!lc_kstrto_begins(text, false))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, (int)base);
	err = errno || value > max ? -ERANGE : 0;
	errno = saved;
	if (!lc_kstrto_ends(text, end))
		return -EINVAL;
	if (!err)
		*ret = value;
	return err;
}

static inline int lc_kstrtos(const char *text, unsigned int base, s64 min, s64 max, s64 *ret)
{
	const int saved = errno;
	char *end;
	s64 value;
	int err;

	if (!lc_kstrto_begins(text, true))
		return -EINVAL;
	errno = 0;
	value = strtoll(text, &end, (int)base);
	err = errno || value < min || value > max ? -ERANGE : 0;
	errno = saved;
	if (!lc_kstrto_ends(text, end))
		return -EINVAL;
	if (!err)
		*ret = value;
	return err;
}

#define LC_KSTRTO(name, type, wide, helper, ...) \
	static inline int __must_check name(const char *text, unsigned int base, type *ret) \
	{ \
		wide value; \
		const int err = helper(text, base, __VA_ARGS__, &value); \
\
		if (!err) \
			*ret = (type)value; \
		return err; \
	}

LC_KSTRTO(kstrtou8, u8, u64, lc_kstrtou, U8_MAX)
LC_KSTRTO(kstrtou16, u16, u64, lc_kstrtou, U16_MAX)
LC_KSTRTO(kstrtou32, u32, u64, lc_kstrtou, U32_MAX)
LC_KSTRTO(kstrtou64, u64, u64, lc_kstrtou, U64_MAX)
LC_KSTRTO(kstrtouint, unsigned int, u64, lc_kstrtou, U32_MAX)
LC_KSTRTO(kstrtoul, unsigned long, u64, lc_kstrtou, __LONG_MAX__ * 2ul + 1)
LC_KSTRTO(kstrtoull, unsigned long long, u64, lc_kstrtou, U64_MAX)
LC_KSTRTO(kstrtos8, s8, s64, lc_kstrtos, S8_MIN, S8_MAX)
LC_KSTRTO(kstrtos16, s16, s64, lc_kstrtos, S16_MIN, S16_MAX)
LC_KSTRTO(kstrtos32, s32, s64, lc_kstrtos, S32_MIN, S32_MAX)
LC_KSTRTO(kstrtos64, s64, s64, lc_kstrtos, S64_MIN, S64_MAX)
LC_KSTRTO(kstrtoint, int, s64, lc_kstrtos, S32_MIN, S32_MAX)
LC_KSTRTO(kstrtol, long, s64, lc_kstrtos, -__LONG_MAX__ - 1, __LONG_MAX__)
LC_KSTRTO(kstrtoll, long long, s64, lc_kstrtos, S64_MIN, S64_MAX)

/* y, t, 1, on; n, f, 0, off. */
static inline int __must_check kstrtobool(const char *text, bool *ret)
{
	if (!text)
		return -EINVAL;
	if (strchr("yYtT1", text[0]) && text[0])
		*ret = true;
	else if (strchr("nNfF0", text[0]) && text[0])
		*ret = false;
	else if (!strncasecmp(text, "on", 2))
		*ret = true;
	else if (!strncasecmp(text, "of", 2))
		*ret = false;
	else
		return -EINVAL;
	return 0;
}

#endif
