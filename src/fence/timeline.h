/* SPDX-License-Identifier: MIT */
/* Who stands behind a timeline, and carries its points to other processes. */
#ifndef FENCE_TIMELINE_H
#define FENCE_TIMELINE_H

#include <dmabuf/dma-fence-timeline.h>

struct timeline_backing;

struct timeline_backing_ops {
	/*
	 * The points up to @last have signalled, from @first to @last with @error if there is one. In order,
	 * under a short lock: no memory, no waiting. True: wake() is to be called.
	 */
	bool (*signaled)(struct timeline_backing *backing, uint64_t first, uint64_t last, int error);
	/* Outside of all locks; may be late. */
	void (*wake)(struct timeline_backing *backing);
	/* The timeline is no more. */
	void (*ended)(struct timeline_backing *backing);
};

struct timeline_backing {
	const struct timeline_backing_ops *ops; /* constant */
};

/*
 * Stand behind @tl until it ends. Its context; and up to where it has signalled, of which nothing is
 * told. 0; -EBUSY: somebody does.
 */
int timeline_back(struct dma_fence_timeline *tl, struct timeline_backing *backing,
		  uint64_t *ret_context, uint64_t *ret_signaled);

/* Who stands behind the timeline that issued @fence, or NULL. */
struct timeline_backing *timeline_backing_of(const struct dma_fence *fence);

#endif
