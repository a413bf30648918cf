/* SPDX-License-Identifier: MIT */
/*
 * dmabuf-annotate.h - the locking rules, as clang's thread-safety analysis reads them
 *
 * With clang and -Wthread-safety, a function that adds a fence without the lock, or returns
 * with it, does not compile without a warning. What a comment asks for stays the contract;
 * here is the part of it that a compiler can follow. Others see nothing of it, nor does who
 * defines DMABUF_NO_ANNOTATIONS first.
 *
 * A lock has the name by which the code reaches it. dma_resv_lock(obj, ctx) takes obj->lock, a
 * fence has dma_fence_spinlock(fence), and dmabuf_rcu stands for the read sections, which all
 * share. The analysis looks at one function at a time: one that is called with a lock held
 * says so, by DMABUF_REQUIRES(), or asks, by dma_resv_assert_held().
 *
 * It cannot follow locks that are taken in a loop, or by one name and used by another: after
 * drm_exec_until_all_locked(), dma_resv_assert_held() tells it. What is beyond it altogether
 * opts out, with a reason: DMABUF_UNCHECKED().
 *
 * Example:
 *
 *	static void add_write(struct dma_buf *dmabuf, struct dma_fence *fence)
 *		DMABUF_REQUIRES(dmabuf->resv->lock)
 *	{
 *		dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
 *	}
 */
#ifndef DMABUF_ANNOTATE_H
#define DMABUF_ANNOTATE_H

#if defined(__clang__) && !defined(DMABUF_NO_ANNOTATIONS)
#define DMABUF_ANNOTATE_(attribute) __attribute__((attribute))
#else
#define DMABUF_ANNOTATE_(attribute)
#endif

/* A type is a lock; "kind" is how a warning calls it. */
#define DMABUF_CAPABILITY(kind) DMABUF_ANNOTATE_(__capability__(kind))

/* A function takes the lock, or tries to: then it returns @success, 0 or 1, if it has it. */
#define DMABUF_ACQUIRE(lock) DMABUF_ANNOTATE_(__acquire_capability__(lock))
#define DMABUF_ACQUIRE_SHARED(lock) DMABUF_ANNOTATE_(__acquire_shared_capability__(lock))
#define DMABUF_TRY_ACQUIRE(success, lock) \
	DMABUF_ANNOTATE_(__try_acquire_capability__(success, lock))

/* It drops the lock. */
#define DMABUF_RELEASE(lock) DMABUF_ANNOTATE_(__release_capability__(lock))
#define DMABUF_RELEASE_SHARED(lock) DMABUF_ANNOTATE_(__release_shared_capability__(lock))

/* Its caller holds the lock, or does not. */
#define DMABUF_REQUIRES(lock) DMABUF_ANNOTATE_(__requires_capability__(lock))
#define DMABUF_REQUIRES_SHARED(lock) DMABUF_ANNOTATE_(__requires_shared_capability__(lock))
#define DMABUF_EXCLUDES(lock) DMABUF_ANNOTATE_(__locks_excluded__(lock))

/* Where it returns, the lock is held, by somebody who will drop it. */
#define DMABUF_ASSERTS(lock) DMABUF_ANNOTATE_(__assert_capability__(lock))

/* A variable is under a lock. C cannot say so of members: clang does not join two of one object. */
#define DMABUF_GUARDED_BY(lock) DMABUF_ANNOTATE_(__guarded_by__(lock))

/* Not to be analysed inside. The reason is for the reader. */
#define DMABUF_UNCHECKED(reason) DMABUF_ANNOTATE_(__no_thread_safety_analysis__)

#endif /* DMABUF_ANNOTATE_H */
