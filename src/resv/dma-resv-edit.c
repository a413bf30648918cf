/* SPDX-License-Identifier: MIT */
/*
 * Replacing, copying, pruning: each makes a word or a log of what is there, and
 * stages it. Reservations stay: what is made has room for them.
 *
 * Locking: under the lock of the object that is edited.
 */
#include <errno.h>

#include "os/report.h"
#include "resv/backing.h"
#include "resv/fences.h"
#include "resv/set.h"
#include "resv/ww-rules.h"

/* At most one fence of @set has not signalled: stage that. */
static void stage_last(struct dma_resv_fences *fences, const struct dma_resv_snapshot *set)
	DMABUF_REQUIRES(fences->obj->lock)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;

	dma_resv_snapshot_for_each(fence, &cursor, set, DMA_RESV_USAGE_BOOKKEEP) {
		if (!dma_fence_is_signaled(fence)) {
			fences_stage_one(fences, fence, cursor.fence_usage);
			return;
		}
	}
	fences_stage_nothing(fences);
}

static bool has_context(const struct dma_resv_snapshot *set, uint64_t context)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;

	dma_resv_snapshot_for_each(fence, &cursor, set, DMA_RESV_USAGE_BOOKKEEP) {
		if (fence->context == context)
			return true;
	}
	return false;
}

/* How many fences of other contexts live. */
static uint32_t count_others(const struct dma_resv_snapshot *set, uint64_t context)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_fence *fence;
	uint32_t n = 0;

	dma_resv_snapshot_for_each(fence, &cursor, set, DMA_RESV_USAGE_BOOKKEEP)
		n += fence->context != context && !dma_fence_is_signaled(fence);
	return n;
}

/* The set will be another one, of no more than @live fences, @n of them new: 0, or why not. */
static int edit_backing(struct dma_resv_fences *fences, uint32_t live, uint32_t n)
{
	if (!unlikely(fences->is_backed))
		return 0;
	return resv_backing_of(fences)->ops->edit(resv_backing_of(fences), live, n);
}

int dma_resv_replace_fences(struct dma_resv *obj, uint64_t context, struct dma_fence *replacement,
			    enum dma_resv_usage usage)
{
	struct dma_resv_fences *fences = &obj->fences;
	struct dma_resv_snapshot set;
	struct dma_resv_log *log;
	uint32_t live;
	int err;

	resv_assert_held(obj);
	fences_assume_held(fences);
	dmabuf_bug_on(!replacement, "dma_resv_replace_fences() of no fence: give one");
	fences_check(replacement, usage, "dma_resv_replace_fences");
	set = set_staged(fences);
	if (!has_context(&set, context))
		return 0;
	live = count_others(&set, context) + 1;
	err = edit_backing(fences, live, 1);
	if (err)
		return err;
	if (!word_is_log(set.word) && fences_fit_word(fences, 1)) {
		fences_stage_one(fences, replacement, usage);
		return 0;
	}
	log = fences_alloc_log(fences, live);
	if (!log)
		return -ENOMEM;
	fences_fill(log, &set, &context);
	log_own(log);
	log->length = log_append(log, log->length, dma_fence_get(replacement), usage);
	fences_stage_log(fences, log);
	return 0;
}

int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src)
{
	struct dma_resv_fences *fences = &dst->fences;
	struct dma_resv_snapshot set;
	struct dma_resv_log *log;
	uint32_t live;
	int err;

	resv_check_alive(src, __func__);
	lockdep_might_alloc();
	resv_assert_held(dst);
	fences_assume_held(fences);
	dma_resv_get_snapshot(src, &set);
	live = set_count_live(&set);
	err = edit_backing(fences, live, live);
	if (err)
		goto put_set;
	if (live <= 1 && fences_fit_word(fences, live)) {
		stage_last(fences, &set);
		goto put_set;
	}
	log = fences_alloc_log(fences, live);
	if (!log) {
		err = -ENOMEM;
		goto put_set;
	}
	fences_fill(log, &set, NULL);
	log_own(log);
	fences_stage_log(fences, log);
put_set:
	dma_resv_put_snapshot(&set);
	return err;
}

void dma_resv_prune_fences(struct dma_resv *obj)
{
	struct dma_resv_fences *fences = &obj->fences;
	struct dma_resv_snapshot set;
	struct dma_resv_log *log;
	uint32_t live;

	resv_assert_held(obj);
	fences_assume_held(fences);
	set = set_staged(fences);
	live = set_count_live(&set);
	if (live == set.length)
		return;
	if (live <= 1 && fences_fit_word(fences, live)) {
		stage_last(fences, &set);
		return;
	}
	log = fences_alloc_log(fences, live);
	if (!log)
		return;
	fences_drop_spare(fences);
	fences_compact(fences, log);
}
