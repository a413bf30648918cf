/* SPDX-License-Identifier: MIT */
/* Sets of bits. As in Linux, for sizes up to UINT_MAX; what is behind the last bit stays 0. */
#ifndef LINUX_COMPAT_BITMAP_H
#define LINUX_COMPAT_BITMAP_H

#include <linux/bitops.h>
#include <linux/slab.h>

#include <string.h>

#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#define bitmap_size(bits) (BITS_TO_LONGS(bits) * sizeof(unsigned long))

static inline unsigned long *bitmap_alloc(unsigned int bits, gfp_t flags)
{
	return (unsigned long *)kmalloc(bitmap_size(bits), flags);
}

static inline unsigned long *bitmap_zalloc(unsigned int bits, gfp_t flags)
{
	return (unsigned long *)kzalloc(bitmap_size(bits), flags);
}

static inline void bitmap_free(const unsigned long *map)
{
	kfree(map);
}

static inline void bitmap_zero(unsigned long *map, unsigned int bits)
{
	memset(map, 0, bitmap_size(bits));
}

static inline void bitmap_copy(unsigned long *dst, const unsigned long *src, unsigned int bits)
{
	memcpy(dst, src, bitmap_size(bits));
}

static inline void bitmap_set(unsigned long *map, unsigned int start, unsigned int n)
{
	while (n--)
		__set_bit((long)start++, map);
}

static inline void bitmap_clear(unsigned long *map, unsigned int start, unsigned int n)
{
	while (n--)
		__clear_bit((long)start++, map);
}

static inline void bitmap_fill(unsigned long *map, unsigned int bits)
{
	bitmap_zero(map, bits);
	bitmap_set(map, 0, bits);
}

static inline bool bitmap_empty(const unsigned long *map, unsigned int bits)
{
	return find_first_bit(map, bits) == bits;
}

static inline bool bitmap_full(const unsigned long *map, unsigned int bits)
{
	return find_first_zero_bit(map, bits) == bits;
}

static inline unsigned int bitmap_weight(const unsigned long *map, unsigned int bits)
{
	unsigned int weight = 0;
	unsigned long bit;

	for_each_set_bit(bit, map, bits)
		weight++;
	return weight;
}

static inline bool bitmap_and(unsigned long *dst, const unsigned long *a, const unsigned long *b,
			      unsigned int bits)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(bits); i++)
		dst[i] = a[i] & b[i];
	return !bitmap_empty(dst, bits);
}

static inline void bitmap_or(unsigned long *dst, const unsigned long *a, const unsigned long *b,
			     unsigned int bits)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(bits); i++)
		dst[i] = a[i] | b[i];
}

static inline bool bitmap_andnot(unsigned long *dst, const unsigned long *a, const unsigned long *b,
				 unsigned int bits)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(bits); i++)
		dst[i] = a[i] & ~b[i];
	return !bitmap_empty(dst, bits);
}

static inline bool bitmap_equal(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	for (unsigned int bit = 0; bit < bits; bit++)
		if (test_bit((long)bit, a) != test_bit((long)bit, b))
			return false;
	return true;
}

DEFINE_FREE(bitmap, unsigned long *, if (_T) bitmap_free(_T))

#endif
