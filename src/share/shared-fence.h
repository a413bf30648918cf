/* SPDX-License-Identifier: MIT */
/* A point of another member's timeline, as a fence of this process. */
#ifndef SHARE_SHARED_FENCE_H
#define SHARE_SHARED_FENCE_H

#include <dmabuf/dma-fence.h>

#include "os/list.h"
#include "share/member.h"

struct shared_fence {
	struct dma_fence base;
	struct member *member;	/* constant; with a reference */
	uint32_t timeline;	/* constant */
	uint32_t told;		/* atomic: who finds that it has signalled says so once */
	struct dmabuf_list_head node; /* of what is watched; under the watch's lock */
};

/* A new reference, or NULL: no memory. */
struct dma_fence *shared_fence_create(struct member *member, uint32_t timeline, uint64_t seqno);

/*
 * A fence for a point of this or of another member, with a reference. An error pointer: -EINVAL: no member
 * has such a timeline; -ENOMEM. For a point that is over it is one that has signalled.
 */
struct dma_fence *fence_of_point(struct dma_buf_pool *pool, const struct point *point);

/* Is @fence one that stands for a point of a member of @pool? */
bool fence_is_point(const struct dma_fence *fence, const struct dma_buf_pool *pool,
		    struct point *ret_point);

/*
 * A1 of own.c: whoever signals a point from @seqno on must look for waiters. The value of the timeline
 * afterwards (A2).
 */
uint64_t shared_fence_await(const struct shared_fence *shared);

/* It has signalled, as member_point_status() said when it was asked last. */
void shared_fence_end(struct shared_fence *shared, int status);

static inline struct shared_fence *to_shared_fence(struct dma_fence *fence)
{
	return container_of(fence, struct shared_fence, base);
}

#endif
