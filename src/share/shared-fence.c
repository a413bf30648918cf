/* SPDX-License-Identifier: MIT */
#include "share/shared-fence.h"

#include <errno.h>

#include "fence/fence.h"
#include "fence/words.h"
#include "os/alloc.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "share/watcher.h"

static const char *driver_name(struct dma_fence *fence)
{
	(void)fence;
	return "dma_buf_pool";
}

static const char *timeline_name(struct dma_fence *fence)
{
	(void)fence;
	return "member";
}

/* In a forked child, where there is nothing to look at, it has ended. */
static int status_of(const struct shared_fence *shared)
{
	if (unlikely(!pool_is_here(shared->member->pool)))
		return -ECHILD;
	return member_point_status(shared->member, shared->timeline, shared->base.seqno);
}

enum { UNTOLD, TELLING, TOLD };

/* Whoever signals it must find its error set. False: somebody else is about to do both. */
static bool tell(struct shared_fence *shared, int status)
{
	uint32_t told = UNTOLD;

	if (!cas_acq_rel(&shared->told, &told, TELLING))
		return told == TOLD || !pool_is_here(shared->member->pool); /* or a fork came between */
	OS_RACE_POINT("shared fence: telling");
	if (status < 0)
		fence_set_error(&shared->base, status);
	store_release(&shared->told, TOLD);
	return true;
}

static bool signaled(struct dma_fence *fence)
{
	struct shared_fence *shared = to_shared_fence(fence);
	int status = status_of(shared);

	if (!status) {
		member_check_sometimes(shared->member);
		status = status_of(shared);
	}
	return status && tell(shared, status);
}

uint64_t shared_fence_await(const struct shared_fence *shared)
{
	struct shm_await *awaited = shm_await(&shared->member->pool->shape, shared->member->pool->base,
					      member_place(shared->member->id), shared->timeline);
	uint64_t watermark = load_relaxed(&awaited->watermark);

	OS_RACE_POINT("shared fence: before the watermark");
	/* A1, in any case: a plain look would not order A2. */
	while (!cas_seq_cst(&awaited->watermark, &watermark,
			    watermark < shared->base.seqno ? shared->base.seqno : watermark))
		;
	return load_seq_cst(&shared->member->map->timeline[shared->timeline].value); /* A2 */
}

/*
 * False: it has signalled, and its error is set. Or somebody is about to say so. By one look: what an enemy
 * can write may be another at the next.
 */
static bool enable_signaling(struct dma_fence *fence)
{
	struct shared_fence *shared = to_shared_fence(fence);
	const int status = watcher_add(shared);

	OS_RACE_POINT("shared fence: looked at by the watcher");
	/* Who registers now is called by whoever is about to signal it, if there is somebody. */
	return !status || !tell(shared, status);
}

void shared_fence_end(struct shared_fence *shared, int status)
{
	if (tell(shared, status))
		fence_signal(&shared->base, fence_done_at(&shared->base));
}

/*
 * Looking again and again is quicker than sleeping if the owner is about to signal on another processor, and
 * keeps it from signalling if it waits for this one. So each thread goes by what it met before.
 */
enum { SPINS_FIRST = 32, SPINS_PROBE = 64 };

static __thread struct {
	unsigned int limit; /* how often to look */
	unsigned int skips; /* how often it was not worth it since */
	bool is_known;
} spins;

static unsigned int begin_spin(void)
{
	if (!spins.is_known) {
		spins.is_known = true;
		spins.limit = SPINS_FIRST;
	}
	if (!spins.limit && ++spins.skips % SPINS_PROBE == 0)
		spins.limit = SPINS_FIRST;
	return spins.limit < os_spin_limit() ? spins.limit : os_spin_limit();
}

static void end_spin(bool is_worth_it)
{
	if (is_worth_it)
		spins.limit = 2 * spins.limit + 1 < os_spin_limit() ? 2 * spins.limit + 1
								     : os_spin_limit();
	else
		spins.limit /= 2;
}

static void spin_for(const struct shared_fence *shared)
{
	const unsigned int limit = begin_spin();

	for (unsigned int i = 0; i < limit; i++) {
		if (status_of(shared)) {
			end_spin(true);
			return;
		}
		os_cpu_relax();
	}
	end_spin(false);
}

/*
 * A3, for a slice: whoever finds the owner gone wakes the futex, too, but memory that an enemy can write
 * promises no wake-up. 0: look again; -ETIMEDOUT; -EINTR.
 */
static int sleep_for(struct shared_fence *shared, bool intr, int64_t deadline)
{
	struct member *member = shared->member;
	const int64_t slice = os_deadline_ns(POOL_SLICE_NS);
	const uint64_t value = shared_fence_await(shared);
	int err;

	if (value >= shared->base.seqno || status_of(shared))
		return 0;
	OS_RACE_POINT("shared fence: before sleep");
	err = os_futex_wait_alone(low_half(&member->map->timeline[shared->timeline].value),
				  (uint32_t)value, slice < deadline ? slice : deadline, intr);
	if (err == -ETIMEDOUT)
		member_check_sometimes(member);
	return err == -ETIMEDOUT && slice < deadline ? 0 : err;
}

static int64_t wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	struct shared_fence *shared = to_shared_fence(fence);
	int64_t deadline;

	if (dma_fence_is_signaled(fence))
		return timeout ? timeout : 1;
	if (!timeout)
		return 0;
	deadline = os_deadline_ns(timeout);
	spin_for(shared);
	watcher_need(shared->member->pool);
	while (!dma_fence_is_signaled(fence)) {
		int err = sleep_for(shared, intr, deadline);

		if (!err && !os_remaining_ns(deadline)) /* an enemy may change its value all the time */
			err = -ETIMEDOUT;
		if (err && !dma_fence_is_signaled(fence))
			return err == -ETIMEDOUT ? 0 : -ERESTARTSYS;
	}
	return fence_time_left(deadline, timeout);
}

/* For those who wait for several. What is found of the member changes the second word. */
static bool await(struct dma_fence *fence, struct os_futex_word ret_word[FENCE_WORDS])
{
	const struct shared_fence *shared = to_shared_fence(fence);
	const struct member *member = shared->member;
	uint32_t verdicts;
	uint64_t value;

	if (!pool_is_here(member->pool))
		return false;
	verdicts = load_acquire(&member->pool->verdicts);
	value = shared_fence_await(shared);
	ret_word[FENCE_SHARED_WORD] = (struct os_futex_word){
		low_half(&member->map->timeline[shared->timeline].value), (uint32_t)value, true
	};
	ret_word[FENCE_OWN_WORD] = (struct os_futex_word){ &member->pool->verdicts, verdicts, false };
	return value < fence->seqno && !status_of(shared);
}

static void release(struct dma_fence *fence)
{
	struct shared_fence *shared = to_shared_fence(fence);

	watcher_remove(shared);
	member_put(shared->member);
	dma_fence_free(fence);
}

static const struct fence_word_ops shared_ops = {
	.ops = {
		.use_64bit_seqno = true,
		.get_driver_name = driver_name,
		.get_timeline_name = timeline_name,
		.enable_signaling = enable_signaling,
		.signaled = signaled,
		.wait = wait,
		.release = release,
	},
	.await = await,
};

struct dma_fence *shared_fence_create(struct member *member, uint32_t timeline, uint64_t seqno)
{
	struct shared_fence *shared = os_alloc(sizeof(*shared));

	if (!shared)
		return NULL;
	shared->member = member_ref(member);
	shared->timeline = timeline;
	list_init(&shared->node);
	dma_fence_init(&shared->base, &shared_ops.ops, NULL, member->context + timeline, seqno);
	fetch_or_relaxed(&shared->base.flags, ISSUED | OWN_WAIT);
	return &shared->base;
}

bool fence_is_point(const struct dma_fence *fence, const struct dma_buf_pool *pool,
		    struct point *ret_point)
{
	const struct shared_fence *shared = container_of(fence, struct shared_fence, base);

	if (fence->ops != &shared_ops.ops || shared->member->pool != pool)
		return false;
	ret_point->id = shared->member->id;
	ret_point->timeline = shared->timeline;
	ret_point->seqno = fence->seqno;
	return true;
}

/* Of a point that nobody will signal any more. */
static struct dma_fence *make_over(int error)
{
	struct dma_fence *fence = own_make_over(error);

	if (fence)
		dma_fence_signal(fence);
	return fence;
}

/* A point of this process itself, which may be one that somebody made up. */
static struct dma_fence *own_point(struct member *self, const struct point *point)
{
	struct dma_fence *fence = own_fence(self->pool, point->timeline, point->seqno);

	if (fence)
		return fence;
	if (!member_point_status(self, point->timeline, point->seqno))
		return make_over(-EPROTO);
	return shared_fence_create(self, point->timeline, point->seqno);
}

struct dma_fence *fence_of_point(struct dma_buf_pool *pool, const struct point *point)
{
	struct dma_fence *fence;
	struct member *member;

	if (point->timeline >= pool->shape.timelines)
		return dmabuf_err_ptr(-EINVAL);
	member = member_get(pool, point->id);
	if (!member)
		fence = make_over(-EOWNERDEAD);
	else if (member == pool->self)
		fence = own_point(member, point);
	else
		fence = shared_fence_create(member, point->timeline, point->seqno);
	if (member)
		member_put(member);
	return fence ? fence : dmabuf_err_ptr(-ENOMEM);
}
