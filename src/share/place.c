/* SPDX-License-Identifier: MIT */
/*
 * Places: who has which. A place changes by compare-and-swap from what it was, so that whoever was
 * stopped on the way, and evicted, changes nothing when it goes on.
 *
 *   FREE -> INVITED                  who invites, under the admission lock
 *   INVITED -> LIVE                  who invited, under the admission lock
 *   INVITED -> FREE                  who invited, or anybody when that one is no member any more
 *   LIVE -> EVICTING -> EVICTED      anybody
 *   LIVE -> FREE                     who leaves
 *   LIVE, EVICTING, EVICTED -> CLEANED -> FREE
 *                                    anybody when that one is dead, under the admission lock
 *
 * The places of the dead come back when somebody needs one. What they had of buffers goes first: a newcomer
 * must not lose what was its predecessor's. So a place that somebody cleans who was stopped is nobody's until
 * that one is dead, too.
 */
#include "share/place.h"

#include <errno.h>

#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "share/member.h"
#include "share/shared-lock.h"

#define PATIENCE_NS INT64_C(10000000000) /* an enemy may hold the lock for ever */

int places_lock(struct dma_buf_pool *pool, int64_t deadline)
{
	const int64_t longest = os_deadline_ns(PATIENCE_NS);
	const bool is_short = deadline < longest;
	const struct patience patience = { .deadline = is_short ? deadline : longest };
	int err;

	err = pool_check(pool);
	if (err)
		return err;
	err = shared_lock(pool, &pool_head(pool)->admission, &patience);
	if (err < 0)
		return err == -ETIME ? (is_short ? -ETIMEDOUT : -EAGAIN) : err;
	OS_RACE_POINT("places: locked");
	return 0;
}

void places_unlock(struct dma_buf_pool *pool)
{
	shared_unlock(pool, &pool_head(pool)->admission);
}

static struct shm_place *place_of(struct dma_buf_pool *pool, uint32_t id)
{
	return shm_place(pool->base, member_place(id));
}

static uint64_t look(struct dma_buf_pool *pool, unsigned int place)
{
	return load_acquire(&shm_place(pool->base, place)->word);
}

static bool change_word(struct shm_place *place, uint64_t from, uint64_t to)
{
	OS_RACE_POINT("places: before a change");
	if (!cas_seq_cst(&place->word, &from, to)) /* V0 of point.c */
		return false;
	os_futex_wake_shared(low_half(&place->word), true);
	return true;
}

bool place_change(struct dma_buf_pool *pool, uint32_t id, enum place_state from, enum place_state to)
{
	return change_word(place_of(pool, id), place_word(from, id), place_word(to, id));
}

bool place_is(struct dma_buf_pool *pool, uint32_t id, enum place_state state)
{
	return load_acquire(&place_of(pool, id)->word) == place_word(state, id);
}

uint32_t place_live(struct dma_buf_pool *pool, unsigned int place)
{
	const uint64_t word = look(pool, place);

	return place_state(word) == PLACE_LIVE ? place_id(place, word) : 0;
}

uint32_t place_taken(struct dma_buf_pool *pool, unsigned int place)
{
	const uint64_t word = look(pool, place);

	switch (place_state(word)) {
	case PLACE_LIVE:
	case PLACE_EVICTING:
	case PLACE_EVICTED:
		return place_id(place, word);
	default:
		return 0;
	}
}

bool place_has(struct dma_buf_pool *pool, uint32_t id)
{
	return place_taken(pool, member_place(id)) == id;
}

/*
 * Coming.
 */

uint32_t place_take(struct dma_buf_pool *pool)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		const uint64_t word = look(pool, i);
		const uint32_t last = place_id(i, word), id = last + member_id(0, 1);

		if (place_state(word) != PLACE_FREE || member_generation(last) == MEMBER_MOST_GENERATIONS)
			continue;
		if (change_word(shm_place(pool->base, i), word,
				place_word_by(PLACE_INVITED, id, pool->self->id)))
			return id;
	}
	return 0;
}

bool place_is_invited(struct dma_buf_pool *pool, uint32_t id)
{
	return load_acquire(&place_of(pool, id)->word) ==
	       place_word_by(PLACE_INVITED, id, pool->self->id);
}

bool place_settle(struct dma_buf_pool *pool, uint32_t id, enum place_state to)
{
	return change_word(place_of(pool, id), place_word_by(PLACE_INVITED, id, pool->self->id),
			   place_word(to, id));
}

/*
 * Going.
 */

void users_drop(struct dma_buf_pool *pool, uint32_t buffer, unsigned int place)
{
	struct shm_resv *resv = shm_resv(&pool->shape, pool->base, buffer);
	const uint64_t bit = (uint64_t)1 << place;
	uint32_t number = load_acquire(&resv->number);

	OS_RACE_POINT("pool: before a buffer goes");
	if (fetch_and_acq_rel(&resv->users, ~bit) != bit || !(number & 1))
		return;
	OS_RACE_POINT("pool: the last one has dropped a buffer");
	cas_acq_rel(&resv->number, &number, number + 1);
}

static void drop_all_buffers(struct dma_buf_pool *pool, unsigned int place)
{
	for (uint32_t i = 0; i < pool->shape.buffers; i++) {
		if (load_relaxed(&shm_resv(&pool->shape, pool->base, i)->users) >> place & 1)
			users_drop(pool, i, place);
	}
}

/* Whoever comes next begins without those who waited for this one. */
static void forget_waiters(struct dma_buf_pool *pool, unsigned int place)
{
	for (uint32_t i = 0; i < pool->shape.timelines; i++) {
		struct shm_await *await = shm_await(&pool->shape, pool->base, place, i);

		store_relaxed(&await->watermark, 0);
		store_relaxed(&await->watchers, 0);
	}
}

/* Will nobody in this place, or for this place, do anything any more? */
static bool is_over(struct dma_buf_pool *pool, unsigned int place, uint64_t word)
{
	switch (place_state(word)) {
	case PLACE_LIVE:
	case PLACE_EVICTING:
	case PLACE_EVICTED:
		return member_is_dead(pool, place_id(place, word));
	case PLACE_INVITED:
	case PLACE_CLEANED:
		return member_is_dead(pool, place_by(word));
	default:
		return false;
	}
}

static void clean(struct dma_buf_pool *pool, unsigned int number, uint64_t word)
{
	struct shm_place *place = shm_place(pool->base, number);
	const uint32_t id = place_id(number, word);
	const uint64_t cleaned = place_word_by(PLACE_CLEANED, id, pool->self->id);

	if (!change_word(place, word, cleaned))
		return;
	OS_RACE_POINT("places: cleaning");
	drop_all_buffers(pool, number);
	forget_waiters(pool, number);
	change_word(place, cleaned, place_word(PLACE_FREE, id));
}

/*
 * After the end of the pool no place is given back: what some have found of its member's points, all find for
 * ever, since nobody comes into it. Who asks looks at the end last, when nothing is written to those points any
 * more: if that was before the end, they had all signalled, or failed, by then.
 */
static bool may_give_back(const struct dma_buf_pool *pool)
{
	return !pool_is_over(pool);
}

void places_reclaim(struct dma_buf_pool *pool)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		const uint64_t word = look(pool, i);

		if (is_over(pool, i, word) && may_give_back(pool))
			clean(pool, i, word);
	}
}

void places_uninvite(struct dma_buf_pool *pool, uint32_t inviter)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		const uint64_t word = look(pool, i);

		if (place_state(word) == PLACE_INVITED && place_by(word) == inviter)
			change_word(shm_place(pool->base, i), word,
				    place_word(PLACE_FREE, place_id(i, word)));
	}
}

/* No lock: nobody else comes into a place before it is free. */
void place_vacate(struct dma_buf_pool *pool)
{
	const uint32_t id = pool->self->id;

	places_uninvite(pool, id);
	if (!place_has(pool, id))
		return;
	drop_all_buffers(pool, member_place(id));
	OS_RACE_POINT("places: dropped own buffers");
	if (place_is(pool, id, PLACE_LIVE))
		forget_waiters(pool, member_place(id));
	OS_RACE_POINT("places: about to be given back");
	if (may_give_back(pool))
		place_change(pool, id, PLACE_LIVE, PLACE_FREE);
}
