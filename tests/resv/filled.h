/* SPDX-License-Identifier: MIT */
/* A reservation with fences of all categories in it. */
#ifndef FILLED_H
#define FILLED_H

#include "view.h"

/* @n fences of contexts of their own, committed: KERNEL, WRITE, READ, BOOKKEEP, KERNEL.. */
struct filled {
	struct dma_resv obj;
	struct dma_fence *fence[12];
	unsigned int n;
};

static inline enum dma_resv_usage usage_of(unsigned int i)
{
	return (enum dma_resv_usage)(i % 4);
}

static inline void fill(struct filled *f, unsigned int n)
{
	dma_resv_init(&f->obj);
	f->n = n;
	for (unsigned int i = 0; i < n; i++) {
		f->fence[i] = mock_lone();
		add_alone(&f->obj, f->fence[i], usage_of(i));
	}
}

static inline void empty(struct filled *f)
{
	dma_resv_fini(&f->obj);
	for (unsigned int i = 0; i < f->n; i++)
		dma_fence_put(f->fence[i]);
}

#endif
