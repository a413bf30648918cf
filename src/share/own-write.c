/* SPDX-License-Identifier: MIT */
/*
 * The owner's side of timelines: T1 to T3 of point.c, and who is to be woken:
 *
 *   owner                                      waiter (shared-fence.c, watcher.c)
 *   T3  value = point          exchange        A1  watermark >= point      compare, swap
 *   W1  watermark              load            A2  value                   load
 *   W2  wakes if it was above the old value    A3  futex wait while it is that value
 *
 *   All of A1, A2, T3 and W1 are sequentially consistent: A2 sees T3, or W1 sees A1.
 *
 * In a forked child nothing is written: others would take it for the member's.
 */
#include "share/own-write.h"

#include "os/fault.h"
#include "os/futex.h"
#include "share/mail.h"
#include "share/member.h"

/* A run of points with one error is one entry: much fails at once where somebody died. */
static bool grow_entry(struct shm_error *entry, uint64_t first, uint64_t last, int error)
{
	const uint64_t its_last = load_relaxed(&entry->last);

	if (first != (its_last >> ERROR_SEQNO_SHIFT) + 1 ||
	    error_of_entry(load_relaxed(&entry->first)) != error)
		return false;
	store_release(&entry->last,
		      last << ERROR_SEQNO_SHIFT | (its_last & ERROR_REWRITING)); /* T2 */
	return true;
}

void own_write_error(struct dma_buf_pool *pool, struct own_timeline *timeline, uint64_t first,
		     uint64_t last, int error)
{
	const uint64_t rewriting = timeline->errors / ERROR_RING & ERROR_REWRITING;
	struct shm_timeline *shm;
	struct shm_error *entry;
	uint64_t lost;

	if (!pool_is_here(pool))
		return;
	shm = &pool->self->map->timeline[timeline->number];
	if (timeline->errors &&
	    grow_entry(&shm->ring[(timeline->errors - 1) % ERROR_RING], first, last, error))
		return;
	entry = &shm->ring[timeline->errors++ % ERROR_RING];
	lost = entry->last >> ERROR_SEQNO_SHIFT;
	store_relaxed(&shm->lost, lost); /* T1 */
	OS_RACE_POINT("own: before an error");
	/* T2 */
	store_release(&entry->first, first << ERROR_SEQNO_SHIFT |
					     (uint64_t)-error << ERROR_ERRNO_SHIFT | rewriting);
	OS_RACE_POINT("own: half an error");
	store_release(&entry->last, last << ERROR_SEQNO_SHIFT | rewriting);
}

bool own_write_value(struct dma_buf_pool *pool, struct own_timeline *timeline, uint64_t seqno)
{
	const struct shm_await *await;
	struct shm_timeline *shm;
	uint64_t old;

	if (!pool_is_here(pool))
		return false;
	shm = &pool->self->map->timeline[timeline->number];
	await = shm_await(&pool->shape, pool->base, member_place(pool->self->id), timeline->number);
	OS_RACE_POINT("carry: before the value");
	old = exchange_seq_cst(&shm->value, seqno); /* T3 */
	return load_seq_cst(&await->watermark) > old; /* W1 */
}

static void ring(struct dma_buf_pool *pool, uint32_t timeline, uint64_t places)
{
	while (places) {
		const unsigned int place = (unsigned int)__builtin_ctzll(places);

		places &= places - 1;
		if (place < pool->shape.members)
			mail_ring(pool, place, timeline);
	}
}

static uint64_t take_watchers(const struct dma_buf_pool *pool, const struct own_timeline *timeline)
{
	struct shm_await *await = shm_await(&pool->shape, pool->base, member_place(pool->self->id),
					    timeline->number);

	return load_seq_cst(&await->watchers) ? exchange_seq_cst(&await->watchers, 0) : 0; /* L4 of lease.c */
}

static void wake_waiters(const struct dma_buf_pool *pool, const struct own_timeline *timeline)
{
	os_futex_wake_shared(low_half(&pool->self->map->timeline[timeline->number].value), true);
}

/*
 * Once this process is over, the watchers in its place may be its successor's: own_wake_last() has
 * rung all of its own. @all: also those whom another thread has taken, and has not rung yet.
 */
static uint64_t begin_ring(struct dma_buf_pool *pool, struct own_timeline *timeline, bool all)
{
	uint64_t watchers = 0;

	dmabuf_spin_lock(&pool->own.lock);
	if (!pool->own.is_over) {
		watchers = take_watchers(pool, timeline);
		timeline->ringing |= watchers;
		if (all)
			watchers = timeline->ringing;
		timeline->ringers += !!watchers;
	}
	dmabuf_spin_unlock(&pool->own.lock);
	return watchers;
}

static void end_ring(struct dma_buf_pool *pool, struct own_timeline *timeline)
{
	dmabuf_spin_lock(&pool->own.lock);
	if (!--timeline->ringers)
		timeline->ringing = 0;
	dmabuf_spin_unlock(&pool->own.lock);
}

static void ring_watchers(struct dma_buf_pool *pool, struct own_timeline *timeline, bool all)
{
	const uint64_t watchers = begin_ring(pool, timeline, all);

	if (!watchers)
		return;
	OS_RACE_POINT("own: before it rings");
	ring(pool, timeline->number, watchers);
	end_ring(pool, timeline);
}

void own_ring(struct dma_buf_pool *pool, struct own_timeline *timeline)
{
	ring_watchers(pool, timeline, true);
}

/* W2 */
void own_wake(struct dma_buf_pool *pool, struct own_timeline *timeline)
{
	if (!pool_is_here(pool))
		return;
	wake_waiters(pool, timeline);
	ring_watchers(pool, timeline, false);
}

void own_wake_last(struct dma_buf_pool *pool, const struct own_timeline *timeline)
{
	wake_waiters(pool, timeline);
	ring(pool, timeline->number, take_watchers(pool, timeline));
}
