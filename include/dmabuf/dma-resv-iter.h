/* SPDX-License-Identifier: MIT */
/*
 * dma-resv-iter.h - looking at the fences of a reservation, one by one
 *
 * Part of dma-resv.h. A snapshot holds a set that never changes; Linux's iterators
 * follow the object, and start over when it has another set.
 */
#ifndef DMABUF_DMA_RESV_ITER_H
#define DMABUF_DMA_RESV_ITER_H

#include <dmabuf/dma-resv-fences.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Snapshots: one reference on a whole set, which never changes.
 */

/** struct dma_resv_snapshot - a set of fences at one moment; members private */
struct dma_resv_snapshot {
	uintptr_t word;
	uint32_t length;
};

/** struct dma_resv_snapshot_cursor - where a walk over a snapshot is */
struct dma_resv_snapshot_cursor {
	struct dma_resv_snapshot set; /* private, borrowed */
	uint32_t index;		      /* private: entries left */
	enum dma_resv_usage usage;    /* private: weakest asked for */
	/** @fence_usage: category of the fence that was returned */
	enum dma_resv_usage fence_usage;
};

/**
 * dma_resv_get_snapshot() - hold the set of fences of this moment
 * @obj:      object; no lock needed; its holder sees what is staged, too
 * @ret_snap: the snapshot, for dma_resv_put_snapshot(); always written
 *
 * It keeps alive the fences in it, and others that they replaced: put it before the
 * fence of your own work signals.
 *
 * Return: true: put it; all that is in it may have signalled, or signal any moment;
 * false: there are no fences; @ret_snap is empty, and may be put.
 *
 * Since: 0.1. Extension.
 */
bool dma_resv_get_snapshot(struct dma_resv *obj, struct dma_resv_snapshot *ret_snap);

/**
 * dma_resv_put_snapshot() - let go of a set
 * @snap: snapshot; empty afterwards
 *
 * Context: does not sleep.
 *
 * Since: 0.1. Extension.
 */
void dma_resv_put_snapshot(struct dma_resv_snapshot *snap);

/**
 * dma_resv_snapshot_first() - begin a walk
 * @cursor: where the walk is
 * @snap:   snapshot, held until the walk has ended
 * @usage:  weakest category asked for
 *
 * Return: the newest fence asked for, borrowed; NULL: none.
 *
 * Since: 0.1. Extension.
 */
struct dma_fence *dma_resv_snapshot_first(struct dma_resv_snapshot_cursor *cursor,
					  const struct dma_resv_snapshot *snap,
					  enum dma_resv_usage usage);

/**
 * dma_resv_snapshot_next() - go on
 * @cursor: where the walk is
 *
 * Return: the next older fence asked for, borrowed; NULL: none.
 *
 * Since: 0.1. Extension.
 */
struct dma_fence *dma_resv_snapshot_next(struct dma_resv_snapshot_cursor *cursor);

/**
 * dma_resv_snapshot_for_each() - visit the fences of a snapshot, newest first
 * @fence:  loop variable, borrowed
 * @cursor: a struct dma_resv_snapshot_cursor * for the loop
 * @snap:   snapshot, held by the caller
 * @usage:  weakest category to visit
 *
 * Signalled fences are visited, superseded ones are not.
 *
 * Example:
 *
 *	struct dma_resv_snapshot_cursor cursor;
 *	struct dma_resv_snapshot snap;
 *
 *	if (dma_resv_get_snapshot(obj, &snap)) {
 *		dma_resv_snapshot_for_each(fence, &cursor, &snap, DMA_RESV_USAGE_READ)
 *			printf("%d: %s\n", cursor.fence_usage,
 *			       dma_fence_is_signaled(fence) ? "done" : "busy");
 *		dma_resv_put_snapshot(&snap);
 *	}
 *
 * Since: 0.1. Extension.
 */
#define dma_resv_snapshot_for_each(fence, cursor, snap, usage)                          \
	for ((fence) = dma_resv_snapshot_first(cursor, snap, usage); (fence);           \
	     (fence) = dma_resv_snapshot_next(cursor))

/*
 * Linux's iterators.
 */

/** struct dma_resv_iter - where a walk over an object is */
struct dma_resv_iter {
	/** @obj: the object */
	struct dma_resv *obj;
	/** @usage: weakest category asked for */
	enum dma_resv_usage usage;
	/** @fence: the fence that was returned */
	struct dma_fence *fence;
	/** @fence_usage: its category */
	enum dma_resv_usage fence_usage;
	/** @index: fences returned since the last restart */
	unsigned int index;
	/** @fences: the set that it walks; an unlocked walk restarts if that is not the object's */
	void *fences;
	/** @num_fences: length of that set, with what will not be returned */
	unsigned int num_fences;
	/** @is_restarted: what came before may come again; true for the first fence */
	bool is_restarted;
	/* private */
	struct dma_resv_snapshot set; /* unlocked: held */
	struct dma_resv_snapshot_cursor cursor;
};

/**
 * dma_resv_iter_begin() - prepare a walk
 * @cursor: where the walk is
 * @obj:    object
 * @usage:  weakest category asked for
 *
 * Since: 0.1
 */
void dma_resv_iter_begin(struct dma_resv_iter *cursor, struct dma_resv *obj,
			 enum dma_resv_usage usage);

/**
 * dma_resv_iter_end() - end a walk, wherever it is
 * @cursor: where the walk is
 *
 * Lets go of the current fence.
 *
 * Since: 0.1
 */
void dma_resv_iter_end(struct dma_resv_iter *cursor);

/**
 * dma_resv_iter_usage() - category of the current fence
 * @cursor: where the walk is
 *
 * Return: the category.
 *
 * Since: 0.1
 */
enum dma_resv_usage dma_resv_iter_usage(struct dma_resv_iter *cursor);

/**
 * dma_resv_iter_is_restarted() - did the walk start over with the current fence?
 * @cursor: where the walk is
 *
 * Return: true for the first fence after a start: forget what you gathered before.
 *
 * Since: 0.1
 */
bool dma_resv_iter_is_restarted(struct dma_resv_iter *cursor);

/**
 * dma_resv_iter_first_unlocked() - first fence, without the lock
 * @cursor: after dma_resv_iter_begin()
 *
 * Fences that have signalled are left out. What is returned stays alive until the
 * next call with @cursor.
 *
 * Return: a fence, borrowed; NULL: none.
 *
 * Since: 0.1
 */
struct dma_fence *dma_resv_iter_first_unlocked(struct dma_resv_iter *cursor);

/**
 * dma_resv_iter_next_unlocked() - next fence, without the lock
 * @cursor: where the walk is
 *
 * Starts over, and says so, when another set was published meanwhile. A snapshot
 * never does.
 *
 * Return: a fence, borrowed; NULL: no more.
 *
 * Since: 0.1
 */
struct dma_fence *dma_resv_iter_next_unlocked(struct dma_resv_iter *cursor);

/**
 * dma_resv_iter_first() - first fence, with the lock
 * @cursor: after dma_resv_iter_begin(); the caller holds the object's lock
 *
 * What the caller stages during the walk may or may not be visited. Do not commit or
 * unlock before it has ended.
 *
 * Return: a fence, borrowed, also one that has signalled; NULL: none.
 *
 * Since: 0.1
 */
struct dma_fence *dma_resv_iter_first(struct dma_resv_iter *cursor);

/**
 * dma_resv_iter_next() - next fence, with the lock
 * @cursor: where the walk is
 *
 * Return: a fence, borrowed, also one that has signalled; NULL: no more.
 *
 * Since: 0.1
 */
struct dma_fence *dma_resv_iter_next(struct dma_resv_iter *cursor);

/**
 * dma_resv_for_each_fence_unlocked() - visit fences without the lock
 * @cursor: between dma_resv_iter_begin() and dma_resv_iter_end()
 * @fence:  loop variable, borrowed
 *
 * Example:
 *
 *	struct dma_resv_iter cursor;
 *	unsigned int busy = 0;
 *
 *	dma_resv_iter_begin(&cursor, obj, DMA_RESV_USAGE_BOOKKEEP);
 *	dma_resv_for_each_fence_unlocked(&cursor, fence) {
 *		if (dma_resv_iter_is_restarted(&cursor))
 *			busy = 0; // what was counted will come again
 *		busy++;
 *	}
 *	dma_resv_iter_end(&cursor);
 *
 * Since: 0.1
 */
#define dma_resv_for_each_fence_unlocked(cursor, fence)                         \
	for ((fence) = dma_resv_iter_first_unlocked(cursor); (fence);           \
	     (fence) = dma_resv_iter_next_unlocked(cursor))

/**
 * dma_resv_for_each_fence() - visit fences under the lock
 * @cursor: a struct dma_resv_iter *; needs neither begin nor end
 * @obj:    object that the caller holds
 * @usage:  weakest category to visit
 * @fence:  loop variable, borrowed
 *
 * Since: 0.1
 */
#define dma_resv_for_each_fence(cursor, obj, usage, fence)                              \
	for (dma_resv_iter_begin(cursor, obj, usage), (fence) = dma_resv_iter_first(cursor); \
	     (fence); (fence) = dma_resv_iter_next(cursor))

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_RESV_ITER_H */
