/* SPDX-License-Identifier: MIT */
/* Searching bits. As in Linux: the size, if there is none. */
#ifndef LINUX_COMPAT_FIND_H
#define LINUX_COMPAT_FIND_H

#include <linux/bitops.h>

/* The first bit from @from on that is set once the words are xored with @flip. */
static inline unsigned long lc_find_bit(const unsigned long *addr, unsigned long size,
					unsigned long from, unsigned long flip)
{
	while (from < size) {
		const unsigned long word = (READ_ONCE(addr[BIT_WORD(from)]) ^ flip) >>
					   (from % BITS_PER_LONG);

		if (word) {
			from += __ffs(word);
			return from < size ? from : size;
		}
		from = (BIT_WORD(from) + 1) * BITS_PER_LONG;
	}
	return size;
}

#define find_next_bit(addr, size, from) lc_find_bit(addr, size, from, 0)
#define find_first_bit(addr, size) lc_find_bit(addr, size, 0, 0)
#define find_next_zero_bit(addr, size, from) lc_find_bit(addr, size, from, ~0ul)
#define find_first_zero_bit(addr, size) lc_find_bit(addr, size, 0, ~0ul)

static inline unsigned long find_last_bit(const unsigned long *addr, unsigned long size)
{
	for (unsigned long bit = size; bit--;)
		if (test_bit((long)bit, addr))
			return bit;
	return size;
}

#define for_each_set_bit(bit, addr, size) \
	for ((bit) = find_first_bit(addr, size); (bit) < (size); \
	     (bit) = find_next_bit(addr, size, (bit) + 1))
#define for_each_set_bit_from(bit, addr, size) \
	for ((bit) = find_next_bit(addr, size, bit); (bit) < (size); \
	     (bit) = find_next_bit(addr, size, (bit) + 1))
#define for_each_clear_bit(bit, addr, size) \
	for ((bit) = find_first_zero_bit(addr, size); (bit) < (size); \
	     (bit) = find_next_zero_bit(addr, size, (bit) + 1))

#endif
