/* SPDX-License-Identifier: MIT */
/*
 * Reading another member's timelines. Everything there may be a lie; what follows from it is
 * whether its own points have signalled, and nothing else.
 *
 *   owner                                          reader
 *   T1  lost = what the next error pushes out       U1  value                acquire
 *   T2  ring entry           release                U2  ring entries         acquire
 *   T3  value                release                U3  lost                 acquire
 *
 *   U1 from T3 makes all errors up to that point visible to U2. An entry that U2 finds half
 *   overwritten is of a later error: then U3 sees T1, and the point that was pushed out is known to be lost.
 *
 * After a death all values are read once more, and then the verdict is written down: whoever is dead has written
 * its last ones by then, and had not been evicted; what is frozen later is those. One of eviction is
 * everybody's: whoever sees it first freezes the value.
 *
 *   evictor                      freezer, once              owner          reader
 *   V0  place = EVICTED, or      V2  value                  T3  value      V1  value
 *       the end of all           V3  frozen = value                        V4  place, end
 *
 *   All are sequentially consistent. If V1 sees a value that V2 did not, V1 comes after T3, that after V2,
 *   and that after V0: so V4 sees the eviction, and the reader goes by what is frozen.
 */
#include <errno.h>

#include <dmabuf/dma-fence.h>

#include "os/fault.h"
#include "share/member.h"

/* How far it is: never less than it was. */
static uint64_t value_of(const struct member *member, uint32_t timeline)
{
	const uint64_t value = load_seq_cst(&member->map->timeline[timeline].value); /* U1; V1 or V2 */
	uint64_t seen = load_acquire(&member->seen[timeline]);

	while (seen < value && !cas_acq_rel(&member->seen[timeline], &seen, value))
		;
	return seen < value ? value : seen;
}

void member_see_all(const struct member *member)
{
	for (uint32_t i = 0; i < member->pool->shape.timelines; i++)
		value_of(member, i);
}

/* Of the evicted: how far it was when somebody looked first. */
static uint64_t frozen_value(const struct member *member, uint32_t timeline)
{
	struct shm_await *await = shm_await(&member->pool->shape, member->pool->base,
					    member_place(member->id), timeline);
	uint64_t frozen = load_acquire(&await->frozen);

	for (;;) {
		/* After the frozen one, which is less, or a lie. */
		const uint64_t value = value_of(member, timeline);
		const uint64_t mine = frozen_pack(member->id, value), at = frozen & ENTRY_MOST_SEQNO;

		if (frozen && !((frozen ^ mine) >> ENTRY_EVICTIONS_SHIFT))
			return at < value ? at : value;
		if (!member_is_evicted(member))
			return value; /* its last: somebody else has its place */
		OS_RACE_POINT("member: before it is frozen");
		if (cas_seq_cst(&await->frozen, &frozen, mine)) /* V3 */
			return value;
	}
}

/* The errno of a point, by one entry of the ring, or 0. */
static int error_in(const struct shm_error *entry, uint64_t seqno)
{
	const uint64_t first = load_acquire(&entry->first), last = load_acquire(&entry->last);

	if ((first ^ last) & ERROR_REWRITING || seqno < first >> ERROR_SEQNO_SHIFT ||
	    seqno > last >> ERROR_SEQNO_SHIFT)
		return 0;
	return error_of_entry(first);
}

/* The error of a point that has signalled. */
static int error_of(const struct shm_timeline *timeline, uint64_t seqno)
{
	int error = 0;

	for (unsigned int i = 0; i < ERROR_RING && !error; i++) /* U2 */
		error = error_in(&timeline->ring[i], seqno);
	return seqno <= load_acquire(&timeline->lost) ? -EIO : error; /* U3 */
}

static uint64_t value_by(const struct member *member, uint32_t timeline, enum verdict *ret_verdict)
{
	uint64_t value;

	*ret_verdict = member_verdict(member);
	if (*ret_verdict == VERDICT_EVICTED)
		return frozen_value(member, timeline);
	if (*ret_verdict == VERDICT_DEAD)
		return load_acquire(&member->seen[timeline]);
	value = value_of(member, timeline);
	if (!member_is_evicted(member)) /* V4 */
		return value;
	*ret_verdict = VERDICT_EVICTED;
	return frozen_value(member, timeline);
}

int member_point_status(const struct member *member, uint32_t timeline, uint64_t seqno)
{
	enum verdict verdict;

	if (timeline >= member->pool->shape.timelines || unlikely(!pool_is_here(member->pool)))
		return -EOWNERDEAD; /* no member has that, or not in this process */
	if (value_by(member, timeline, &verdict) >= seqno) {
		const int error = error_of(&member->map->timeline[timeline], seqno);

		return error ? error : 1;
	}
	switch (verdict) {
	case VERDICT_DEAD:
		return -EOWNERDEAD;
	case VERDICT_EVICTED:
		return -ECANCELED;
	default:
		return 0;
	}
}

/* Without asking the kernel, or reading mail. False: that is to be done. */
static bool peek(struct dma_buf_pool *pool, const struct point *point, int *ret_status)
{
	const struct member *member;
	bool is_known = false;

	if (point->id == pool->self->id) {
		*ret_status = member_point_status(pool->self, point->timeline, point->seqno);
		return true;
	}
	dmabuf_rcu_read_lock();
	member = member_peek(pool, point->id);
	if (member) {
		*ret_status = member_point_status(member, point->timeline, point->seqno);
		is_known = *ret_status || !member_check_is_due(member);
	}
	dmabuf_rcu_read_unlock();
	return is_known;
}

int point_status(struct dma_buf_pool *pool, const struct point *point)
{
	struct member *member;
	int status;

	if (peek(pool, point, &status))
		return status;
	member = member_get(pool, point->id);
	if (!member)
		return -EOWNERDEAD;
	member_check_sometimes(member);
	status = member_point_status(member, point->timeline, point->seqno);
	member_put(member);
	return status;
}
