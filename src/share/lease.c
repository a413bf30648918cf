/* SPDX-License-Identifier: MIT */
/*
 * Leases lie in their owner's file, which it alone can write: a table, of points and deadlines. A
 * lease is over when its point has signalled, without anybody writing that down; then its place in the
 * table may be used for another point. Of a lie there, the liar is evicted at worst.
 *
 *   owner                                        who looks
 *   L0  leases, if that is a new place           R0  clock
 *   L1  deadline = 0, if that is another point   R1  leases, point
 *   L2  point, likewise            release       R2  deadline
 *   L3  deadline                                 R3  has the point signalled?
 *   L4  watchers: are rung                       R4  (before R1) is among the watchers
 *
 *   Two of different leases do no harm: after R1 from L2, R2 does not see a deadline from before L1; and
 *   if R2 sees L3 of a later point, R3 sees that the one of R1 has signalled, as the owner did before L1.
 *   R0 first: who signals, or prolongs, before the deadline, does so before R2 and R3 of whoever finds
 *   that it has passed. L0, L3, L4 and R1 to R4 are sequentially consistent: R1 and R2 see L3, or
 *   L4 sees R4, or a thread of the owner's has seen it before and is still to ring: then L4 rings, too.
 */
#include "share/lease.h"

#include <errno.h>

#include "os/clock.h"
#include "os/fault.h"
#include "share/member.h"
#include "share/own-write.h"

static uint64_t pack(const struct point *point)
{
	return point->seqno << LEASE_SEQNO_SHIFT | point->timeline;
}

static bool has_signaled(const struct member *member, uint64_t packed)
{
	return member_point_status(member, (uint32_t)(packed & LEASE_TIMELINE),
				   packed >> LEASE_SEQNO_SHIFT);
}

/* The lease of that point, or else one that is over, or NULL. */
static struct shm_lease *find(struct member *self, uint64_t packed)
{
	struct shm_lease *found = NULL;

	for (uint32_t i = MOST_LEASES; i--;) {
		struct shm_lease *lease = &self->map->lease[i];

		if (lease->point == packed)
			return lease;
		if (has_signaled(self, lease->point))
			found = lease;
	}
	return found;
}

/* True: it ends sooner than those who watch know. */
static bool write_lease(struct shm_timelines *map, struct shm_lease *lease, uint64_t packed,
			int64_t deadline)
{
	const uint32_t place = (uint32_t)(lease - map->lease);
	int64_t before = lease->deadline;

	if (place >= map->leases)
		store_seq_cst(&map->leases, place + 1); /* L0 */
	if (lease->point != packed) {
		before = NO_LEASE;
		store_relaxed(&lease->deadline, 0);   /* L1: seen with L2 */
		store_release(&lease->point, packed); /* L2 */
	}
	OS_RACE_POINT("lease: half made");
	store_seq_cst(&lease->deadline, deadline); /* L3 */
	return deadline < before;
}

int lease_make(struct dma_buf_pool *pool, const struct point *point, int64_t deadline)
{
	const uint64_t packed = pack(point);
	struct shm_lease *lease;
	bool is_sooner;

	dmabuf_spin_lock(&pool->own.lock);
	lease = find(pool->self, packed);
	is_sooner = lease && write_lease(pool->self->map, lease, packed, deadline);
	dmabuf_spin_unlock(&pool->own.lock);
	if (is_sooner)
		own_ring(pool, &pool->own.timeline[point->timeline]); /* L4 */
	return lease ? 0 : -ENOSPC;
}

/* R1 to R3 */
static int64_t deadline_of(const struct member *member, const struct shm_lease *lease)
{
	const uint64_t packed = load_seq_cst(&lease->point);
	int64_t deadline;

	OS_RACE_POINT("lease: between its words");
	deadline = load_seq_cst(&lease->deadline);
	OS_RACE_POINT("lease: before its point");
	return deadline && !has_signaled(member, packed) ? deadline : NO_LEASE;
}

int64_t lease_next(const struct member *member)
{
	const uint32_t leases = load_seq_cst(&member->map->leases); /* R1 */
	int64_t next = NO_LEASE;

	for (uint32_t i = 0; i < leases && i < MOST_LEASES; i++) {
		const int64_t deadline = deadline_of(member, &member->map->lease[i]);

		if (deadline < next)
			next = deadline;
	}
	return next;
}

bool lease_is_broken(const struct member *member)
{
	int64_t now;

	if (!load_relaxed(&member->map->leases)) /* who has just made one has not broken it */
		return false;
	now = os_now_ns(); /* R0 */
	return lease_next(member) <= now;
}
