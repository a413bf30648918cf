/* SPDX-License-Identifier: MIT */
/*
 * In front of the library's header of this name: the interface of reservations, as far as all
 * designs have it, each with its own structures and with names of its own, so that rows and
 * tests are compiled once a design and linked side by side.
 *
 * Compiled with -DDESIGN=name and -DDESIGN_HEADER="name.h", which defines struct dma_resv and
 * struct dma_resv_iter. The functions do what those of libdmabuf do (which documents them), except
 * that what is added is visible at once, as in Linux, and a commit therefore does nothing.
 */
#ifndef DMABUF_DMA_RESV_H
#define DMABUF_DMA_RESV_H
#define DMABUF_DMA_RESV_ITER_H

#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-resv-fences.h>
#include <dmabuf/ww-mutex.h>
#include <stdlib.h>

#include "name.h"

#define dma_resv DESIGN_NAME(resv)
#define dma_resv_iter DESIGN_NAME(iter)
#define dma_resv_init DESIGN_NAME(init)
#define dma_resv_fini DESIGN_NAME(fini)
#define dma_resv_reserve_fences DESIGN_NAME(reserve_fences)
#define dma_resv_add_fence DESIGN_NAME(add_fence)
#define dma_resv_replace_fences DESIGN_NAME(replace_fences)
#define dma_resv_get_fences DESIGN_NAME(get_fences)
#define dma_resv_get_singleton DESIGN_NAME(get_singleton)
#define dma_resv_copy_fences DESIGN_NAME(copy_fences)
#define dma_resv_wait_timeout DESIGN_NAME(wait_timeout)
#define dma_resv_test_signaled DESIGN_NAME(test_signaled)
#define dma_resv_iter_first_unlocked DESIGN_NAME(iter_first_unlocked)
#define dma_resv_iter_next_unlocked DESIGN_NAME(iter_next_unlocked)
#define dma_resv_iter_first DESIGN_NAME(iter_first)
#define dma_resv_iter_next DESIGN_NAME(iter_next)

#ifdef DESIGN_TESTED
#define DESIGN_TESTED_MEMBERS struct dma_resv_fences fences; /* that tests name, and nobody uses */
#else
#define DESIGN_TESTED_MEMBERS
#endif
#include DESIGN_HEADER

extern struct ww_class reservation_ww_class;

void dma_resv_init(struct dma_resv *obj);
void dma_resv_fini(struct dma_resv *obj);
int dma_resv_reserve_fences(struct dma_resv *obj, unsigned int num_fences);
void dma_resv_add_fence(struct dma_resv *obj, struct dma_fence *fence, enum dma_resv_usage usage);
int dma_resv_replace_fences(struct dma_resv *obj, uint64_t context, struct dma_fence *replacement,
			    enum dma_resv_usage usage);
int dma_resv_get_fences(struct dma_resv *obj, enum dma_resv_usage usage, unsigned int *num_fences,
			struct dma_fence ***fences);
int dma_resv_get_singleton(struct dma_resv *obj, enum dma_resv_usage usage,
			   struct dma_fence **fence);
int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src);
int64_t dma_resv_wait_timeout(struct dma_resv *obj, enum dma_resv_usage usage, bool intr,
			      int64_t timeout);
bool dma_resv_test_signaled(struct dma_resv *obj, enum dma_resv_usage usage);

struct dma_fence *dma_resv_iter_first_unlocked(struct dma_resv_iter *cursor);
struct dma_fence *dma_resv_iter_next_unlocked(struct dma_resv_iter *cursor);
struct dma_fence *dma_resv_iter_first(struct dma_resv_iter *cursor);
struct dma_fence *dma_resv_iter_next(struct dma_resv_iter *cursor);

/* The lock is the same in all designs: ww_mutex as Linux has it. */

static inline int DMABUF_MUST_CHECK dma_resv_lock(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock(&obj->lock, ctx);
}

static inline int DMABUF_MUST_CHECK dma_resv_lock_interruptible(struct dma_resv *obj,
								struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock_interruptible(&obj->lock, ctx);
}

static inline void dma_resv_lock_slow(struct dma_resv *obj, struct ww_acquire_ctx *ctx)
{
	ww_mutex_lock_slow(&obj->lock, ctx);
}

static inline int DMABUF_MUST_CHECK dma_resv_lock_slow_interruptible(struct dma_resv *obj,
								     struct ww_acquire_ctx *ctx)
{
	return ww_mutex_lock_slow_interruptible(&obj->lock, ctx);
}

static inline bool DMABUF_MUST_CHECK dma_resv_trylock(struct dma_resv *obj)
{
	return ww_mutex_trylock(&obj->lock, NULL);
}

static inline void dma_resv_unlock(struct dma_resv *obj)
{
	ww_mutex_unlock(&obj->lock);
}

static inline bool dma_resv_is_locked(struct dma_resv *obj)
{
	return ww_mutex_is_locked(&obj->lock);
}

static inline bool dma_resv_held(struct dma_resv *obj)
{
	return ww_mutex_is_held(&obj->lock);
}

static inline void dma_resv_assert_held(struct dma_resv *obj)
{
	if (!dma_resv_held(obj))
		abort();
}

static inline struct ww_acquire_ctx *dma_resv_locking_ctx(struct dma_resv *obj)
{
	return ww_mutex_ctx(&obj->lock);
}

static inline void dma_resv_commit(struct dma_resv *obj)
{
	(void)obj;
}

/* Walks. */

static inline void dma_resv_iter_begin(struct dma_resv_iter *cursor, struct dma_resv *obj,
				       enum dma_resv_usage usage)
{
	*cursor = (struct dma_resv_iter){ .obj = obj, .usage = usage };
}

static inline void dma_resv_iter_end(struct dma_resv_iter *cursor)
{
	dma_fence_put(cursor->fence);
}

static inline enum dma_resv_usage dma_resv_iter_usage(struct dma_resv_iter *cursor)
{
	return cursor->fence_usage;
}

static inline bool dma_resv_iter_is_restarted(struct dma_resv_iter *cursor)
{
	return cursor->is_restarted;
}

#define dma_resv_for_each_fence_unlocked(cursor, fence)                         \
	for ((fence) = dma_resv_iter_first_unlocked(cursor); (fence);           \
	     (fence) = dma_resv_iter_next_unlocked(cursor))

#define dma_resv_for_each_fence(cursor, obj, usage, fence)                              \
	for (dma_resv_iter_begin(cursor, obj, usage), (fence) = dma_resv_iter_first(cursor); \
	     (fence); (fence) = dma_resv_iter_next(cursor))

#ifdef DESIGN_TESTED
#include "tested.h"
#endif

#endif
