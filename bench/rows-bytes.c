/* SPDX-License-Identifier: MIT */
/* What memory a reservation takes. Compiled once a design, with -DDESIGN=name; n: fences in it. */
#include <dmabuf/dma-resv.h>
#include <stdlib.h>

#include "bytes.h"
#include "fences.h"

#define MOST 64

static struct dma_fence fence[MOST];
static struct dma_resv resv[BYTES_OBJECTS];

static double object(unsigned int n)
{
	(void)n;
	frame_report("the object", sizeof(struct dma_resv), "bytes");
	return REPORTED;
}

/* Added one after another, each with a section of the lock. */
static double allocated(unsigned int n)
{
	const size_t before = bytes_live();

	for (unsigned int i = 0; i < n; i++)
		dma_fence_init(&fence[i], &bench_ops, NULL, i + 1, 1);
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++) {
		dma_resv_init(&resv[i]);
		for (unsigned int j = 0; j < n; j++) {
			if (dma_resv_lock(&resv[i], NULL))
				abort();
			if (dma_resv_reserve_fences(&resv[i], 1))
				abort();
			dma_resv_add_fence(&resv[i], &fence[j], DMA_RESV_USAGE_READ);
			dma_resv_unlock(&resv[i]);
		}
	}
	dmabuf_rcu_barrier();
	frame_report("allocated for n fences", bytes_each(before), "bytes");
	for (unsigned int i = 0; i < BYTES_OBJECTS; i++)
		dma_resv_fini(&resv[i]);
	dmabuf_rcu_barrier();
	return REPORTED;
}

static const struct row rows[] = {
	{ "reservation", 0, object, false },	{ "reservation", 1, allocated, false },
	{ "reservation", 2, allocated, false }, { "reservation", 6, allocated, false },
	{ "reservation", 7, allocated, false }, { "reservation", 64, allocated, false },
};

const struct design DESIGN_NAME(bytes_rows) = { DESIGN_TITLE, rows, COUNT(rows) };
