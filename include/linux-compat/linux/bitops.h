/* SPDX-License-Identifier: MIT */
/*
 * Operations on bits. As in Linux: set_bit() and its kin are atomic and relaxed, those
 * that test are fully ordered, those with two underscores are not atomic.
 */
#ifndef LINUX_COMPAT_BITOPS_H
#define LINUX_COMPAT_BITOPS_H

#include <linux/atomic.h>
#include <linux/bits.h>

#include <strings.h>

#define BITS_TO_LONGS(n) (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define BITS_TO_BYTES(n) (((n) + 7) / 8)
#define BITS_PER_TYPE(type) (sizeof(type) * 8)

#define LC_BIT_WORD(nr, addr) ((addr) + (unsigned long)(nr) / BITS_PER_LONG)

static inline void set_bit(long nr, volatile unsigned long *addr)
{
	__atomic_fetch_or(LC_BIT_WORD(nr, addr), BIT_MASK(nr), __ATOMIC_RELAXED);
}

static inline void clear_bit(long nr, volatile unsigned long *addr)
{
	__atomic_fetch_and(LC_BIT_WORD(nr, addr), ~BIT_MASK(nr), __ATOMIC_RELAXED);
}

static inline void change_bit(long nr, volatile unsigned long *addr)
{
	__atomic_fetch_xor(LC_BIT_WORD(nr, addr), BIT_MASK(nr), __ATOMIC_RELAXED);
}

static inline void clear_bit_unlock(long nr, volatile unsigned long *addr)
{
	__atomic_fetch_and(LC_BIT_WORD(nr, addr), ~BIT_MASK(nr), __ATOMIC_RELEASE);
}

static inline bool test_bit(long nr, const volatile unsigned long *addr)
{
	return __atomic_load_n(LC_BIT_WORD(nr, addr), __ATOMIC_RELAXED) & BIT_MASK(nr);
}

static inline bool test_bit_acquire(long nr, const volatile unsigned long *addr)
{
	return __atomic_load_n(LC_BIT_WORD(nr, addr), __ATOMIC_ACQUIRE) & BIT_MASK(nr);
}

static inline bool test_and_set_bit(long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_or(LC_BIT_WORD(nr, addr), BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static inline bool test_and_set_bit_lock(long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_or(LC_BIT_WORD(nr, addr), BIT_MASK(nr), __ATOMIC_ACQUIRE) &
	       BIT_MASK(nr);
}

static inline bool test_and_clear_bit(long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_and(LC_BIT_WORD(nr, addr), ~BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static inline bool test_and_change_bit(long nr, volatile unsigned long *addr)
{
	return __atomic_fetch_xor(LC_BIT_WORD(nr, addr), BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static inline void __set_bit(long nr, volatile unsigned long *addr)
{
	*LC_BIT_WORD(nr, addr) |= BIT_MASK(nr);
}

static inline void __clear_bit(long nr, volatile unsigned long *addr)
{
	*LC_BIT_WORD(nr, addr) &= ~BIT_MASK(nr);
}

static inline void __change_bit(long nr, volatile unsigned long *addr)
{
	*LC_BIT_WORD(nr, addr) ^= BIT_MASK(nr);
}

static inline bool __test_and_set_bit(long nr, volatile unsigned long *addr)
{
	const bool was = test_bit(nr, addr);

	__set_bit(nr, addr);
	return was;
}

static inline bool __test_and_clear_bit(long nr, volatile unsigned long *addr)
{
	const bool was = test_bit(nr, addr);

	__clear_bit(nr, addr);
	return was;
}

#define assign_bit(nr, addr, value) ((value) ? set_bit(nr, addr) : clear_bit(nr, addr))
#define __assign_bit(nr, addr, value) ((value) ? __set_bit(nr, addr) : __clear_bit(nr, addr))

/* The lowest bit that is set, from 0; of a word that is not 0. */
static inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}

static inline unsigned long __ffs64(u64 word)
{
	return (unsigned long)__builtin_ctzll(word);
}

static inline unsigned long ffz(unsigned long word)
{
	return __ffs(~word);
}

static inline unsigned long __fls(unsigned long word)
{
	return BITS_PER_LONG - 1 - (unsigned long)__builtin_clzl(word);
}

/* The highest bit that is set, from 1; 0: none. */
static inline int fls(unsigned int word)
{
	return word ? 32 - __builtin_clz(word) : 0;
}

static inline int fls64(u64 word)
{
	return word ? 64 - __builtin_clzll(word) : 0;
}

#define fls_long(word) fls64(word)

static inline unsigned int hweight32(u32 word)
{
	return (unsigned int)__builtin_popcount(word);
}

static inline unsigned int hweight64(u64 word)
{
	return (unsigned int)__builtin_popcountll(word);
}

#define hweight8(word) hweight32((u8)(word))
#define hweight16(word) hweight32((u16)(word))
#define hweight_long(word) hweight64(word)

static inline u32 rol32(u32 word, unsigned int shift)
{
	return word << (shift & 31) | word >> (-shift & 31);
}

static inline u32 ror32(u32 word, unsigned int shift)
{
	return word >> (shift & 31) | word << (-shift & 31);
}

static inline u64 rol64(u64 word, unsigned int shift)
{
	return word << (shift & 63) | word >> (-shift & 63);
}

static inline s32 sign_extend32(u32 value, int index)
{
	return (s32)(value << (31 - index)) >> (31 - index);
}

#include <linux/find.h>

#endif
