/* SPDX-License-Identifier: MIT */
/*
 * dma-resv-fences.h - categories of fences, and the container of them
 *
 * Part of dma-resv.h, which says what the categories mean. The container is a unit of
 * its own: an object has one, and others may stand under the same lock.
 */
#ifndef DMABUF_DMA_RESV_FENCES_H
#define DMABUF_DMA_RESV_FENCES_H

#include <dmabuf/dma-fence.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dma_resv;
struct dma_resv_log;

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
	struct dma_resv_log *spare;   /* holder: memory that a reservation set aside */
	struct dma_resv_log *dropped; /* holder: logs to put at the next commit */
	struct dma_resv *obj;	/* constant after init: whose lock guards it */
	uint32_t spare_capacity; /* holder: of the spare */
	uint32_t length;	/* holder: entries of the staged log */
	uint32_t reserved;	/* holder: adds that cannot fail */
	bool touched;		/* holder: what is staged or reserved may have changed */
	bool is_backed;		/* constant: other processes have it, too */
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
 * @usage:  its category; aborts without a fence or with another number
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
 * @fence:  plain fence (a container warns) that becomes all there is in the category; a
 *	    reference is taken; NULL: nothing is
 * @usage:  the category; others stay as they are; aborts with another number
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

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_RESV_FENCES_H */
