/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "os/fault.h"
#include "share/mail.h"
#include "share/member.h"
#include "share/place.h"

/* The count comes first: whoever sees the eviction sees that. */
static int evict_locked(struct dma_buf_pool *pool, uint32_t id)
{
	uint32_t *evictions = &pool_head(pool)->evictions;

	if (!place_is(pool, id, PLACE_LIVE))
		return -ENOENT;
	if (load_relaxed(evictions) >= ENTRY_MOST_EVICTIONS)
		return -EOVERFLOW;
	fetch_add_seq_cst(evictions, 1);
	OS_RACE_POINT("evict: counted");
	place_settle(pool, id, PLACE_EVICTED);
	return 0;
}

/* Watchers shall look; those who wait without one look by themselves. */
static void tell_all(struct dma_buf_pool *pool, uint32_t id)
{
	for (unsigned int i = 0; i < pool->shape.members; i++)
		mail_evicted(pool, i, id);
}

int dma_buf_pool_evict(struct dma_buf_pool *pool, uint32_t member)
{
	const uint32_t id = member;
	struct member *known;
	int err;

	if (!pool || id == pool->self->id)
		return -EINVAL;
	if (member_place(id) >= pool->shape.members)
		return -ENOENT;
	err = pool_check(pool);
	if (err)
		return err;
	err = places_lock(pool);
	if (err)
		return err;
	err = evict_locked(pool, id);
	places_unlock(pool);
	if (err)
		return err;
	known = member_get(pool, id);
	if (known) {
		member_check(known);
		member_put(known);
	}
	tell_all(pool, id);
	return 0;
}
