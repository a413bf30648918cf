/* SPDX-License-Identifier: MIT */
/* Random numbers: the system's, without its wait for entropy. Those below a bound are even. */
#ifndef LINUX_COMPAT_RANDOM_H
#define LINUX_COMPAT_RANDOM_H

#include_next <linux/random.h>

#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/types.h>

#include <errno.h>
#include <sys/random.h>

static inline void get_random_bytes(void *memory, size_t size)
{
	char *at = (char *)memory;
	const int saved = errno;

	while (size) {
		const ssize_t got = getrandom(at, size, 0);

		BUG_ON(got < 0 && errno != EINTR);
		if (got > 0) {
			at += got;
			size -= (size_t)got;
		}
	}
	errno = saved;
}

#define LC_GET_RANDOM(type, name) \
	static inline type name(void) \
	{ \
		type value; \
\
		get_random_bytes(&value, sizeof(value)); \
		return value; \
	}
LC_GET_RANDOM(u8, get_random_u8)
LC_GET_RANDOM(u16, get_random_u16)
LC_GET_RANDOM(u32, get_random_u32)
LC_GET_RANDOM(u64, get_random_u64)
LC_GET_RANDOM(unsigned int, get_random_int)
LC_GET_RANDOM(unsigned long, get_random_long)

/* From 0 to @ceil - 1; numbers that would favour the small ones are thrown away. */
static inline u32 get_random_u32_below(u32 ceil)
{
	const u32 uneven = ceil ? -ceil % ceil : 0;
	u64 product;

	do
		product = (u64)get_random_u32() * ceil;
	while ((u32)product < uneven);
	return (u32)(product >> 32);
}

/* Both ends may be it. */
static inline u32 get_random_u32_inclusive(u32 floor, u32 ceil)
{
	const u32 span = ceil - floor + 1;

	return span ? floor + get_random_u32_below(span) : get_random_u32();
}

static inline u32 get_random_u32_above(u32 floor)
{
	return get_random_u32_inclusive(floor + 1, 0xffffffffu);
}

#include <linux/prandom.h>

#endif
