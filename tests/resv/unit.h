/* SPDX-License-Identifier: MIT */
/* A container as a unit of its own, one that no reservation object owns. */
#ifndef UNIT_H
#define UNIT_H

#include <dmabuf/dma-fence-array.h>

#include "resv/log.h"
#include "view.h"

/* A container under an object's lock, which is held. */
struct unit {
	struct dma_resv obj;
	struct dma_resv_fences fences;
};

static inline void begin(struct unit *u)
{
	dma_resv_init(&u->obj);
	dma_resv_fences_init(&u->fences, &u->obj);
	lock(&u->obj);
}

static inline void end(struct unit *u)
{
	dma_resv_unlock(&u->obj);
	dma_resv_fences_fini(&u->fences);
	dma_resv_fini(&u->obj);
}

static inline void reserve_in(struct unit *u, unsigned int n)
{
	ASSERT_INT(dma_resv_fences_reserve(&u->obj, &u->fences, n), ==, 0);
}

static inline void commit(struct unit *u)
{
	dma_resv_fences_commit(&u->obj, &u->fences);
}

/* Stages a fence of a context of its own that nobody else holds, and returns it, borrowed. */
static inline struct dma_fence *stage(struct unit *u, enum dma_resv_usage usage)
{
	struct dma_fence *fence = mock_lone();

	reserve_in(u, 1);
	dma_resv_fences_add(&u->fences, fence, usage);
	dma_fence_put(fence);
	return fence;
}

/* How many committed fences a query returns. */
static inline unsigned int committed(struct unit *u, enum dma_resv_usage usage)
{
	struct dma_fence *all = dma_resv_fences_get_rcu(&u->fences, usage), *member;
	unsigned int i, n = 0;

	ASSERT_FALSE(dmabuf_is_err(all));
	dma_fence_array_for_each(member, i, all)
		n++;
	dma_fence_put(all);
	return n;
}

static inline struct dma_resv_log *staged_log(const struct unit *u)
{
	ASSERT_TRUE(word_is_log(u->fences.staged));
	return word_log(u->fences.staged);
}

static inline struct dma_resv_log *published_log(const struct unit *u)
{
	ASSERT_TRUE(word_is_log(u->fences.word));
	return word_log(u->fences.word);
}

#endif
