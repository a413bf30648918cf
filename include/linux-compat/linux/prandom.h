/* SPDX-License-Identifier: MIT */
/* Random numbers that a seed repeats. Not Linux's sequence, which nothing may rely on. */
#ifndef LINUX_COMPAT_PRANDOM_H
#define LINUX_COMPAT_PRANDOM_H

#include <linux/random.h>

struct rnd_state {
	u64 lc_state;
};

static inline void prandom_seed_state(struct rnd_state *state, u64 seed)
{
	state->lc_state = seed;
}

/* splitmix64. */
static inline u32 prandom_u32_state(struct rnd_state *state)
{
	u64 z = state->lc_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (u32)(z >> 32);
}

static inline void prandom_bytes_state(struct rnd_state *state, void *memory, size_t size)
{
	unsigned char *at = (unsigned char *)memory;

	while (size--)
		*at++ = (unsigned char)prandom_u32_state(state);
}

#define prandom_u32() get_random_u32()
#define prandom_bytes(memory, size) get_random_bytes(memory, size)

static inline u32 prandom_u32_max(u32 ceil)
{
	return get_random_u32_below(ceil);
}

#endif
