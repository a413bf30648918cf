/* SPDX-License-Identifier: MIT */
/* Chains for the tests: each link with a fence that the test can signal. */
#ifndef TESTS_CHAINS_H
#define TESTS_CHAINS_H

#include <dmabuf/dma-fence-chain.h>

#include "fences.h"

/* Consumes @prev and @fence. */
static inline struct dma_fence *link_fence(struct dma_fence *prev, struct dma_fence *fence,
					   uint64_t seqno)
{
	struct dma_fence_chain *chain = dma_fence_chain_alloc();

	ASSERT_PTR(chain, !=, NULL);
	dma_fence_chain_init(chain, prev, fence, seqno);
	return &chain->base;
}

/* Links numbered 1 to n. The test has a reference on each link and on each fence. */
struct test_chain {
	unsigned int n;
	struct dma_fence **fences, **links; /* from 0 */
};

static inline struct dma_fence *chain_head(const struct test_chain *chain)
{
	return chain->links[chain->n - 1];
}

static inline struct test_chain make_chain(unsigned int n)
{
	struct test_chain chain = { n, calloc(n, sizeof(void *)), calloc(n, sizeof(void *)) };

	if (!chain.fences || !chain.links)
		abort();
	for (unsigned int i = 0; i < n; i++) {
		chain.fences[i] = make_fence();
		chain.links[i] = link_fence(i ? dma_fence_get(chain.links[i - 1]) : NULL,
					    dma_fence_get(chain.fences[i]), i + 1);
	}
	return chain;
}

/* Signals what is left. */
static inline void end_chain(struct test_chain *chain)
{
	for (unsigned int i = 0; i < chain->n; i++) {
		if (!dma_fence_test_signaled_flag(chain->fences[i]))
			dma_fence_signal(chain->fences[i]);
		dma_fence_put(chain->fences[i]);
		dma_fence_put(chain->links[i]);
	}
	free(chain->fences);
	free(chain->links);
}

#endif
