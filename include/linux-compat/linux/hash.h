/* SPDX-License-Identifier: MIT */
/* Hashes of numbers. Not Linux's values, which nothing may rely on. */
#ifndef LINUX_COMPAT_HASH_H
#define LINUX_COMPAT_HASH_H

#include <linux/types.h>

/* Multiplying by a large odd number mixes best into the highest bits. */
static inline u32 hash_64(u64 value, unsigned int bits)
{
	return (u32)((value * 0x9e3779b97f4a7c15ull) >> (64 - bits));
}

static inline u32 hash_32(u32 value, unsigned int bits)
{
	return hash_64(value, bits);
}

static inline u32 hash_ptr(const void *ptr, unsigned int bits)
{
	return hash_64((uintptr_t)ptr, bits);
}

#define hash_long(value, bits) hash_64(value, bits)

#endif
