/* SPDX-License-Identifier: MIT */
/*
 * What a process shows of a shared reservation: its container is a mirror of the log.
 *
 * While a thread of this process holds the shared lock, nobody else can commit, and the container
 * is that thread's: it is its keeper. Else whoever looks, and finds that the commit word is not the one
 * that the container shows, becomes its keeper and makes it anew. So no thread of this process sees less
 * than another process has seen: between the two parts of a commit it waits.
 *
 * Except for callbacks that a keeper calls while it changes a container, since somebody was found dead:
 * they do not wait for another keeper, which may wait for this one, and see the container as it was.
 */
#include "share/shared-mirror.h"

#include <errno.h>

#include "fence/fence.h"
#include "os/alloc.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/futex.h"
#include "resv/ww-mutex-internal.h"
#include "share/member.h"
#include "share/shared-fence.h"
#include "share/shared-log.h"

#define LOOKS 64 /* at a log that changes all the time */

__thread unsigned int mirrors_changing __attribute__((tls_model("initial-exec")));

/*
 * Keepers. Who has just taken the local lock by a swap, and then the shared one at once, need not say that it is
 * one: its local lock does.
 *
 *   holder                                      who looks
 *   X1  local lock = mine     swap              Y1  is_kept = true               swap
 *   X2  is_kept?              load              Y2  is the local lock free?      load
 *
 *   All are sequentially consistent: X2 sees Y1, and the holder waits; or Y2 sees X1, and who looks keeps
 *   nothing. Unless the holder awaits the shared lock: it has said so, and becomes keeper by Y1 itself later.
 */

/* Y1, or false: somebody is. */
static bool keep(struct shared_resv *shared)
{
	uint32_t nobody = false;

	return cas_seq_cst(&shared->is_kept, &nobody, true);
}

static void keep_no_more(struct shared_resv *shared)
{
	store_release(&shared->is_kept, false);
}

/* For who looks. */
static bool keep_to_look(struct shared_resv *shared)
{
	if (!keep(shared))
		return false;
	OS_RACE_POINT("shared mirror: about to look");
	if (ww_word_is_free(load_seq_cst(&shared->base.resv.lock.base.owner)) || /* Y2 */
	    load_acquire(&shared->awaits))
		return true;
	OS_RACE_POINT("shared mirror: the holder is keeper");
	keep_no_more(shared);
	return false;
}

/*
 * The container is the holder's from now on. In a forked child its keeper may be a thread that is not
 * there; nobody else changes it.
 */
void mirror_keep(struct shared_resv *shared)
{
	shared->keeps = load_relaxed(&shared->awaits); /* its own word */
	if (!shared->keeps) {
		while (load_seq_cst(&shared->is_kept)) { /* X2 */
			OS_RACE_POINT("shared mirror: somebody is keeper");
			os_yield();
		}
		return;
	}
	while (!keep(shared) && pool_is_here(shared->pool))
		os_yield();
	store_release(&shared->awaits, false);
}

/*
 * The mirror.
 */

enum { FEW = 16 }; /* entries, for which no memory is needed */

/* What a mirror is made of. */
struct picture {
	struct point *point;
	struct dma_fence **fence;
	enum dma_resv_usage *usage;
	uint32_t count; /* of fences */
	void *memory;	/* or NULL, while they are few */
	struct point few_points[FEW];
	struct dma_fence *few_fences[FEW];
	enum dma_resv_usage few_usages[FEW];
};

static bool begin_picture(struct picture *picture, uint32_t length)
{
	const size_t points = length * sizeof(*picture->point);
	const size_t fences = length * sizeof(struct dma_fence *);

	picture->count = 0;
	picture->memory = NULL;
	picture->point = picture->few_points;
	picture->fence = picture->few_fences;
	picture->usage = picture->few_usages;
	if (length <= FEW)
		return true;
	picture->memory = os_alloc_raw(points + fences + length * sizeof(*picture->usage));
	if (!picture->memory)
		return false;
	picture->point = picture->memory;
	picture->fence = (void *)((char *)picture->memory + points);
	picture->usage = (void *)((char *)picture->memory + points + fences);
	return true;
}

static void end_picture(struct picture *picture)
{
	while (picture->count)
		dma_fence_put(picture->fence[--picture->count]);
	os_free(picture->memory);
}

/* Does a later one of the same timeline make @i superfluous? */
static bool is_superseded(const struct point *point, uint32_t i, uint32_t length)
{
	for (uint32_t j = i + 1; j < length; j++) {
		if (point[j].id == point[i].id && point[j].timeline == point[i].timeline &&
		    point[j].seqno >= point[i].seqno && point[j].usage <= point[i].usage)
			return true;
	}
	return false;
}

/* The fence that the container has for @point, with a reference, or NULL. */
static struct dma_fence *find_known(struct shared_resv *shared, const struct point *point)
{
	const struct dma_resv_snapshot set = set_staged(&shared->base.resv.fences);
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;
	struct point known;

	dma_resv_snapshot_for_each(fence, &cursor, &set, DMA_RESV_USAGE_BOOKKEEP) {
		if (fence_is_point(fence, shared->pool, &known) && known.id == point->id &&
		    known.timeline == point->timeline && known.seqno == point->seqno)
			return dma_fence_get(fence);
	}
	return NULL;
}

/* False: no memory. */
static bool add_to_picture(struct shared_resv *shared, struct picture *picture,
			   const struct point *point)
{
	struct dma_fence *fence;

	if (point->timeline >= shared->pool->shape.timelines)
		return true; /* nobody wrote that in good faith */
	if (point_status(shared->pool, point) == 1)
		return true;
	fence = find_known(shared, point);
	if (!fence)
		fence = fence_of_point(shared->pool, point);
	if (dmabuf_is_err(fence))
		return false;
	picture->usage[picture->count] = point->usage;
	picture->fence[picture->count++] = fence;
	return true;
}

static bool draw(struct shared_resv *shared, struct picture *picture, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		if (!is_superseded(picture->point, i, length) &&
		    !add_to_picture(shared, picture, &picture->point[i]))
			return false;
	}
	return resv_backing_show(&shared->base, picture->fence, picture->usage, picture->count);
}

/* 0; -ENOMEM; -EAGAIN: somebody changes it all the time. */
static int mirror(struct shared_resv *shared)
{
	const struct pool_shape *shape = &shared->pool->shape;
	struct picture picture;
	struct commit commit;
	uint64_t word;
	int err = -EAGAIN;

	for (unsigned int i = 0; err == -EAGAIN && i < LOOKS; i++) {
		commit = shared_log_look(shape, shared->shm, &word);
		if (word == load_relaxed(&shared->mirrored))
			return 0;
		if (!begin_picture(&picture, commit.length))
			return -ENOMEM;
		if (shared_log_read(shape, shared->shm, &commit, picture.point))
			err = draw(shared, &picture, commit.length) ? 0 : -ENOMEM;
		end_picture(&picture);
	}
	if (!err)
		store_release(&shared->mirrored, word);
	return err;
}

#define PATIENCE 1024 /* tries, with others let run between them */

/* Of one who wants the container to be current. */
struct effort {
	int64_t timeout;
	int64_t deadline; /* 0: no try has failed yet */
	unsigned int unquiet;
};

/* For the keeper, who lets others be it before the next try, so that they may give up. As mirror(). */
static int try(struct shared_resv *shared)
{
	int err;

	mirrors_changing++;
	err = mirror(shared);
	mirrors_changing--;
	return err;
}

/*
 * After a try that gave @err, or to wait for somebody else's. One that needs memory and has none is made
 * again: the caller has asked who uses the buffer, and there is no answer that would be safe. So is one that
 * cannot get a quiet moment; but then only an enemy can be at work, and this process takes no part in that.
 * False: the time is up. Who has hardly any gets a slice: a try of somebody else's is soon over.
 */
static bool tries_on(struct shared_resv *shared, struct effort *effort, int err)
{
	if (!effort->deadline)
		effort->deadline = os_deadline_ns(effort->timeout > POOL_SLICE_NS ? effort->timeout
										  : POOL_SLICE_NS);
	if (err == -EAGAIN && ++effort->unquiet == PATIENCE)
		pool_fail(shared->pool, -EPROTO);
	if (!os_remaining_ns(effort->deadline))
		return false;
	os_yield();
	return true;
}

static int64_t time_left(const struct effort *effort)
{
	if (!effort->timeout)
		return 1;
	return effort->deadline ? fence_time_left(effort->deadline, effort->timeout) : effort->timeout;
}

bool mirror_renew(struct shared_resv *shared, int64_t deadline)
{
	struct effort effort = { .timeout = os_remaining_ns(deadline) };

	while (!mirror_is_current(shared) && !load_acquire(&shared->pool->error)) {
		const int err = try(shared);

		if (!err)
			break;
		if (!tries_on(shared, &effort, err))
			return false;
	}
	return true;
}

/*
 * Another thread that holds the lock is about to make the container current; unless it has lost it, or
 * an enemy changed the word.
 */
static __attribute__((noinline)) int64_t look_again(struct shared_resv *shared, int64_t timeout)
{
	struct effort effort = { .timeout = timeout };

	while (!mirror_is_current(shared) && !load_acquire(&shared->lost) && !pool_check(shared->pool)) {
		int err = 0;

		if (keep_to_look(shared)) {
			err = try(shared);
			keep_no_more(shared);
			if (!err)
				break;
		} else if (mirrors_changing) {
			break;
		}
		if (!tries_on(shared, &effort, err))
			return 0;
	}
	return time_left(&effort);
}

int64_t mirror_refresh(struct resv_backing *backing, int64_t timeout)
{
	struct shared_resv *shared = shared_resv_from(backing);

	if (pool_is_here(shared->pool) && unlikely(!mirror_is_current(shared)))
		return look_again(shared, timeout);
	return timeout ? timeout : 1;
}

/* Is one of those asked for busy? -EAGAIN: it changed. */
static int any_is_busy(struct shared_resv *shared, enum dma_resv_usage usage)
{
	const struct pool_shape *shape = &shared->pool->shape;
	struct commit commit;
	uint64_t word;
	bool busy = false;

	commit = shared_log_look(shape, shared->shm, &word);
	for (uint32_t i = commit.length; i-- && !busy;) {
		const struct point point = shared_log_entry(shape, shared->shm, &commit, i);

		busy = point.usage <= usage && !point_status(shared->pool, &point);
	}
	return shared_log_stands(shared->shm, &commit) ? busy : -EAGAIN;
}

bool mirror_test(struct resv_backing *backing, enum dma_resv_usage usage)
{
	struct shared_resv *shared = shared_resv_from(backing);
	int busy = -EAGAIN;

	if (load_acquire(&shared->pool->error) == -ECHILD)
		return true;
	for (unsigned int i = 0; busy == -EAGAIN && i < LOOKS; i++)
		busy = any_is_busy(shared, usage);
	return !busy;
}
