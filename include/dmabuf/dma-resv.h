/* SPDX-License-Identifier: MIT */
/*
 * dma-resv.h - who still uses a buffer, and for what
 *
 * A reservation object is a lock and a set of fences, each with a category:
 *
 *   KERNEL     moving or clearing the memory; everybody waits, always
 *   WRITE      writers; readers and writers wait
 *   READ       readers; writers wait
 *   BOOKKEEP   others; nobody waits who did not ask for all
 *
 * Asking for one category means: that one and those above it. Only a later fence
 * of the same context supersedes a fence, never one of another context.
 *
 * One difference from Linux to know first: fences that are added under the lock
 * show to others at dma_resv_unlock() or dma_resv_commit(), all at once. The holder
 * of the lock sees them from the start, in every function that takes the object.
 *
 * Locking: dma_resv_lock() is a ww_mutex of reservation_ww_class (wait-die). It
 * guards adding and everything staged. Queries need no lock: they take one
 * reference on a whole set that never changes.
 */
#ifndef DMABUF_DMA_RESV_H
#define DMABUF_DMA_RESV_H

#include <dmabuf/dma-fence.h>
#include <dmabuf/ww-mutex.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dma_resv;
struct dma_resv_log;

/** reservation_ww_class - the class of all reservation locks: wait-die */
extern struct ww_class reservation_ww_class;

/** enum dma_resv_usage - the category of a fence; smaller is stronger */
enum dma_resv_usage {
	/** @DMA_RESV_USAGE_KERNEL: memory management: must always be waited for */
	DMA_RESV_USAGE_KERNEL,
	/** @DMA_RESV_USAGE_WRITE: implicit synchronisation: writers */
	DMA_RESV_USAGE_WRITE,
	/** @DMA_RESV_USAGE_READ: implicit synchronisation: readers */
	DMA_RESV_USAGE_READ,
	/** @DMA_RESV_USAGE_BOOKKEEP: no implicit synchronisation: others */
	DMA_RESV_USAGE_BOOKKEEP,
};

/**
 * dma_resv_usage_rw() - what implicit synchronisation must wait for
 * @write: true for a new writer, false for a new reader
 *
 * Return: DMA_RESV_USAGE_READ for a writer (it waits for readers, and so for
 * writers), DMA_RESV_USAGE_WRITE for a reader.
 *
 * Since: 0.1
 */
static inline enum dma_resv_usage dma_resv_usage_rw(bool write)
{
	return write ? DMA_RESV_USAGE_READ : DMA_RESV_USAGE_WRITE;
}

/*
 * The container (series 2 and 3): what is published is one word. It is nothing, one
 * fence with its category, or an append-only log of fences. docs/overview.md has
 * the picture, docs/ordering.md the promises.
 */

/** struct dma_resv_fences - the container of fences; all members private */
struct dma_resv_fences {
	uintptr_t word;		/* atomic: what all see; written by the holder */
	uintptr_t staged;	/* holder: what all will see */
	struct dma_resv_log *spare; /* holder: memory that a reservation set aside */
	struct dma_resv *obj;	/* constant after init: whose lock guards it */
	uint32_t reserved;	/* holder: adds that cannot fail */
};

/**
 * dma_resv_fences_init() - begin the life of a container
 * @fences: memory for it
 * @obj:    object whose lock guards it; must outlive it
 *
 * Since: 0.1. Extension (series 2).
 */
void dma_resv_fences_init(struct dma_resv_fences *fences, struct dma_resv *obj);

/**
 * dma_resv_fences_fini() - drop all of its fences
 * @fences: container that nobody uses any more
 *
 * Since: 0.1. Extension (series 2).
 */
void dma_resv_fences_fini(struct dma_resv_fences *fences);

/**
 * dma_resv_fences_reserve() - make sure that adding cannot fail
 * @obj:    object that guards @fences
 * @fences: container
 * @n:      how many fences will be added; 0 does nothing
 *
 * Not cumulative: it makes room for @n more than there are now. It may drop fences
 * that have signalled or are superseded. What remains of a reservation survives
 * set, replace, copy, prune and commit; dma_resv_unlock() ends it for obj->fences.
 *
 * Locking: the caller holds the lock of @obj.
 *
 * Return: 0; -ENOMEM: what is published and what is staged are as before.
 *
 * Since: 0.1. Extension (series 2).
 */
int dma_resv_fences_reserve(struct dma_resv *obj, struct dma_resv_fences *fences, unsigned int n)
	DMABUF_MUST_CHECK;

/**
 * dma_resv_fences_add() - stage a fence
 * @fences: container; uses up one fence of a reservation, and aborts without
 * @fence:  plain fence (a container warns); a reference is taken
 * @usage:  its category
 *
 * Locking: the caller holds the lock that guards @fences.
 *
 * Ordering: nobody else sees the fence before dma_resv_fences_commit(), or, for the
 * container of an object, dma_resv_unlock().
 *
 * Since: 0.1. Extension (series 2, 3).
 */
void dma_resv_fences_add(struct dma_resv_fences *fences, struct dma_fence *fence,
			 enum dma_resv_usage usage);

/**
 * dma_resv_fences_set() - let one fence stand for a whole category
 * @obj:    object that guards @fences
 * @fences: container; uses up one fence of a reservation, and aborts without
 * @fence:  becomes all there is in the category; a reference is taken; NULL: nothing is
 * @usage:  the category; others stay as they are
 *
 * Staged like dma_resv_fences_add(). The caller answers for the fences that are
 * dropped this way.
 *
 * Locking: the caller holds the lock of @obj.
 *
 * Since: 0.1. Extension (series 2, 3).
 */
void dma_resv_fences_set(struct dma_resv *obj, struct dma_resv_fences *fences,
			 struct dma_fence *fence, enum dma_resv_usage usage);

/**
 * dma_resv_fences_commit() - publish what is staged
 * @obj:    object that guards @fences
 * @fences: container
 *
 * All of it becomes visible at once, across categories. What remains of a
 * reservation stays.
 *
 * Locking: the caller holds the lock of @obj.
 *
 * Ordering: what the caller wrote before is visible to whoever finds one of the
 * fences.
 *
 * Since: 0.1. Extension (series 2).
 */
void dma_resv_fences_commit(struct dma_resv *obj, struct dma_resv_fences *fences);

/**
 * dma_resv_fences_get_rcu() - all committed fences up to a category, as one fence
 * @fences: container; no lock needed
 * @usage:  weakest category asked for
 *
 * Shows committed fences only, to everybody. Takes its RCU section itself.
 *
 * Return: a new reference: the fence if one has not signalled, else an array; NULL:
 * none; dmabuf_err_ptr(-ENOMEM). Do not add an array to a reservation.
 *
 * Since: 0.1. Extension (series 2, 3).
 */
struct dma_fence *dma_resv_fences_get_rcu(struct dma_resv_fences *fences, enum dma_resv_usage usage)
	DMABUF_MUST_CHECK;

/*
 * The object.
 */

/** struct dma_resv - a reservation object; all zero is not initialised */
struct dma_resv {
	/** @lock: use dma_resv_lock() and its kin */
	struct ww_mutex lock;
	/** @fences: the committed and the staged fences */
	struct dma_resv_fences fences;
};

/**
 * dma_resv_init() - begin the life of a reservation object
 * @obj: memory for it
 *
 * Since: 0.1
 */
void dma_resv_init(struct dma_resv *obj);

/**
 * dma_resv_fini() - end it
 * @obj: object that nobody uses any more; unlocked
 *
 * Drops all fences. Snapshots that were taken stay valid.
 *
 * Since: 0.1
 */
void dma_resv_fini(struct dma_resv *obj);

/**
 * dma_resv_lock() - take the lock
 * @obj: object
 * @ctx: transaction over several objects, or NULL for this object alone
 *
 * Context: sleeps.
 *
 * Return: 0; with @ctx also -EDEADLK: drop all locks of @ctx, take this one by
 * dma_resv_lock_slow(), and start over; -EALREADY: @ctx holds it already.
 *
 * Since: 0.1
 */
int dma_resv_lock(struct dma_resv *obj, struct ww_acquire_ctx *ctx) DMABUF_MUST_CHECK;

/**
 * dma_resv_lock_interruptible() - take the lock, unless a signal handler runs
 * @obj: object
 * @ctx: as for dma_resv_lock()
 *
 * Return: as dma_resv_lock(), and -EINTR.
 *
 * Since: 0.1
 */
int dma_resv_lock_interruptible(struct dma_resv *obj, struct ww_acquire_ctx *ctx) DMABUF_MUST_CHECK;

/**
 * dma_resv_lock_slow() - wait for the lock that gave -EDEADLK
 * @obj: object
 * @ctx: transaction that holds no lock now
 *
 * Since: 0.1
 */
void dma_resv_lock_slow(struct dma_resv *obj, struct ww_acquire_ctx *ctx);

/**
 * dma_resv_lock_slow_interruptible() - the same, unless a signal handler runs
 * @obj: object
 * @ctx: as there
 *
 * Return: 0; -EINTR.
 *
 * Since: 0.1
 */
int dma_resv_lock_slow_interruptible(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
	DMABUF_MUST_CHECK;

/**
 * dma_resv_trylock() - take the lock if it is free
 * @obj: object
 *
 * Return: true if the caller holds it now.
 *
 * Since: 0.1
 */
bool dma_resv_trylock(struct dma_resv *obj) DMABUF_MUST_CHECK;

/**
 * dma_resv_unlock() - commit, and drop the lock
 * @obj: object that the caller holds; aborts otherwise
 *
 * Publishes what was staged in obj->fences, and ends its reservation. Other
 * containers under the same lock need a commit of their own.
 *
 * Since: 0.1
 */
void dma_resv_unlock(struct dma_resv *obj);

/**
 * dma_resv_is_locked() - does anybody hold the lock?
 * @obj: object
 *
 * Return: true if it was held at some moment of the call.
 *
 * Since: 0.1
 */
bool dma_resv_is_locked(struct dma_resv *obj);

/**
 * dma_resv_locking_ctx() - the transaction that the caller locked it with
 * @obj: object
 *
 * Return: the context; NULL if the caller locked it without, or does not hold it.
 *
 * Since: 0.1
 */
struct ww_acquire_ctx *dma_resv_locking_ctx(struct dma_resv *obj);

/**
 * dma_resv_held() - does the calling thread hold the lock?
 * @obj: object
 *
 * Return: true if it does.
 *
 * Since: 0.1
 */
bool dma_resv_held(struct dma_resv *obj);

/**
 * dma_resv_assert_held() - abort unless the calling thread holds the lock
 * @obj: object
 *
 * Since: 0.1
 */
void dma_resv_assert_held(struct dma_resv *obj);

/**
 * dma_resv_reset_max_fences() - forget what remains of a reservation
 * @obj: object that the caller holds
 *
 * dma_resv_unlock() does it too. To find code that adds without a reservation.
 *
 * Since: 0.1
 */
void dma_resv_reset_max_fences(struct dma_resv *obj);

/**
 * dma_resv_reserve_fences() - make sure that dma_resv_add_fence() cannot fail
 * @obj:        object that the caller holds
 * @num_fences: how many fences will be added, at least 1
 *
 * See dma_resv_fences_reserve(). Void after dma_resv_unlock().
 *
 * Return: 0; -EINVAL (and a warning): @num_fences is 0; -ENOMEM: nothing changed.
 *
 * Since: 0.1
 */
int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences) DMABUF_MUST_CHECK;

/**
 * dma_resv_add_fence() - add a fence
 * @obj:   object that the caller holds; with a reservation, or it aborts
 * @fence: plain fence (a container warns); a reference is taken
 * @usage: its category
 *
 * Fences of the same context that are as weak or weaker and not later are
 * superseded, and no query returns them any more.
 *
 * Ordering: others see it from dma_resv_unlock() or dma_resv_commit() on. (Linux
 * shows it at once.)
 *
 * Since: 0.1
 */
void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence, enum dma_resv_usage usage);

/**
 * dma_resv_replace_fences() - put another fence in the place of a context's fences
 * @obj:         object that the caller holds
 * @context:     whose fences to replace
 * @replacement: fence instead; a reference is taken
 * @usage:       its category
 *
 * Without a fence of that context, nothing happens. Needs no reservation.
 *
 * Return: 0; -ENOMEM: nothing changed: who waits, waits for more, never for less.
 * (Linux returns nothing.)
 *
 * Since: 0.1
 */
int dma_resv_replace_fences(struct dma_resv *obj, uint64_t context, struct dma_fence *replacement,
			    enum dma_resv_usage usage);

/**
 * dma_resv_get_fences() - all fences up to a category
 * @obj:        object; no lock needed
 * @usage:      weakest category asked for
 * @num_fences: number of fences
 * @fences:     table for the caller to free(), with a reference each; NULL if none
 *
 * Only fences that have not signalled.
 *
 * Return: 0; -ENOMEM: nothing is written.
 *
 * Since: 0.1
 */
int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage, unsigned int *num_fences,
			struct dma_fence ***fences) DMABUF_MUST_CHECK;

/**
 * dma_resv_get_singleton() - all fences up to a category, as one
 * @obj:   object; no lock needed
 * @usage: weakest category asked for
 * @fence: a new reference: the fence if only one has not signalled, else an array;
 *	   NULL if there is none
 *
 * Do not add an array to a reservation.
 *
 * Return: 0; -ENOMEM: nothing is written.
 *
 * Since: 0.1
 */
int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence) DMABUF_MUST_CHECK;

/**
 * dma_resv_copy_fences() - take over all fences of another object
 * @dst: object that the caller holds; its fences are dropped
 * @src: object to copy from; no lock needed
 *
 * Categories stay. Staged in @dst. Needs no reservation.
 *
 * Return: 0; -ENOMEM: nothing changed.
 *
 * Since: 0.1
 */
int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src) DMABUF_MUST_CHECK;

/**
 * dma_resv_wait_timeout() - sleep until all fences up to a category have signalled
 * @obj:     object; no lock needed
 * @usage:   weakest category asked for
 * @intr:    a signal handler ends the wait
 * @timeout: nanoseconds in all; 0: only look; MAX_SCHEDULE_TIMEOUT: no limit
 *
 * Waits for the fences that are there when it begins.
 *
 * Return: above 0: all have, and so much of @timeout is left, at least 1; 0: not in
 * time; -ERESTARTSYS: @intr, and a signal handler ran; -EINVAL: @timeout is negative.
 *
 * Since: 0.1
 */
int64_t dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			      int64_t timeout);

/**
 * dma_resv_test_signaled() - have all fences up to a category signalled?
 * @obj:   object; no lock needed
 * @usage: weakest category asked for
 *
 * Takes no reference, except to ask a fence's signaled op.
 *
 * Ordering: true: every fence that was committed before the call began has
 * signalled, and what its signaller wrote is visible. Only the holder of the lock
 * may conclude that nobody is about to add another.
 *
 * Return: true if they have, or there is none.
 *
 * Since: 0.1
 */
bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage);

/**
 * dma_resv_prune_fences() - forget what has signalled or is superseded
 * @obj: object that the caller holds
 *
 * Looks at every fence itself, whether or not anybody enabled signalling. Shows to
 * others at the next commit. It never fails: where it needs memory and there is
 * none, it does nothing; it needs none where what is left and what is reserved make
 * at most one fence.
 *
 * Since: 0.1. Extension (series 2).
 */
void dma_resv_prune_fences(struct dma_resv *obj);

/**
 * dma_resv_commit() - publish what is staged, and keep the lock
 * @obj: object that the caller holds
 *
 * See dma_resv_fences_commit().
 *
 * Since: 0.1. Extension.
 */
void dma_resv_commit(struct dma_resv *obj);

/**
 * dma_resv_describe() - write a line about each fence
 * @obj: object that the caller holds
 * @seq: where to
 *
 * Categories KERNEL to READ, as in Linux.
 *
 * Since: 0.1
 */
void dma_resv_describe(struct dma_resv *obj, struct seq_file *seq);

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
	uint32_t dropped;	      /* private: categories that ended above */
	uint64_t seen[4];	      /* private: filter of the contexts above */
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
 * Return: false: there are no fences; @ret_snap is empty, and may be put.
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
 * Signalled fences are visited, superseded ones are not. Extension.
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
 * Do not reserve, add, set, replace, copy or prune before the walk has ended.
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
 */
#define dma_resv_for_each_fence_unlocked(cursor, fence)                         \
	for (fence = dma_resv_iter_first_unlocked(cursor); fence;               \
	     fence = dma_resv_iter_next_unlocked(cursor))

/**
 * dma_resv_for_each_fence() - visit fences under the lock
 * @cursor: a struct dma_resv_iter *; needs neither begin nor end
 * @obj:    object that the caller holds
 * @usage:  weakest category to visit
 * @fence:  loop variable, borrowed
 */
#define dma_resv_for_each_fence(cursor, obj, usage, fence)                              \
	for (dma_resv_iter_begin(cursor, obj, usage), fence = dma_resv_iter_first(cursor); \
	     fence; fence = dma_resv_iter_next(cursor))

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_RESV_H */
