/* SPDX-License-Identifier: MIT */
#include "resv/backing.h"

#include "resv/log-memory.h"

void resv_backing_init(struct resv_backing *backing, const struct resv_backing_ops *ops)
{
	dma_resv_init(&backing->resv);
	backing->resv.fences.is_backed = true;
	backing->ops = ops;
}

/* With one reference on each fence; 0: no memory. */
static uintptr_t make_word(struct dma_fence *const *fence, const enum dma_resv_usage *usage,
			   uint32_t n)
{
	struct dma_resv_log *log;

	if (n == 1)
		return word_of_fence(fence_get(fence[0]), usage[0]);
	log = log_alloc(2 * (uint64_t)n);
	if (!log)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		log->length = log_append(log, log->length, fence_get(fence[i]), usage[i]);
	log->committed = log->length;
	return word_of_log(log);
}

bool resv_backing_show(struct resv_backing *backing, struct dma_fence *const *fence,
		       const enum dma_resv_usage *usage, uint32_t n)
{
	struct dma_resv_fences *fences = &backing->resv.fences;
	const uintptr_t old = fences->word, new = n ? make_word(fence, usage, n) : 0;

	if (n && !new)
		return false;
	fences->staged = new;
	fences->length = n;
	store_release(&fences->word, new); /* W3 of set.c */
	word_put(old);
	return true;
}
