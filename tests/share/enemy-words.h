/* SPDX-License-Identifier: MIT */
/* An enemy (enemy.h), its chance, and the words in shared memory that it writes. */
#ifndef ENEMY_WORDS_H
#define ENEMY_WORDS_H

#include "harness.h"
#include "os/clock.h"
#include "peers.h"
#include "share/member.h"

/* A bit each: what it writes. Without places and head nobody is evicted, and all go on. */
enum enemy_way {
	ENEMY_LOGS = 1,	  /* and locks, and what is awaited */
	ENEMY_PLACES = 2,
	ENEMY_HEAD = 4,
	ENEMY_OWN = 8,
	ENEMY_MAIL = 16,
	ENEMY_DATA = 32,
	ENEMY_FLAPS = 64,  /* one word to and fro, in any of those */
	ENEMY_COUNTS = 128, /* in the end, one word on and on */
};

enum { ENEMY_KEEPS = 32 }; /* ends of channels that it made up */

struct enemy {
	struct dma_buf_pool *pool;
	uint32_t random;
	uint32_t ways;
	int kept[ENEMY_KEEPS];
};

/*
 * Chance.
 */

static inline uint64_t enemy_draw(uint32_t *random)
{
	const uint64_t high = test_random(random), low = test_random(random);

	return high << 32 ^ low >> 8;
}

static inline uint32_t below(uint32_t *random, uint32_t limit)
{
	return (uint32_t)(enemy_draw(random) % limit);
}

static inline uint32_t some_id(const struct dma_buf_pool *pool, uint32_t *random)
{
	switch (below(random, 4)) {
	case 0:
		return pool->self->id;
	case 1:
		return pool->inviter;
	case 2:
		return member_id(below(random, pool->shape.members), 1 + below(random, 3));
	default:
		return member_id(below(random, 128), below(random, 1 << 24));
	}
}

static inline uint64_t some_commit(uint32_t *random)
{
	const struct commit commit = {
		.length = below(random, 40), .half = below(random, 2),
		.takeovers = below(random, 9), .flips = below(random, 9),
	};

	return commit_pack(&commit);
}

static inline struct shm_entry some_entry(const struct dma_buf_pool *pool, uint32_t *random)
{
	const struct point point = {
		.id = some_id(pool, random), .timeline = below(random, pool->shape.timelines + 1),
		.seqno = below(random, 9), .usage = (enum dma_resv_usage)below(random, 4),
	};

	return entry_pack(&point, below(random, 3));
}

static inline uint64_t some_place(const struct dma_buf_pool *pool, uint32_t *random)
{
	return place_word_by((enum place_state)below(random, 7), some_id(pool, random),
			     below(random, 2) ? some_id(pool, random) : 0);
}

/* A word that means something, to somebody. */
static inline uint64_t some_word(const struct dma_buf_pool *pool, uint32_t *random)
{
	switch (below(random, 8)) {
	case 0:
		return enemy_draw(random);
	case 1:
		return some_id(pool, random) | below(random, 2);
	case 2:
		return some_commit(random);
	case 3:
		return some_entry(pool, random).where;
	case 4:
		return below(random, 9);
	case 5:
		return frozen_pack(some_id(pool, random), below(random, 9));
	case 6:
		return some_place(pool, random);
	default:
		return UINT64_MAX;
	}
}

/*
 * The pool's file.
 */

static inline void write_half(void *base, uint64_t at, uint64_t value)
{
	store_relaxed((uint32_t *)base + at, (uint32_t)value);
}

/* Any word from @begin on up to @end, or half of one. */
static inline void write_between(struct enemy *enemy, void *base, const void *begin, const void *end)
{
	const uint64_t from = (uint64_t)((const char *)begin - (char *)base) / sizeof(uint64_t);
	const uint64_t words = (uint64_t)((const char *)end - (const char *)begin) / sizeof(uint64_t);
	const uint64_t at = from + enemy_draw(&enemy->random) % words;
	const uint64_t value = some_word(enemy->pool, &enemy->random);

	if (below(&enemy->random, 2))
		store_relaxed((uint64_t *)base + at, value);
	else
		write_half(base, 2 * at + below(&enemy->random, 2), value);
}

static inline struct shm_resv *some_resv(struct enemy *enemy)
{
	const struct pool_shape *shape = &enemy->pool->shape;

	return shm_resv(shape, enemy->pool->base, below(&enemy->random, shape->buffers));
}

static inline struct shm_await *some_await(struct enemy *enemy)
{
	const struct pool_shape *shape = &enemy->pool->shape;

	return shm_await(shape, enemy->pool->base, below(&enemy->random, shape->members),
			 below(&enemy->random, shape->timelines));
}

static inline void write_logs(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;
	struct shm_resv *resv = some_resv(enemy);
	char *end = (char *)pool->base + pool_file_size(&pool->shape);

	switch (below(&enemy->random, 4)) {
	case 0:
		store_relaxed(&resv->lock, some_id(pool, &enemy->random) | below(&enemy->random, 2));
		break;
	case 1:
		store_relaxed(&resv->commit, some_commit(&enemy->random));
		break;
	case 2:
		*shm_entry(&pool->shape, resv, below(&enemy->random, 2),
			   below(&enemy->random, half_capacity(&pool->shape))) =
			some_entry(pool, &enemy->random);
		break;
	default: /* from what is awaited to the end */
		write_between(enemy, pool->base, shm_await(&pool->shape, pool->base, 0, 0), end);
		break;
	}
}

static inline void write_places(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;

	store_relaxed(&shm_place(pool->base, below(&enemy->random, pool->shape.members))->word,
		      some_place(pool, &enemy->random));
}

/* All of it: who joins looks at what is constant. Who gives out places is nobody for long. */
static inline void write_head(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;
	struct shm_head *head = pool->base;

	if (below(&enemy->random, 8))
		store_relaxed(&head->admission, below(&enemy->random, 2) ? 0 : some_id(pool, &enemy->random));
	else if (below(&enemy->random, 8))
		store_relaxed(&head->evictions, below(&enemy->random, 1 << 17));
	else
		write_between(enemy, pool->base, head, head + 1);
}

/*
 * Its own file.
 */

static inline uint64_t some_value(uint32_t *random, uint64_t before)
{
	switch (below(random, 5)) {
	case 0:
		return before - 1;
	case 1:
		return before + 1;
	case 2:
		return enemy_draw(random);
	case 3:
		return below(random, 9);
	default:
		return UINT64_MAX;
	}
}

static inline void write_timeline(struct enemy *enemy)
{
	uint32_t *random = &enemy->random;
	struct shm_timeline *timeline =
		&enemy->pool->self->map->timeline[below(random, enemy->pool->shape.timelines)];
	struct shm_error *error = &timeline->ring[below(random, ERROR_RING)];

	switch (below(random, 4)) {
	case 0:
		store_relaxed(&timeline->value, some_value(random, load_relaxed(&timeline->value)));
		break;
	case 1:
		store_relaxed(&timeline->lost, some_value(random, load_relaxed(&timeline->lost)));
		break;
	default: /* points and an errno, of which none may be */
		store_relaxed(&error->first, (uint64_t)below(random, 9) << ERROR_SEQNO_SHIFT | below(random, 1 << 16));
		store_relaxed(&error->last, (uint64_t)below(random, 9) << ERROR_SEQNO_SHIFT | below(random, 16));
		break;
	}
}

static inline void write_lease(struct enemy *enemy)
{
	uint32_t *random = &enemy->random;
	struct shm_timelines *map = enemy->pool->self->map;
	struct shm_lease *lease = &map->lease[below(random, MOST_LEASES)];
	const int64_t times[] = { 0, 1, -1, INT64_MIN, INT64_MAX, os_now_ns(), os_now_ns() + SECOND / 100 };

	store_relaxed(&map->leases, below(random, 4) ? below(random, MOST_LEASES + 1) : (uint32_t)enemy_draw(random));
	store_relaxed(&lease->point, (uint64_t)below(random, 9) << LEASE_SEQNO_SHIFT | below(random, 9));
	store_relaxed(&lease->deadline, times[below(random, sizeof(times) / sizeof(times[0]))]);
}

static inline void write_own(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;
	struct shm_timelines *map = pool->self->map;
	uint64_t *stamp = shm_stamp(&pool->shape, map, below(&enemy->random, pool->shape.buffers));

	switch (below(&enemy->random, 4)) {
	case 0:
		if (!below(&enemy->random, 64)) /* it is evicted for that */
			write_lease(enemy);
		break;
	case 1:
		store_relaxed(stamp, below(&enemy->random, 2) ? below(&enemy->random, 9)
							      : enemy_draw(&enemy->random));
		break;
	case 2: /* anything: nobody looks at the head again */
		if (!below(&enemy->random, 64))
			write_between(enemy, map, map, (char *)map + timelines_file_size(&pool->shape));
		break;
	default:
		write_timeline(enemy);
		break;
	}
}

/*
 * To and fro: who looks twice sees both.
 */

enum { FLAPS = 3000 };

static inline void flap_halves(uint32_t *word, const uint32_t value[2])
{
	for (unsigned int i = 0; i < FLAPS; i++)
		store_seq_cst(word, value[i % 2]);
}

static inline void flap_words(uint64_t *word, const uint64_t value[2])
{
	for (unsigned int i = 0; i < FLAPS; i++)
		store_seq_cst(word, value[i % 2]);
}

static inline void flap_lock(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;

	flap_halves(&some_resv(enemy)->lock,
		    (const uint32_t[]){ some_id(pool, &enemy->random) | below(&enemy->random, 2),
					below(&enemy->random, 2) ? 0 : some_id(pool, &enemy->random) });
}

static inline void flap_commit(struct enemy *enemy)
{
	struct shm_resv *resv = some_resv(enemy);
	struct commit commit = commit_unpack(load_relaxed(&resv->commit));
	const uint64_t before = commit_pack(&commit);

	commit.flips += below(&enemy->random, 2);
	commit.length += below(&enemy->random, 3);
	flap_words(&resv->commit, (const uint64_t[]){ commit_pack(&commit), before });
}

/* Of a member that stays one. */
static inline void flap_place(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;
	const unsigned int place = below(&enemy->random, pool->shape.members);
	const uint32_t id = place_id(place, load_relaxed(&shm_place(pool->base, place)->word));

	flap_words(&shm_place(pool->base, place)->word,
		   (const uint64_t[]){ place_word(below(&enemy->random, 2) ? PLACE_EVICTED : PLACE_EVICTING, id),
				       place_word(PLACE_LIVE, id) });
}

static inline void flap_head(struct enemy *enemy)
{
	struct shm_head *head = enemy->pool->base;

	if (below(&enemy->random, 2))
		flap_halves(&head->admission, (const uint32_t[]){ some_id(enemy->pool, &enemy->random), 0 });
	else
		flap_halves(&head->evictions, (const uint32_t[]){ POOL_OVER, 0 });
}

static inline void flap(struct enemy *enemy)
{
	uint32_t *random = &enemy->random;
	const uint32_t timeline = below(random, enemy->pool->shape.timelines);
	uint64_t *value = &enemy->pool->self->map->timeline[timeline].value;

	switch (below(random, 6)) {
	case 0:
		if (enemy->ways & ENEMY_PLACES)
			flap_place(enemy);
		break;
	case 1:
		if (enemy->ways & ENEMY_HEAD)
			flap_head(enemy);
		break;
	case 2:
		if (enemy->ways & ENEMY_LOGS)
			flap_commit(enemy);
		break;
	case 3:
		if (enemy->ways & ENEMY_LOGS)
			flap_words(&some_await(enemy)->frozen,
				   (const uint64_t[]){ frozen_pack(some_id(enemy->pool, random), 9), 0 });
		break;
	case 4:
		if (enemy->ways & ENEMY_OWN)
			flap_words(value, (const uint64_t[]){ below(random, 9), below(random, 9) });
		break;
	default:
		if (enemy->ways & ENEMY_LOGS)
			flap_lock(enemy);
		break;
	}
}

/*
 * On and on: who looks again sees another value. A lock has another holder each time, a log is flipped each
 * time, a timeline goes on.
 */

static inline void count_lock(struct enemy *enemy, uint64_t *deeds)
{
	uint32_t *lock = &some_resv(enemy)->lock;
	const uint32_t id = member_id(below(&enemy->random, enemy->pool->shape.members), 0);

	for (uint32_t i = 0;; i++) {
		store_relaxed(lock, id | i << MEMBER_GENERATION_SHIFT);
		fetch_add_relaxed(deeds, 1);
	}
}

static inline void count_commit(struct enemy *enemy, uint64_t *deeds)
{
	struct shm_resv *resv = some_resv(enemy);
	struct commit commit = commit_unpack(load_relaxed(&resv->commit));

	for (;;) {
		commit.flips++;
		store_relaxed(&resv->commit, commit_pack(&commit));
		fetch_add_relaxed(deeds, 1);
	}
}

static inline void count_value(struct enemy *enemy, uint64_t *deeds)
{
	const uint32_t timeline = below(&enemy->random, enemy->pool->shape.timelines);
	uint64_t *value = &enemy->pool->self->map->timeline[timeline].value;

	for (uint64_t i = 0;; i++) {
		store_relaxed(value, i);
		fetch_add_relaxed(deeds, 1);
	}
}

static inline void count_for_ever(struct enemy *enemy, uint64_t *deeds)
{
	static void (*const ways[])(struct enemy *, uint64_t *) = { count_lock, count_commit, count_value };
	struct shm_head *head = enemy->pool->base;

	store_relaxed(&head->admission, 0); /* each who wants that would wait for ten seconds */
	ways[below(&enemy->random, 3)](enemy, deeds);
}

#endif
