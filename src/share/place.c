/* SPDX-License-Identifier: MIT */
/*
 * Places: who has which. They change under the pool's admission lock only.
 *
 * The places of the dead come back when somebody needs one: whoever looks for a free place
 * first makes free what the dead have left. It does so under the lock, so that nobody takes from a
 * newcomer what was its predecessor's.
 */
#include "share/place.h"

#include <errno.h>

#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "os/process.h"
#include "share/member.h"
#include "share/shared-lock.h"

int places_lock(struct dma_buf_pool *pool)
{
	const struct patience patience = { .deadline = os_deadline_ns(PLACES_PATIENCE_NS) };
	const int taken = shared_lock(pool, &pool_head(pool)->admission, &patience);

	return taken < 0 ? taken : 0;
}

void places_unlock(struct dma_buf_pool *pool)
{
	shared_unlock(pool, &pool_head(pool)->admission);
}

static struct shm_place *place_of(struct dma_buf_pool *pool, uint32_t id)
{
	return shm_place(pool->base, member_place(id));
}

void place_settle(struct dma_buf_pool *pool, uint32_t id, enum place_state state)
{
	struct shm_place *place = place_of(pool, id);

	store_seq_cst(&place->state, place_word(state, id)); /* V0 of member.c */
	os_futex_wake_shared(&place->state, true);
}

void place_reset(struct dma_buf_pool *pool, uint32_t id, uint32_t flags)
{
	struct shm_place *place = place_of(pool, id);

	for (uint32_t i = 0; i < pool->shape.timelines; i++) {
		struct shm_await *await = shm_await(&pool->shape, pool->base, member_place(id), i);

		store_relaxed(&await->watermark, 0);
		store_relaxed(&await->watchers, 0);
		store_relaxed(&await->frozen, NOT_FROZEN);
	}
	store_relaxed(&place->inviter, pool->self->id);
	store_relaxed(&place->flags, flags);
}

void users_drop(struct dma_buf_pool *pool, uint32_t buffer, unsigned int place)
{
	struct shm_resv *resv = shm_resv(&pool->shape, pool->base, buffer);
	const uint64_t bit = (uint64_t)1 << place;
	uint32_t number = load_acquire(&resv->number);

	OS_RACE_POINT("pool: before a buffer goes");
	if (fetch_and_acq_rel(&resv->users, ~bit) == bit && number & 1)
		cas_acq_rel(&resv->number, &number, number + 1);
}

static void drop_all_buffers(struct dma_buf_pool *pool, unsigned int place)
{
	for (uint32_t i = 0; i < pool->shape.buffers; i++) {
		if (load_relaxed(&shm_resv(&pool->shape, pool->base, i)->users) >> place & 1)
			users_drop(pool, i, place);
	}
}

/* Will nobody in this place do anything any more? */
static bool is_over(struct dma_buf_pool *pool, unsigned int number, uint32_t word)
{
	const uint32_t id = member_id(number, member_generation(word));

	switch (place_state(word)) {
	case PLACE_LIVE:
	case PLACE_EVICTED:
		return id != pool->self->id && member_is_dead(pool, id);
	case PLACE_INVITED:
		return member_is_dead(pool, load_relaxed(&shm_place(pool->base, number)->inviter));
	default:
		return false;
	}
}

void places_reclaim(struct dma_buf_pool *pool)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		const uint32_t word = load_acquire(&shm_place(pool->base, i)->state);
		const uint32_t id = member_id(i, member_generation(word));

		if (!is_over(pool, i, word))
			continue;
		drop_all_buffers(pool, i);
		place_settle(pool, id, PLACE_FREE);
	}
}

uint32_t place_take(struct dma_buf_pool *pool, uint32_t flags)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		const uint32_t word = load_acquire(&shm_place(pool->base, i)->state);
		const uint32_t generation = member_generation(word);
		uint32_t id;

		if (place_state(word) != PLACE_FREE || generation == MEMBER_MOST_GENERATIONS)
			continue;
		id = member_id(i, generation + 1);
		place_reset(pool, id, flags);
		place_settle(pool, id, PLACE_INVITED);
		return id;
	}
	return 0;
}

bool place_is(struct dma_buf_pool *pool, uint32_t id, enum place_state state)
{
	return load_acquire(&place_of(pool, id)->state) == place_word(state, id);
}

uint32_t place_live(struct dma_buf_pool *pool, unsigned int place)
{
	const uint32_t word = load_acquire(&shm_place(pool->base, place)->state);

	return place_state(word) == PLACE_LIVE ? member_id(place, member_generation(word)) : 0;
}

void place_vacate(struct dma_buf_pool *pool)
{
	const uint32_t id = pool->self->id;

	if (places_lock(pool))
		return; /* it is not this process's any more, or those who come next free it */
	if (place_is(pool, id, PLACE_LIVE)) {
		drop_all_buffers(pool, member_place(id));
		place_settle(pool, id, PLACE_FREE);
	}
	places_unlock(pool);
}
