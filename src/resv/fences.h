/* SPDX-License-Identifier: MIT */
/* The container's inside, for the functions that edit what is staged. */
#ifndef RESV_FENCES_H
#define RESV_FENCES_H

#include "resv/log.h"
#include "resv/ww-mutex-internal.h"

/* dma_resv_assert_held(), with one look. */
static inline void resv_assert_held(struct dma_resv *obj) DMABUF_ASSERTS(obj->lock)
{
	if (unlikely(!ww_is_mine(&obj->lock)))
		dma_resv_assert_held(obj);
}

/* Abort unless @usage, which shares a word with the fence, is a category; warn of arrays. */
void fences_check(const struct dma_fence *fence, enum dma_resv_usage usage, const char *who);

/* For the analysis: the lock of the object that @fences is inside has a second name. */
static inline void fences_assume_held(const struct dma_resv_fences *fences)
	DMABUF_ASSERTS(fences->obj->lock)
{
	(void)fences;
}

/* A log with room for @live entries, for what is reserved, and to grow; or NULL. */
struct dma_resv_log *fences_alloc_log(const struct dma_resv_fences *fences, uint32_t live)
	DMABUF_REQUIRES(fences->obj->lock);

/* Would the word form, with @live fences in it (0 or 1), keep what is reserved? */
bool fences_fit_word(const struct dma_resv_fences *fences, uint32_t live)
	DMABUF_REQUIRES(fences->obj->lock);

/* Stage nothing at all, one fence, or a log that owns all its entries. */
void fences_stage_nothing(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock);
void fences_stage_one(struct dma_resv_fences *fences, struct dma_fence *fence,
		      enum dma_resv_usage usage) DMABUF_REQUIRES(fences->obj->lock);
void fences_stage_log(struct dma_resv_fences *fences, struct dma_resv_log *log)
	DMABUF_REQUIRES(fences->obj->lock);

/*
 * Put into @log, borrowed, what still matters of @set, in its order; without the
 * fences of context *@except, unless that is NULL. (One of a word has
 * signalled, where it is not replaced in the word.)
 */
void fences_fill(struct dma_resv_log *log, const struct dma_resv_snapshot *set,
		 const uint64_t *except);

/* Stage what still matters of what is staged, in @log. */
void fences_compact(struct dma_resv_fences *fences, struct dma_resv_log *log)
	DMABUF_REQUIRES(fences->obj->lock);

/* What was set aside goes back. */
void fences_drop_spare(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock);

/* What remains of a reservation is void. */
void fences_forget_reserved(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock);

/* The lock is about to be dropped: commit, and forget what is reserved. */
void fences_end(struct dma_resv_fences *fences) DMABUF_REQUIRES(fences->obj->lock);

#endif
