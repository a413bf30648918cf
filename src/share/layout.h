/* SPDX-License-Identifier: MIT */
/*
 * What lies in the memory that members of a pool share, and how values are packed there.
 *
 * Two kinds of memory file. The pool's, which every member can write: its head, the places of members,
 * what is awaited of each timeline, the reservations. And one of each member, which it alone can write:
 * its timelines.
 *
 * Nothing there is a pointer, an offset or a size that anybody follows: all of that is computed from a
 * struct pool_shape, which was copied and checked once. Whatever else is read was perhaps written by an
 * enemy: it is read once, by an atomic load, and used only where any value is harmless.
 */
#ifndef SHARE_LAYOUT_H
#define SHARE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dmabuf/dma-buf-pool.h>
#include <dmabuf/dma-resv-fences.h>

#define POOL_MAGIC UINT64_C(0x6c6f6f7066756264)	 /* "dbufpool", if the machine is little endian */
#define TIMELINES_MAGIC UINT64_C(0x656d697466756264) /* "dbuftime" */
#define POOL_VERSION 1u

enum {
	MOST_MEMBERS = 64, /* a bit each in a word */
	MOST_BUFFERS = 1 << 16,
	MOST_FENCES = 1 << 10,	 /* of a buffer */
	MOST_TIMELINES = 1 << 12, /* of a member */
	ERROR_RING = 3,
	MOST_LEASES = DMA_BUF_POOL_LEASES, /* of a member */
};

/* What a pool has room for: constant, and the same for all members. */
struct pool_shape {
	uint32_t members;
	uint32_t buffers;
	uint32_t fences; /* that are not signalled, of a buffer */
	uint32_t timelines; /* of a member */
};

/*
 * A member: its place and how many members have had that before, in the way a lock word has them, with
 * bit 0 clear. Never 0, and never used again: a place whose last generation is over stays empty.
 */
#define MEMBER_PLACE_SHIFT 1
#define MEMBER_GENERATION_SHIFT 8
#define MEMBER_MOST_GENERATIONS ((UINT32_C(1) << 24) - 1)

static inline uint32_t member_id(unsigned int place, uint32_t generation)
{
	return generation << MEMBER_GENERATION_SHIFT | place << MEMBER_PLACE_SHIFT;
}

static inline unsigned int member_place(uint32_t id)
{
	return id >> MEMBER_PLACE_SHIFT & 127;
}

static inline uint32_t member_generation(uint32_t id)
{
	return id >> MEMBER_GENERATION_SHIFT;
}

/* The pool's file. */

struct shm_head {
	/* Constant once there is a second member. */
	uint64_t magic;
	uint32_t version;
	struct pool_shape shape;
	uint64_t size;
	uint64_t id[2];
	/* Changing. */
	uint32_t admission; /* a lock word: who gives out places */
	uint32_t evictions; /* how many so far; with POOL_OVER: and of all, for ever */
};

/* One word says who was evicted before the pool was destroyed, and who no more destroys it. */
#define POOL_OVER (UINT32_C(1) << 31)

enum place_state {
	PLACE_FREE,
	PLACE_INVITED, /* somebody was sent an invitation, and has not answered */
	PLACE_LIVE,
	PLACE_EVICTING, /* it may begin nothing any more; nobody takes anything from it yet */
	PLACE_EVICTED,
	PLACE_CLEANED, /* of one who is gone: somebody makes it free */
};

/*
 * A place (place.c). The word has the state, from bit 8 on the generation, as in an id, and from bit 32 on
 * the id of who invited, or cleans, or 0. Its low half is the futex.
 */
struct shm_place {
	uint64_t word;
	uint32_t process; /* for people */
	uint32_t unused;
};

#define PLACE_BY_SHIFT 32

static inline uint64_t place_word_by(enum place_state state, uint32_t id, uint32_t by)
{
	return (uint64_t)by << PLACE_BY_SHIFT | member_generation(id) << MEMBER_GENERATION_SHIFT |
	       (uint32_t)state;
}

static inline uint64_t place_word(enum place_state state, uint32_t id)
{
	return place_word_by(state, id, 0);
}

static inline enum place_state place_state(uint64_t word)
{
	return (enum place_state)(word & 255);
}

static inline uint32_t place_by(uint64_t word)
{
	return (uint32_t)(word >> PLACE_BY_SHIFT);
}

/* Who is in that place, or was last. */
static inline uint32_t place_id(unsigned int place, uint64_t word)
{
	return member_id(place, member_generation((uint32_t)word));
}

/* Points have 48 bits where something else shares their word. */
#define ENTRY_EVICTIONS_SHIFT 48
#define ENTRY_MOST_SEQNO ((UINT64_C(1) << ENTRY_EVICTIONS_SHIFT) - 1)

/* What the others want to know of one timeline. */
struct shm_await {
	uint64_t watermark; /* the last point that somebody waits for; only raised */
	uint64_t watchers;  /* a bit a place: whom to ring */
	uint64_t frozen;    /* of the evicted: how far it was (frozen_pack()) */
};

/* With 16 bits of the generation, since others come into that place later. 0: of nobody. */
static inline uint64_t frozen_pack(uint32_t id, uint64_t value)
{
	return (uint64_t)member_generation(id) << ENTRY_EVICTIONS_SHIFT |
	       (value < ENTRY_MOST_SEQNO ? value : ENTRY_MOST_SEQNO);
}

/*
 * An entry of a log: a point of a timeline, with a category. Both words say how many evictions
 * there were when they were written.
 */
struct shm_entry {
	uint64_t where; /* category: 2 bits, timeline: 12, unused: 2, id: 32, evictions: 16 */
	uint64_t seqno; /* 48 bits, evictions: 16 */
};

#define ENTRY_MOST_EVICTIONS UINT32_C(0xffff)
#define ENTRY_ID_SHIFT 16
#define ENTRY_TIMELINE_SHIFT 2

/* The same, unpacked: a point, and for what it is used. */
struct point {
	uint32_t id;
	uint32_t timeline;
	uint64_t seqno;
	enum dma_resv_usage usage;
};

static inline struct shm_entry entry_pack(const struct point *point, uint32_t evictions)
{
	const uint64_t top = (uint64_t)evictions << ENTRY_EVICTIONS_SHIFT;

	return (struct shm_entry){
		.where = top | (uint64_t)point->id << ENTRY_ID_SHIFT |
			 (uint64_t)point->timeline << ENTRY_TIMELINE_SHIFT | (uint64_t)point->usage,
		.seqno = top | point->seqno,
	};
}

static inline struct point entry_unpack(const struct shm_entry *entry)
{
	return (struct point){
		.id = (uint32_t)(entry->where >> ENTRY_ID_SHIFT) & ~1u,
		.timeline = (uint32_t)(entry->where >> ENTRY_TIMELINE_SHIFT) & (MOST_TIMELINES - 1),
		.seqno = entry->seqno & ENTRY_MOST_SEQNO,
		.usage = (enum dma_resv_usage)(entry->where & 3),
	};
}

/*
 * The commit word: how many entries of which half all may see. It changes by compare-and-swap only.
 * A flip makes the other half the one; a takeover makes who held the lock before fail.
 */
struct commit {
	uint32_t length;
	uint32_t half;
	uint32_t takeovers;
	uint32_t flips;
};

static inline uint64_t commit_pack(const struct commit *commit)
{
	return (uint64_t)(commit->flips & 0xffffff) << 40 | (uint64_t)(commit->takeovers & 0x7fffff) << 17 |
	       (uint64_t)(commit->half & 1) << 16 | (commit->length & 0xffff);
}

static inline struct commit commit_unpack(uint64_t word)
{
	return (struct commit){
		.length = (uint32_t)word & 0xffff,
		.half = (uint32_t)(word >> 16) & 1,
		.takeovers = (uint32_t)(word >> 17) & 0x7fffff,
		.flips = (uint32_t)(word >> 40),
	};
}

/* A buffer's reservation; and, in `number` and `users`, whether there is a buffer. */
struct shm_resv {
	uint32_t lock;	/* id of the holder; bit 0: somebody waits */
	uint32_t number; /* how many buffers have had this, twice; odd: there is one */
	uint64_t commit;
	uint64_t users; /* a bit a place: who has the buffer */
	uint64_t unused;
	struct shm_entry entry[]; /* two halves */
};

#define LOCK_WAITERS 1u

/* A member's file. */

/*
 * Points that failed. Both words say with 4 bits which rewriting of the entry they are of: where the
 * two differ, it is being rewritten.
 */
struct shm_error {
	uint64_t first; /* 48 bits, errno: 12, rewriting: 4 */
	uint64_t last;	/* 48 bits, unused: 12, rewriting: 4 */
};

#define ERROR_SEQNO_SHIFT 16
#define ERROR_ERRNO_SHIFT 4
#define ERROR_REWRITING UINT64_C(15)

static inline int error_of_entry(uint64_t first)
{
	return -(int)(first >> ERROR_ERRNO_SHIFT & DMABUF_MAX_ERRNO);
}

struct shm_timeline {
	uint64_t value; /* points up to it have signalled; its low half is the futex */
	uint64_t lost;	/* points up to it: whether they failed is not known any more */
	struct shm_error ring[ERROR_RING];
};

/* A promise of the owner's (lease.c): a point that signals by then. */
struct shm_lease {
	uint64_t point;	  /* 48 bits, timeline: 16 */
	int64_t deadline; /* CLOCK_MONOTONIC, the same for all; 0: none */
};

#define LEASE_SEQNO_SHIFT 16
#define LEASE_TIMELINE UINT64_C(0xffff)

struct shm_timelines {
	uint64_t magic;
	uint64_t pool_id[2];
	uint32_t version;
	uint32_t id;	/* the member's */
	uint32_t timelines;
	uint32_t buffers;
	uint32_t leases; /* how many of these were ever used; only raised */
	uint32_t unused[5];
	struct shm_lease lease[MOST_LEASES];
	struct shm_timeline timeline[]; /* and then the stamps, a word a buffer */
};

/* Of who takes a lock, and no other with it. */
#define NO_STAMP UINT64_MAX

_Static_assert(sizeof(struct shm_timeline) == 64, "a line each");
_Static_assert(sizeof(struct shm_timelines) == 576, "its timelines begin with a line");
_Static_assert(sizeof(struct shm_entry) == 16, "four a line");
_Static_assert(sizeof(struct shm_resv) == 32, "a head of half a line");

/* The futex of a 64-bit word. */
static inline const uint32_t *low_half(const uint64_t *word)
{
	const uint32_t *halves = (const uint32_t *)(const void *)word;

	return halves + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/*
 * Where things are. For a shape that shape_is_fine().
 */

bool shape_is_fine(const struct pool_shape *shape);

/* Bytes, in whole pages. */
uint64_t pool_file_size(const struct pool_shape *shape);
uint64_t timelines_file_size(const struct pool_shape *shape);

/* How many entries half a log has: room to append to as many as may be busy. */
static inline uint32_t half_capacity(const struct pool_shape *shape)
{
	return 2 * shape->fences + 2;
}

struct shm_place *shm_place(void *pool, unsigned int place);
struct shm_await *shm_await(const struct pool_shape *shape, void *pool, unsigned int place,
			    uint32_t timeline);
struct shm_resv *shm_resv(const struct pool_shape *shape, void *pool, uint32_t buffer);

/* The stamp under which a member wants, or has, the lock of a buffer: written before the lock word. */
static inline uint64_t *shm_stamp(const struct pool_shape *shape, struct shm_timelines *timelines,
				  uint32_t buffer)
{
	return (uint64_t *)(void *)&timelines->timeline[shape->timelines] + buffer;
}

static inline struct shm_entry *shm_entry(const struct pool_shape *shape, struct shm_resv *resv,
					  uint32_t half, uint32_t i)
{
	return &resv->entry[half * half_capacity(shape) + i];
}

#endif
