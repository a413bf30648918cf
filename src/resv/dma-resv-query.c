/* SPDX-License-Identifier: MIT */
/*
 * Asking a reservation object, with or without its lock. The thread that holds the
 * lock is shown what it staged; all others what is committed.
 *
 * Every query but the first look of dma_resv_test_signaled() takes one reference, on
 * the whole set, and drops it at the end.
 */
#include <errno.h>

#include "os/alloc.h"
#include "os/fault.h"
#include "os/report.h"
#include "resv/backing.h"
#include "resv/set.h"
#include "resv/usage.h"
#include "resv/ww-mutex-internal.h"
#include "resv/ww-rules.h"

bool dma_resv_get_snapshot(struct dma_resv *obj, struct dma_resv_snapshot *ret_snap)
{
	resv_check_alive(obj, __func__);
	return set_get(obj, ret_snap);
}

void dma_resv_put_snapshot(struct dma_resv_snapshot *snap)
{
	set_put(snap);
}

int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage, unsigned int *num_fences,
			struct dma_fence ***fences)
{
	struct dma_fence **table = NULL;
	struct dma_resv_snapshot set;
	uint32_t n = 0;

	resv_check_alive(obj, __func__);
	lockdep_might_alloc();
	if (set_get(obj, &set)) {
		table = os_alloc_raw(set.length * sizeof(struct dma_fence *));
		if (!table) {
			set_put(&set);
			return -ENOMEM;
		}
		n = set_gather(&set, usage, table);
	}
	set_put(&set);
	if (!n) {
		os_free(table);
		table = NULL;
	}
	*num_fences = n;
	*fences = table;
	return 0;
}

int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence)
{
	struct dma_resv_snapshot set;
	int err;

	resv_check_alive(obj, __func__);
	lockdep_might_alloc();
	set_get(obj, &set);
	err = set_singleton(&set, usage, fence);
	set_put(&set);
	return err;
}

int64_t dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			      int64_t timeout)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *fence;
	int64_t left;

	if (dmabuf_warn_on(timeout < 0, "dma_resv_wait_timeout(): negative timeout"))
		return -EINVAL;
	resv_check_alive(obj, __func__);
	if (timeout)
		__dma_fence_might_wait();
	left = set_get_in_time(obj, &set, timeout);
	dma_resv_snapshot_for_each(fence, &cursor, &set, usage) {
		left = dma_fence_wait_timeout(fence, intr, timeout ? left : 0);
		if (left <= 0)
			break;
	}
	set_put(&set);
	return left;
}

void dma_resv_set_deadline(struct dma_resv *obj, enum dma_resv_usage usage, int64_t deadline)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct dma_fence *fence;

	resv_check_alive(obj, __func__);
	set_get(obj, &set);
	dma_resv_snapshot_for_each(fence, &cursor, &set, usage)
		dma_fence_set_deadline(fence, deadline);
	set_put(&set);
}

/* What the caller sees, without a reference. */
static struct dma_resv_snapshot look(struct dma_resv *obj)
{
	struct dma_resv_snapshot set;

	if (ww_is_mine(&obj->lock))
		return set_staged(&obj->fences);
	set.word = load_acquire(&obj->fences.word); /* R1 */
	OS_RACE_POINT("test: before the length");
	set.length = word_is_log(set.word) ? load_acquire(&word_log(set.word)->committed) /* R2 */
					   : set.word != 0;
	return set;
}

bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage)
{
	struct dma_resv_snapshot set;
	enum fence_state state;
	bool signaled;

	resv_check_alive(obj, __func__);
	if (unlikely(obj->fences.is_backed) && !ww_is_mine(&obj->lock))
		return resv_backing_of(&obj->fences)->ops->test(resv_backing_of(&obj->fences), usage);
	dmabuf_rcu_read_lock();
	set = look(obj);
	state = set_peek(&set, usage);
	dmabuf_rcu_read_unlock();
	if (state != FENCE_ASK)
		return state == FENCE_DONE;

	set_get(obj, &set);
	signaled = set_is_signaled(&set, usage);
	set_put(&set);
	return signaled;
}

const char *resv_usage_name(enum dma_resv_usage usage)
{
	static const char *const names[] = {
		[DMA_RESV_USAGE_KERNEL] = "kernel",
		[DMA_RESV_USAGE_WRITE] = "write",
		[DMA_RESV_USAGE_READ] = "read",
		[DMA_RESV_USAGE_BOOKKEEP] = "bookkeep",
	};

	return names[usage];
}

void dma_resv_describe(struct dma_resv *obj, struct seq_file *seq)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_for_each_fence(&cursor, obj, DMA_RESV_USAGE_READ, fence) {
		fprintf(seq->stream, "\t%s fence: ", resv_usage_name(dma_resv_iter_usage(&cursor)));
		dma_fence_describe(fence, seq);
	}
}
