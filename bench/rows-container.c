/* SPDX-License-Identifier: MIT */
/* Chains and arrays of fences: ours only. */
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <stdlib.h>

#include "fences.h"
#include "rows.h"

/* Of contexts of their own. */
static struct dma_fence *make(unsigned int n)
{
	struct dma_fence *const fence = calloc(n, sizeof(*fence));

	MUST(fence);
	for (unsigned int i = 0; i < n; i++)
		dma_fence_init(&fence[i], &bench_ops, NULL, i + 1, 1);
	return fence;
}

/* A link a fence; numbers from 1. */
static struct dma_fence *build(struct dma_fence *fence, unsigned int n)
{
	struct dma_fence *head = NULL;

	for (unsigned int i = 0; i < n; i++) {
		struct dma_fence_chain *link = dma_fence_chain_alloc();

		if (!link)
			abort();
		dma_fence_chain_init(link, head, dma_fence_get(&fence[i]), i + 1);
		head = &link->base;
	}
	return head;
}

static double chain(unsigned int n)
{
	struct dma_fence *fence = make(n), *head = NULL, *oldest;
	double ns;

	ns = MEASURED(n, head = build(fence, n));
	frame_report("build", ns, "ns");

	oldest = dma_fence_get(head);
	ns = MEASURED(n, MUST(!dma_fence_chain_find_seqno(&oldest, 1)));
	frame_report("find the oldest, a link", ns, "ns");
	dma_fence_put(oldest);

	ns = MEASURED(n, {
		dma_fence_put(head);
		dmabuf_rcu_barrier();
	});
	frame_report("free", ns, "ns");

	/* All but the newest have signalled: a walk drops them. */
	head = build(fence, n);
	for (unsigned int i = 0; i < n - 1; i++)
		dma_fence_signal(&fence[i]);
	ns = MEASURED(n, {
		struct dma_fence *link;

		dma_fence_chain_for_each(link, head)
			;
		dmabuf_rcu_barrier();
	});
	frame_report("collect", ns, "ns");
	MUST(!to_dma_fence_chain(head)->prev);
	dma_fence_put(head);
	dmabuf_rcu_barrier();
	free(fence);
	return REPORTED;
}

static void count(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	frame_sink++;
}

/* A member: made, with a callback, until it has called. */
static double array(unsigned int n)
{
	struct dma_fence *const fence = make(n);
	struct dma_fence_array *array = NULL;
	struct dma_fence_cb cb;
	double ns;

	ns = MEASURED(n, {
		struct dma_fence **table = malloc(n * sizeof(*table));

		if (!table)
			abort();
		for (unsigned int i = 0; i < n; i++)
			table[i] = dma_fence_get(&fence[i]);
		array = dma_fence_array_create((int)n, table, 1, 1, false);
		if (!array || dma_fence_add_callback(&array->base, &cb, count))
			abort();
	});
	frame_report("make and arm, a member", ns, "ns");
	ns = MEASURED(n, {
		for (unsigned int i = 0; i < n; i++)
			dma_fence_signal(&fence[i]);
		dma_fence_wait(&array->base, false);
	});
	frame_report("signal, a member", ns, "ns");
	dma_fence_put(&array->base);
	dmabuf_rcu_barrier();
	free(fence);
	return REPORTED;
}

static const struct row rows[] = {
	{ "chain", 1000000, chain, false },
	{ "array", 4096, array, false },
};

const struct design ours_container_rows = { "ours", rows, COUNT(rows) };
