/* SPDX-License-Identifier: MIT */
#include "share/evict.h"

#include <errno.h>

#include "debug/lockdep.h"
#include "os/fault.h"
#include "os/thread.h"
#include "share/mail.h"
#include "share/member.h"
#include "share/place.h"

/* May there be another one after so many? */
static int check_count(uint32_t evictions)
{
	if (evictions & POOL_OVER)
		return -ESTALE;
	return evictions < ENTRY_MOST_EVICTIONS ? 0 : -EOVERFLOW;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by the swap */
static int count(uint32_t *evictions)
{
	uint32_t before = load_relaxed(evictions);

	for (unsigned int i = 0; i <= ENTRY_MOST_EVICTIONS; i++) {
		const int err = check_count(before);

		if (err)
			return err;
		OS_RACE_POINT("evict: before the count");
		if (cas_seq_cst(evictions, &before, before + 1))
			return 0;
	}
	return -EPROTO; /* nobody counts so often: an enemy changes it */
}

/*
 * Whoever sees the eviction sees the count of it, so that what it writes then is later than all that the
 * evicted one writes. Therefore that one sees, before it can see the count, that it may begin nothing any
 * more. No lock: the one that is to be evicted may hold it. Who stops between two steps is overtaken by
 * the next who wants the same.
 */
static int evict(struct dma_buf_pool *pool, uint32_t id)
{
	uint32_t *evictions = &pool_head(pool)->evictions;
	int err;

	if (!place_is(pool, id, PLACE_LIVE) && !place_is(pool, id, PLACE_EVICTING))
		return -ENOENT;
	err = check_count(load_relaxed(evictions));
	if (err)
		return err;
	place_change(pool, id, PLACE_LIVE, PLACE_EVICTING); /* or somebody has begun already */
	OS_RACE_POINT("evict: begun");
	err = count(evictions);
	if (err == -EPROTO)
		pool_fail(pool, err);
	if (err)
		return err;
	OS_RACE_POINT("evict: counted");
	if (!place_change(pool, id, PLACE_EVICTING, PLACE_EVICTED))
		return -ENOENT;
	places_uninvite(pool, id);
	OS_RACE_POINT("evict: not told");
	return 0;
}

/*
 * Watchers shall look; those who wait without one look by themselves. If this process dies before that, its
 * end makes them look.
 */
static void tell_all(struct dma_buf_pool *pool, uint32_t id)
{
	for (unsigned int i = 0; i < pool->shape.members; i++)
		mail_evicted(pool, i, id);
}

void evict_self(struct dma_buf_pool *pool)
{
	int invited = -EAGAIN;

	if (evict(pool, pool->self->id))
		cas_acq_rel(&pool->error, &invited, -ESTALE); /* or not even admitted */
	tell_all(pool, pool->self->id);
}

static void tell(struct dmabuf_work *work)
{
	struct member *member = container_of(work, struct member, telling);

	if (pool_is_here(member->pool)) /* a fork may have come between */
		tell_all(member->pool, member->id);
	member_put(member);
}

/*
 * Of all who find out, in all processes, one evicts it, and tells. Once: an enemy may write its place as it
 * was, and be evicted again by who tells, or before.
 */
void evict_broken(struct member *member)
{
	uint32_t is_told = false;

	if (pool_check(member->pool) || evict(member->pool, member->id) ||
	    !cas_acq_rel(&member->is_told, &is_told, true))
		return;
	member_ref(member);
	member->telling.func = tell;
	os_work_queue(&member->telling);
}

int dma_buf_pool_evict(struct dma_buf_pool *pool, uint32_t member)
{
	const uint32_t id = member;
	struct member *known;
	int err;

	lockdep_might_sleep();
	if (!pool || id == pool->self->id)
		return -EINVAL;
	err = pool_check(pool);
	if (err)
		return err;
	if (member_place(id) >= pool->shape.members || id & 1)
		return -ENOENT;
	known = member_get(pool, id);
	err = known && member_process_has_ended(known) ? -ENOENT : evict(pool, id);
	if (!err)
		tell_all(pool, id);
	if (known) {
		member_check(known);
		member_put(known);
	}
	return err;
}

/*
 * The end: all are evicted at once, by one word. It is the one that counts evictions, so that who was evicted
 * first, and is still about to do this, does nothing:
 *
 *   who destroys                               who evicts him
 *   E1  evictions          load                place = EVICTING
 *   E2  own place          load                evictions + 1       swap
 *   E3  evictions | OVER   swap, from E1       place = EVICTED
 *
 *   E1 from before that swap: E3 fails, and E1 is done again. E1 from it: E2 sees the place.
 */
static bool end_for_all(struct dma_buf_pool *pool)
{
	uint32_t *evictions = &pool_head(pool)->evictions;

	for (unsigned int i = 0; i <= ENTRY_MOST_EVICTIONS; i++) {
		uint32_t before = load_seq_cst(evictions); /* E1 */

		OS_RACE_POINT("destroy: before the look");
		if (pool_check(pool)) /* E2 */
			return false;
		OS_RACE_POINT("destroy: before the end");
		if (cas_seq_cst(evictions, &before, before | POOL_OVER)) { /* E3 */
			OS_RACE_POINT("destroy: not told");
			return true;
		}
	}
	pool_fail(pool, -EPROTO); /* as in count() */
	return false;
}

void dma_buf_pool_destroy(struct dma_buf_pool *pool)
{
	lockdep_might_sleep();
	if (!pool)
		return;
	/* Watchers are told; who sleeps until others signal is woken as this process forgets those. */
	if (!pool_check(pool) && end_for_all(pool))
		tell_all(pool, pool->self->id);
	dma_buf_pool_leave(pool);
}
